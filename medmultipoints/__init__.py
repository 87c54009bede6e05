"""Turn medical images with masks or tracks into a validated, reproducible dataset of boxes, points and counts."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("medmultipoints")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
