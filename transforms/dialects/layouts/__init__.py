"""Dialects of files for pictures and their objects."""
