"""Compose: build the released rows from samples, regions, corrections and splits."""
