"""Dialects of one entry per instruction, and their inverses."""
