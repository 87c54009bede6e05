"""Masks: values, connected components, run lengths, outlines and polygons."""
