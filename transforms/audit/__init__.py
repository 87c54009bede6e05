"""Audit: find disagreements between sources, masks, tracks and pictures, and apply corrections."""
