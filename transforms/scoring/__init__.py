"""Compare predictions with the truth: the published metrics, strict metrics, and where the two disagree."""
