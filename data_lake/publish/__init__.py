"""Versions of a release at a place that keeps them: one commit, one tag, read back."""
