"""The declaration of a source: its keys, patterns of paths, and how it is written."""
