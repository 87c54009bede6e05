"""Columns: each table and column is declared once, in ``tables/*.toml``."""
