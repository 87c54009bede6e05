"""Witnesses: what a model says of pictures, its quality control, its comparison with the labels."""
