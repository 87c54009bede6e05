"""Witnesses on disk: declared models, what runs them, files of what they say, and the small trained model."""
