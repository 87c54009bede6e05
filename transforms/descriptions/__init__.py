"""Descriptions: what a language model is asked about a picture, and which of its sentences are kept. Pure."""
