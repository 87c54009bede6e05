"""Fetch: downloads that resume and are checked against accepted hashes."""
