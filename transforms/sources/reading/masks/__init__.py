"""Masks and volumes as files: which are read, of which picture, and what their values mean."""
