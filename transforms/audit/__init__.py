"""Audit: disagreements between sources, masks, tracks and pictures, and their corrections."""
