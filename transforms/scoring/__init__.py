"""Predictions held against the truth: the published metric set, a strict one, and where the two disagree."""
