"""Commands that look at sources and build releases."""
