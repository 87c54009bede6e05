"""Answers: parse the answers of models and releases from text."""
