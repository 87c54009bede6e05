"""Dialects: convert a release to the formats of trainers and tools, and back."""
