"""Evaluate: predictions of a model read and scored against a release."""
