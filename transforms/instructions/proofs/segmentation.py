"""Prove a mask answer: mask, outline, box and clicks all belong to the object."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.instructions.answers.shapes import BOX, POINT, has_shape
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import GAP, JITTER, OUTLINE_IOU, RING, SMALL_MASK
from medmultipoints.transforms.instructions.proofs.reading import (
    ROUNDING_PX,
    Reading,
    Wrong,
    find_object,
    label_of,
    require,
    same_place,
)
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.masks.run_lengths import decode_rle_in
from medmultipoints.transforms.records import ReleasedObject

Mask = NDArray[np.bool_]


def prove_segmentation(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object."""
    (scene,), stated = scenes, reading.answer
    label = label_of(lexicon, scenes, stated["label"])
    require(scene.scale == 1 and scene.all_masked, "mask_unknown")
    require(stated["rle"]["size"] == [scene.height, scene.width], "rle_differs")
    found = [item for item in scene.of(label) if item.rle == stated["rle"]["counts"]]
    require(len(found) == 1, "rle_differs")
    item = found[0]
    box = tuple(map(int, item.box))
    x1, y1, x2, y2 = box
    try:
        mask = decode_rle_in(item.rle or "", scene.height, scene.width, (x1, y1, x2, y2))
    except ValueError as error:
        raise Wrong("boxes_differ") from error
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    edges = (left + x1, top + y1, left + width + x1, top + height + y1)
    require(stated["bbox_2d"] == [float(edge) for edge in edges] == list(item.box), "boxes_differ")
    filled = _without_holes(mask)
    require(stated["flags"] == _flags(mask, box, scene, holes=_count(filled) > _count(mask)), "flags_differ")
    require(_overlap(stated["polygon"], filled, box) >= OUTLINE_IOU, "polygon_differs")
    _prove_hint(reading, scene, item, mask)
    return (item.object_id,)


def _prove_hint(reading: Reading, scene: Scene, item: ReleasedObject, mask: Mask) -> None:
    """Raise Wrong unless the prompt identifies this object and no other."""
    keys = [next(iter(value), "") if isinstance(value, dict) else "" for value in reading.given]
    if keys == ["point_2d", "point_2d"]:
        clicks = f"that holds the clicks {GAP} and not the clicks {GAP}"
        require(clicks in reading.ask, "given_differs")
        inside, outside = (value["point_2d"] for value in reading.given)
        _prove_clicks(inside, outside, scene, item, mask)
    elif keys == ["bbox_2d"]:
        box = reading.given[0]["bbox_2d"]
        require(has_shape(box, BOX), "given_differs")
        if f"in the rough box {GAP}" in reading.ask:
            _prove_rough(box, scene, item)
        else:
            require(f"in the box {GAP}" in reading.ask and same_place(box, item.box), "given_differs")
            require(find_object(scene.objects, box, "given_differs") is item, "given_differs")
    else:
        require(not keys and "in this image" in reading.ask, "given_differs")
        require(len(scene.of(item.label)) == 1 and item.label in scene.certain, "referent_not_unique")


def _prove_clicks(inside: Any, outside: Any, scene: Scene, item: ReleasedObject, mask: Mask) -> None:
    """Raise Wrong unless the inside clicks lie in the mask, and the others in its ring, outside all objects."""
    shaped = has_shape(inside, [POINT]) and has_shape(outside, [POINT]) and inside and outside
    require(bool(shaped), "given_differs")
    for x, y in map(_pixel, inside):
        require(_holds(scene, item, mask, x, y), "click_not_inside")
    near, far = (max(least, share * _count(mask) ** 0.5) for least, share in RING)
    for x, y in map(_pixel, outside):
        known = 0 <= x < scene.width and 0 <= y < scene.height
        near_by = scene.meeting(x, y, x + 1, y + 1)
        require(known and not any(_holds(scene, other, None, x, y) for other in near_by), "click_not_outside")
        away = _distance(mask, x - int(item.box.x1), y - int(item.box.y1), far)
        require(away is not None and near <= away <= far, "click_not_in_ring")


def _distance(mask: Mask, x: int, y: int, most: float) -> float | None:
    """Return the distance of a pixel to the nearest pixel of a mask; None if it is certainly more than ``most``."""
    reach = int(most) + 1
    left, top = max(x - reach, 0), max(y - reach, 0)
    rows, columns = np.nonzero(mask[top : max(y + reach + 1, 0), left : max(x + reach + 1, 0)])
    if not len(rows):
        return None
    return float(np.sqrt(((columns + left - x) ** 2 + (rows + top - y) ** 2).min()))


def _holds(scene: Scene, item: ReleasedObject, mask: Mask | None, x: int, y: int) -> bool:
    """Return whether the object contains a pixel; its mask is decoded only if its box contains the pixel."""
    x1, y1, x2, y2 = map(int, item.box)
    if not (x1 <= x < x2 and y1 <= y < y2):
        return False
    mask = decode_rle_in(item.rle or "", scene.height, scene.width, (x1, y1, x2, y2)) if mask is None else mask
    return bool(mask[y - y1, x - x1])


def _pixel(point: Sequence[float]) -> tuple[int, int]:
    """Return the pixel that has its centre at a click."""
    x, y = point
    require(x % 1 == 0.5 and y % 1 == 0.5, "given_differs")
    return int(x), int(y)


def _prove_rough(box: Sequence[float], scene: Scene, item: ReleasedObject) -> None:
    require(all(round(edge, 1) == edge for edge in box), "given_differs")
    for edge, (said, true) in enumerate(zip(box, item.box, strict=True)):
        side, limit = item.sides[edge % 2], (scene.width, scene.height)[edge % 2]
        require(abs(said - true) <= JITTER * side + ROUNDING_PX and 0 <= said <= limit, "given_differs")


def _flags(mask: Mask, box: tuple[int, ...], scene: Scene, *, holes: bool) -> list[str]:
    x1, y1, x2, y2 = box
    found = {
        "small": _count(mask) < SMALL_MASK * scene.width * scene.height,
        "cut": x1 == 0 or y1 == 0 or x2 == scene.width or y2 == scene.height,
        "holes": holes,
        "elongated": 2 * min(x2 - x1, y2 - y1) < max(x2 - x1, y2 - y1),
    }
    return [flag for flag, holds in found.items() if holds]


def _without_holes(mask: Mask) -> Mask:
    """Return the mask with filled holes: background pixels not 4-connected to the frame."""
    flooded = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(flooded, None, (0, 0), 2, flags=4)
    whole: Mask = flooded[1:-1, 1:-1] != 2
    return whole


def _overlap(polygon: Sequence[Sequence[float]], filled: Mask, box: tuple[int, ...]) -> float:
    """Return the IoU of the polygon (even-odd, by pixel centres) and the mask with filled holes."""
    x1, y1, x2, y2 = box
    corners = np.array(polygon, np.float64)
    if len(corners) < 3 or (corners < [x1, y1]).any() or (corners > [x2, y2]).any():
        return 0.0
    at = _crossings(corners, box)
    sums = cv2.integral(filled.view(np.uint8)).reshape(-1)
    before = sums[at + x2 - x1 + 1] - sums[at]  # pixels of the mask in the row, left of the crossing
    inside, shared = (int(numbers[1::2].sum()) - int(numbers[::2].sum()) for numbers in (at, before))
    return shared / (inside + _count(filled) - shared)


def _count(mask: Mask) -> int:
    """Return the number of mask pixels; much faster than a sum of booleans."""
    return cv2.countNonZero(mask.view(np.uint8))


def _crossings(corners: NDArray[np.float64], box: tuple[int, ...]) -> NDArray[np.int64]:
    """Return where runs of pixels whose centres lie in the polygon begin and end, in turn, row by row.

    A position counts the pixels of the box before it, with one more for each row. In every row whose centre an edge
    crosses, a run begins or ends at the first centre beyond the edge. All edges at once: 5x faster than row by row.
    """
    x1, y1, x2, _ = box
    width = x2 - x1
    after = np.roll(corners, -1, axis=0)
    ends = np.sort(np.ceil([corners[:, 1] - 0.5, after[:, 1] - 0.5]), axis=0).astype(np.int64)
    crossed = ends[1] - ends[0]
    edge = np.repeat(np.arange(len(corners)), crossed)
    row = np.arange(len(edge)) + np.repeat(ends[0] - np.cumsum(crossed) + crossed, crossed)
    (x, y), (to_x, to_y) = corners[edge].T, after[edge].T
    over = x + (row + 0.5 - y) * (to_x - x) / (to_y - y)
    first = np.clip(np.floor(over - 0.5 - x1) + 1, 0, width).astype(np.int64)
    at: NDArray[np.int64] = (row - y1) * (width + 1) + first
    return np.sort(at)
