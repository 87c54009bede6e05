"""Commands that read, compare, sign and publish releases."""
