"""Publish versions of a release: one commit, one tag, read back."""
