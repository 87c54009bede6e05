"""Checks of a release: everything in it is computed again."""
