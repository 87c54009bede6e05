"""Turn medical images with masks or tracks into a validated, reproducible dataset of boxes, points and counts."""

from importlib.metadata import version

__version__ = version("medmultipoints")
