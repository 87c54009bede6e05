"""Compose: released rows made from samples, regions, corrections and splits."""
