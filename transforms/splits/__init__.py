"""Splits: assign groups of images to train, validation and test, and certify that they do not leak."""
