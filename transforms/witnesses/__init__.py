"""Witnesses: model predictions, their quality control, and their comparison with the labels."""
