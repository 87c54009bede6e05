"""Inspect a source: recognise its format, propose a declaration with proofs, and count what it gives."""
