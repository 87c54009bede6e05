"""Witnesses on disk: declared models, executors, prediction files, and the small trained model."""
