"""Find the connected components of a mask, with bounding box, centroid, interior point and run lengths.

Coordinates are those of ``transforms.records``: half-open boxes, pixel centres at + 0.5, origin top-left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.masks.interior_points import find_interior_point
from medmultipoints.transforms.masks.run_lengths import decode_rle, encode_rle
from medmultipoints.transforms.pictures.components import label_components, lit_part
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.pictures.tones import measure_tone
from medmultipoints.transforms.records import Box, Point, Region

__all__ = ["MaskRegions", "Speck", "decode_rle", "find_regions", "measure_mask"]

FEW_CHANGES: Final = 20_000
"""Number of changes between object and background up to which counting outer contours is cheap."""
FEW_COMPONENTS: Final = 16
"""Number of components whose boxes are compared with each other."""
SPECK_PX: Final = 4
"""Greatest area of mask objects that are reported as possible specks."""
MOST_CHANGES: Final = 16_000_000
MOST_COMPONENTS: Final = 300_000
MOST_NESTED: Final = 64
"""Greatest total area of the components' bounding boxes, in areas of the mask: nested rings exceed it."""

# The pipeline runs one thread per image; a second pool inside OpenCV would compete with it and could make results
# depend on the number of cores.
cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class Speck:
    """A component below the minimum area: counted and reported, never an object."""

    box: Box
    area_px: int
    reason: Literal["stray_pixel", "below_min_area"]


@dataclass(frozen=True, slots=True)
class MaskRegions:
    """Regions and specks of a mask. ``off_binary``: the largest distance of a value from 0 or 255, 0 to 127.

    ``sample_id`` and ``label`` of the regions are empty, for the caller to fill in.
    """

    regions: tuple[Region, ...]
    specks: tuple[Speck, ...]
    off_binary: int


@dataclass(frozen=True, slots=True, eq=False)
class _Component:
    """Pixels of a component's bounding box, 1 inside the component; ``left`` and ``top`` place it in the image."""

    pixels: NDArray[np.uint8]
    left: int
    top: int
    area_px: int

    @property
    def box(self) -> Box:
        height, width = self.pixels.shape
        return Box(self.left, self.top, self.left + width, self.top + height)


class _Frame(NamedTuple):
    width: int
    height: int


def find_regions(
    mask: NDArray[np.uint8],
    threshold: int = 128,
    min_area_px: int = 20,
    scratch: Scratch | None = None,
    picture: NDArray[np.uint8] | None = None,
) -> MaskRegions:
    """Return each 8-connected component of pixels ``>= threshold`` as a region, or as a speck below ``min_area_px``.

    ``mask``: height x width, gray. Both lists are sorted by (y1, x1, y2, x2). This order is total: two 8-connected
    components cannot share a bounding box, since a path across it and a path down it would meet.
    The centroid is the exact mean of the component's pixel centres; the interior point is the centre of the
    pixel deepest inside the component (see ``transforms.masks.interior_points``), so it is always on the mask.
    With ``picture``, the RGB image of the mask, each region has its tone.
    Raises ValueError if the mask is not a gray image or the threshold is not in 1..255, and MemberProblem
    ``mask_too_intricate`` if the mask has more parts or changes than any plausible object.
    """
    _check_arguments(mask, threshold)
    rows, columns = lit_part(mask)  # black pixels are of no object, and no distance from 0
    if rows.stop == 0:
        return MaskRegions((), (), 0)
    levels, frame = mask[rows, columns], _Frame(mask.shape[1], mask.shape[0])
    white = (scratch or Scratch()).take("white", *levels.shape)
    off_binary = int(np.minimum(levels, np.invert(levels, out=white), out=white).max())
    np.greater_equal(levels, threshold, out=white.view(np.bool_))
    at_corner = rows.start == columns.start == 0
    specks = _take_stray_pixel(white) if at_corner and min_area_px > 1 else []
    found = list(_find_components(white, columns.start, rows.start, frame, min_area_px))
    specks += [one for one in found if isinstance(one, Speck)]
    regions = [_measure(one, frame, picture) for one in found if isinstance(one, _Component)]
    first_to_last = (tuple(sorted(regions, key=reading_order)), tuple(sorted(specks, key=reading_order)))
    return MaskRegions(*first_to_last, off_binary)


def measure_mask(mask: NDArray[np.bool_], picture: NDArray[np.uint8] | None = None) -> Region:
    """Return all pixels of a mask as one object, connected or not; with ``picture``, it has its tone.

    ``sample_id`` and ``label`` are empty, for the caller to fill in. Raises ValueError if the mask is empty.
    """
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    left, top, width, height = cv2.boundingRect(pixels)
    if width == 0:
        raise ValueError("a mask is empty")
    crop = pixels[top : top + height, left : left + width]
    return measure_object(crop, left, top, mask.shape[1], mask.shape[0], picture)


def measure_object(
    pixels: NDArray[np.uint8],
    left: int,
    top: int,
    width: int,
    height: int,
    picture: NDArray[np.uint8] | None = None,
) -> Region:
    """Return an object whose pixels need not be connected.

    ``pixels``: rows x columns of its bounding box, 1 inside the object, which touches each side; ``left`` and ``top``
    place it in a frame of ``width`` x ``height`` pixels.
    """
    return _measure(_Component(pixels, left, top, int(np.count_nonzero(pixels))), _Frame(width, height), picture)


def _check_arguments(mask: NDArray[np.uint8], threshold: int) -> None:
    if mask.ndim != 2 or mask.dtype != np.uint8 or mask.size == 0:
        raise ValueError(f"a mask is height x width of uint8, not {mask.shape} of {mask.dtype}")
    if not 1 <= threshold <= 255:
        raise ValueError(f"threshold {threshold} is not in 1..255")


def _take_stray_pixel(white: NDArray[np.uint8]) -> list[Speck]:
    """Remove a lone pixel at (0, 0), which would stretch the bounding rectangle, and return it as a speck.

    143 of the 1,000 HyperKvasir masks have one.
    """
    if not white[0, 0] or np.count_nonzero(white[:2, :2]) > 1:
        return []
    white[0, 0] = 0
    return [Speck(Box(0, 0, 1, 1), 1, "stray_pixel")]


def _find_components(
    white: NDArray[np.uint8], left: int, top: int, frame: _Frame, min_area_px: int
) -> Iterator[_Component | Speck]:
    """Yield the components, in no particular order; those below the minimum area as specks.

    ``white`` lies at ``left``, ``top`` of the frame. Works on the bounding box of all white pixels, a fraction of most
    masks, and on the components' own where these are apart: ten times as fast as labelling. Raises MemberProblem for
    noise and patterns: more changes, components or nested bounding boxes than any plausible object.
    """
    x, y, width, height = cv2.boundingRect(white)
    if width == 0:
        return
    crop, left, top = white[y : y + height, x : x + width], left + x, top + y
    changes = _count_changes(crop)
    _require(changes <= MOST_CHANGES, f"{changes:,} changes between object and background, noise rather than objects")
    apart = _boxes_apart(crop) if changes <= FEW_CHANGES else ()
    for x, y, width, height in apart:
        pixels = crop[y : y + height, x : x + width]
        one = _Component(pixels, left + x, top + y, cv2.countNonZero(pixels))
        yield one if one.area_px >= min_area_px else Speck(one.box, one.area_px, "below_min_area")
    if not apart:
        yield from _label(crop, left, top, frame, min_area_px)


def _boxes_apart(white: NDArray[np.uint8]) -> Sequence[Sequence[int]]:
    """Return left, top, width and height of each 8-connected component; none if they are many or their boxes meet."""
    contours, hierarchy = cv2.findContours(white, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outer = np.flatnonzero(hierarchy[0, :, 3] < 0).tolist()
    if len(outer) > FEW_COMPONENTS:
        return ()
    boxes = [cv2.boundingRect(contours[place]) for place in outer]
    return () if any(_meet(one, other) for one, other in combinations(boxes, 2)) else boxes


def _meet(one: Sequence[int], other: Sequence[int]) -> bool:
    return all(one[at] < other[at] + other[at + 2] and other[at] < one[at] + one[at + 2] for at in (0, 1))


def _label(
    crop: NDArray[np.uint8], left: int, top: int, frame: _Frame, min_area_px: int
) -> Iterator[_Component | Speck]:
    labels, statistics = label_components(crop)
    count = len(statistics) - 1
    _require(count <= MOST_COMPONENTS, f"{count:,} components, noise rather than objects")
    large = statistics[1:, cv2.CC_STAT_AREA] >= min_area_px
    nested = int((statistics[1:, cv2.CC_STAT_WIDTH].astype(np.int64) * statistics[1:, cv2.CC_STAT_HEIGHT])[large].sum())
    most = MOST_NESTED * frame.width * frame.height
    _require(nested <= most, "components around components, a pattern rather than objects")
    for label, (x, y, w, h, area) in enumerate(statistics.tolist()[1:], start=1):
        if area < min_area_px:
            yield Speck(Box(left + x, top + y, left + x + w, top + y + h), area, "below_min_area")
        else:
            pixels = (labels[y : y + h, x : x + w] == label).view(np.uint8)
            yield _Component(pixels, left + x, top + y, area)


def _require(bounded: bool, found: str) -> None:
    if not bounded:
        raise MemberProblem("mask_too_intricate", f"its mask has {found}. Check that it is a mask")


def _count_changes(white: NDArray[np.uint8]) -> int:
    """Return the number of changes between object and background along the columns and rows."""
    return sum(
        cv2.countNonZero(cv2.absdiff(one, other))
        for one, other in ((white[1:], white[:-1]), (white[:, 1:], white[:, :-1]))
    )


def _measure(component: _Component, frame: _Frame, picture: NDArray[np.uint8] | None) -> Region:
    width, height = frame
    box, pixels, area = component.box, component.pixels, component.area_px
    sum_x, sum_y = (_first_moment(cv2.reduce(pixels, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)) for axis in (0, 1))
    # A single division of integers gives the float nearest to the true mean.
    centroid = Point(
        (2 * (sum_x + area * component.left) + area) / (2 * area),
        (2 * (sum_y + area * component.top) + area) / (2 * area),
    )
    interior = find_interior_point(pixels, sum_x, sum_y)
    return Region(
        sample_id="",
        evidence="mask",
        label="",
        index=0,
        box=box,
        centroid=centroid,
        centroid_inside=bool(pixels[int(centroid.y) - component.top, int(centroid.x) - component.left]),
        interior=Point(component.left + interior.x, component.top + interior.y),
        interior_inside=bool(pixels[int(interior.y), int(interior.x)]),
        area_px=area,
        rle=encode_rle(pixels, component.left, component.top, width, height),
        truncated=box.x1 == 0 or box.y1 == 0 or box.x2 == width or box.y2 == height,
        tone=None if picture is None else measure_tone(picture, pixels, component.left, component.top, area),
    )


def _first_moment(counts: NDArray[np.int32]) -> int:
    """Return the sum of the positions weighted by their counts."""
    return int(counts.ravel().astype(np.int64) @ np.arange(counts.size))


def reading_order(found: Region | Speck) -> tuple[float, float, float, float]:
    """Return the sort key of a mask's objects: their box, from the top left."""
    return found.box.y1, found.box.x1, found.box.y2, found.box.x2
