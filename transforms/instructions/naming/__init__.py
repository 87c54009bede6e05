"""Naming: the names that questions and answers use for the labels of a release."""
