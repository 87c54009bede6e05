"""One module a format, all of the same shape: ``FORMAT = Format(...)``."""
