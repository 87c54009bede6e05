"""Pairs of a picture and a mask of the same name, with the boxes of all pictures in one JSON."""
