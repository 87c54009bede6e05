"""Diff: what changed from one release to another."""
