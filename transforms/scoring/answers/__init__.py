"""Answers: what a model or a release says to one question, read from text."""
