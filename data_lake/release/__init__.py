"""A release on disk: its files, manifest and card, and how to check, compare and export it."""
