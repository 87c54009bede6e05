"""Scoring: compare predictions with the truth by the published and the strict metrics."""
