"""Formats: one module each, which defines ``FORMAT = Format(...)``."""
