"""Evaluate: read a model's predictions and score them against a release."""
