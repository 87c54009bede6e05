"""Checks of a release: everything that it states is computed again."""
