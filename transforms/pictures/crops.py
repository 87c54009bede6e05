"""Name and parse crops of released pictures: ``images/<image_sha256>.crop.<x1>.<y1>.<x2>.<y2>.png``.

Edges are whole pixels of the released picture, half-open. A crop can be cut from its picture, so releases hold none.
"""

import re
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.errors import DataError

_EDGE: Final = "(0|[1-9][0-9]{0,5})"
_NAME: Final = re.compile(rf"images/([0-9a-f]{{64}})\.crop\.{_EDGE}\.{_EDGE}\.{_EDGE}\.{_EDGE}\.png")


@dataclass(frozen=True, slots=True, order=True)
class Crop:
    """A half-open rectangle of a picture, in pixels: columns ``x1`` to ``x2``, rows ``y1`` to ``y2``."""

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
        """Return whether the crop is not empty and lies inside a picture of this size."""
        return 0 <= self.x1 < self.x2 <= width and 0 <= self.y1 < self.y2 <= height


def crop_path(crop: Crop, width: int, height: int) -> str:
    """Return the path of a crop of a picture of this size. Raise DataError if it is empty or not inside."""
    path = f"images/{crop.image_sha256}.crop.{crop.x1}.{crop.y1}.{crop.x2}.{crop.y2}.png"
    if not crop.fits(width, height):
        raise DataError(f"{path} has no pixel, or lies outside a picture of {width} x {height} pixels.")
    return path


def read_crop(path: str) -> Crop | None:
    """Return the crop named by a path, or None if the path is not a crop's. Inverse of ``crop_path``."""
    found = _NAME.fullmatch(path)
    return Crop(found[1], *map(int, found.groups()[1:])) if found else None
