"""Splits: groups of images assigned to train, validation and test, and proof that they do not leak."""
