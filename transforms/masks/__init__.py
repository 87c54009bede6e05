"""Masks: what their values mean, their connected components, run lengths, outlines and polygons."""
