"""A piece of a released picture, named by its path: ``images/<image_sha256>.crop.<x1>.<y1>.<x2>.<y2>.png``.

The name is the whole rule: whole pixels of the released picture, half-open as every box. Whoever has the picture has
the crop, so no release holds one.
"""

import re
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.errors import DataError

_EDGE: Final = "(0|[1-9][0-9]{0,5})"
_NAME: Final = re.compile(rf"images/([0-9a-f]{{64}})\.crop\.{_EDGE}\.{_EDGE}\.{_EDGE}\.{_EDGE}\.png")


@dataclass(frozen=True, slots=True, order=True)
class Crop:
    """The pixels in columns ``x1`` to ``x2`` and rows ``y1`` to ``y2`` of a picture, the last of both left out."""

    image_sha256: str
    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def width(self) -> int:
        return self.x2 - self.x1

    @property
    def height(self) -> int:
        return self.y2 - self.y1

    def fits(self, width: int, height: int) -> bool:
        """Return whether it holds a pixel, and lies inside a picture of this size."""
        return 0 <= self.x1 < self.x2 <= width and 0 <= self.y1 < self.y2 <= height


def crop_path(crop: Crop, width: int, height: int) -> str:
    """Return the path of a crop of a picture of this size; DataError for one that is empty or not inside it."""
    path = f"images/{crop.image_sha256}.crop.{crop.x1}.{crop.y1}.{crop.x2}.{crop.y2}.png"
    if not crop.fits(width, height):
        raise DataError(f"{path} holds no pixel, or lies outside a picture of {width} x {height} pixels.")
    return path


def read_crop(path: str) -> Crop | None:
    """Return the crop that a path names; None for every other path. Inverse of ``crop_path``."""
    found = _NAME.fullmatch(path)
    return Crop(found[1], *map(int, found.groups()[1:])) if found else None
