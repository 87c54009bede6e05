"""Diff: compare two releases."""
