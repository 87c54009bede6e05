"""Checks of a release: all of its content is recomputed."""
