"""Ask for masks by clicks, by a tight or rough box, or by name, in pictures whose masks are in released pixels."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.instructions.phrases import HINTS, JITTER, OUTLINE_IOU, RING, SMALL_MASK
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.masks.polygons import fill_polygon
from medmultipoints.transforms.masks.run_lengths import box_of_rle, decode_rle_in
from medmultipoints.transforms.records import ReleasedObject

Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
MOST_CLICKS: Final = 3
_NUDGE: Final = 0.02
_MARGIN: Final = 0.01  # IoU of the outline above the limit of the proof


class SceneMasks:
    """The masks of a scene's objects, each in its own box, decoded on demand."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._boxes = np.array([item.box for item in scene.objects], np.int64).reshape(-1, 4)
        self._decoded: dict[str, Mask] = {}

    def of(self, item: ReleasedObject) -> Mask:
        """Return the mask in the object's box."""
        if item.object_id not in self._decoded:
            x1, y1, x2, y2 = map(int, item.box)
            scene = self._scene
            self._decoded[item.object_id] = decode_rle_in(item.rle or "", scene.height, scene.width, (x1, y1, x2, y2))
        return self._decoded[item.object_id]

    def within(self, part: tuple[int, int, int, int]) -> Mask:
        """Return the pixels of a rectangle (x1, y1, x2, y2) that belong to any object."""
        x1, y1, x2, y2 = part
        held = np.zeros((y2 - y1, x2 - x1), np.bool_)
        boxes = self._boxes
        meets = (boxes[:, 0] < x2) & (boxes[:, 2] > x1) & (boxes[:, 1] < y2) & (boxes[:, 3] > y1)
        for place in np.flatnonzero(meets).tolist():
            left, top, right, bottom = boxes[place].tolist()
            a, b, c, d = max(left, x1), max(top, y1), min(right, x2), min(bottom, y2)
            mask = self.of(self._scene.objects[place])
            held[b - y1 : d - y1, a - x1 : c - x1] |= mask[b - top : d - top, a - left : c - left]
        return held


def ask_segmentation(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask about each object with a connected mask, in unscaled images whose objects all have masks.

    Images with objects from outlines are left out, because the box of an outline lies between pixels.
    """
    for scene in group:
        if scene.scale != 1 or not scene.objects or not all(_has_tight_mask(item, scene) for item in scene.objects):
            continue
        wanted = [item for item in scene.objects if context.kept("segmentation", item.object_id)]
        if wanted:
            masks = SceneMasks(scene)
            yield from (_ask(scene, item, masks, context) for item in wanted if _is_connected(masks.of(item)))


def _has_tight_mask(item: ReleasedObject, scene: Scene) -> bool:
    """Return whether the object has a mask whose bounding box is the object's box."""
    return item.rle is not None and box_of_rle(item.rle, scene.height, scene.width) == item.box


def _is_connected(mask: Mask) -> bool:
    """Return whether a single outline can enclose the mask."""
    return int(cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[0]) == 2


def _ask(scene: Scene, item: ReleasedObject, masks: SceneMasks, context: QuestionContext) -> Question:
    mask = masks.of(item)
    name = context.name("segmentation", [scene], item.label, item.object_id)
    content = {
        "label": name.singular,
        "bbox_2d": rounded(item.box),
        "polygon": _outline(mask, item),
        "rle": {"size": [scene.height, scene.width], "counts": item.rle},
        "flags": _flags(mask, item, scene),
    }
    return Question(
        task="segmentation",
        home=scene,
        record_id=scene.records[item.label],
        part=item.object_id.rpartition(":")[2],
        label=item.label,
        name=name,
        slots={"hint": _hint(scene, item, masks, context)},
        content=content,
        object_ids=ids([item]),
    )


def _hint(scene: Scene, item: ReleasedObject, masks: SceneMasks, context: QuestionContext) -> str:
    about = ("segmentation", item.object_id)
    alone = len(scene.of(item.label)) == 1 and item.label in scene.certain
    kinds = ["box", "rough", *(["clicks"] * _has_ring(scene, item, masks)), *(["text"] * alone)]
    kind = context.pick(kinds, *about, "kind")
    box = rounded(item.box if kind == "box" else _jittered(scene, item, context))
    texts = {"box": json.dumps({"bbox_2d": box})}
    if kind == "clicks":
        found = {"inside": _deepest_half(masks.of(item), item), "outside": _ring(scene, item, masks)}
        texts |= {
            side: json.dumps({"point_2d": _clicks(pixels, context, *about, side)}) for side, pixels in found.items()
        }
    return HINTS[kind].format(**texts)


def _clicks(pixels: NDArray[np.int64], context: QuestionContext, *about: str) -> list[list[float]]:
    """Return the centres of one to three different pixels."""
    number = min(1 + int(context.draw(*about, "number") * MOST_CLICKS), len(pixels))
    chosen = {int(context.draw(*about, str(place)) * len(pixels)) for place in range(number)}
    return [[float(x) + 0.5, float(y) + 0.5] for x, y in pixels[sorted(chosen)]]


def _deepest_half(mask: Mask, item: ReleasedObject) -> NDArray[np.int64]:
    """Return the half of the mask's pixels farthest from its edge, as x, y, row by row."""
    x1, y1, _, _ = map(int, item.box)
    depth = _squared_distances(np.pad(mask, 1))[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= np.median(depth[depth > 0]))
    return np.stack([columns + x1, rows + y1], axis=1).astype(np.int64)


def _has_ring(scene: Scene, item: ReleasedObject, masks: SceneMasks) -> bool:
    """Return whether the ring contains a pixel, first trying one straight out from a side of the mask."""
    near, far = _ring_px(item)
    step, mask = int(near) + 1, masks.of(item)
    x1, y1, x2, y2 = map(int, item.box)
    across = ((x1 - step, y1 + mask[:, 0].argmax()), (x2 - 1 + step, y1 + mask[:, -1].argmax()))
    down = ((x1 + mask[0].argmax(), y1 - step), (x1 + mask[-1].argmax(), y2 - 1 + step))
    for x, y in (*across, *down) if step < far else ():
        in_frame = 0 <= x < scene.width and 0 <= y < scene.height
        if in_frame and not masks.within((int(x), int(y), int(x) + 1, int(y) + 1)).any():
            return True
    return bool(len(_ring(scene, item, masks)))


def _ring_px(item: ReleasedObject) -> tuple[float, float]:
    """Return the inner and outer distance of the ring from its mask, in px."""
    root = float(item.area_px or 0) ** 0.5
    near, far = (max(least, share * root) for least, share in RING)
    return near, far


def _ring(scene: Scene, item: ReleasedObject, masks: SceneMasks) -> NDArray[np.int64]:
    """Return the pixels of the ring around the mask outside all objects, as x, y, row by row."""
    near, far = _ring_px(item)
    reach = int(far) + 1
    x1, y1, x2, y2 = map(int, item.box)
    part = (max(0, x1 - reach), max(0, y1 - reach), min(scene.width, x2 + reach), min(scene.height, y2 + reach))
    own = np.zeros((part[3] - part[1], part[2] - part[0]), np.bool_)
    own[y1 - part[1] : y2 - part[1], x1 - part[0] : x2 - part[0]] = masks.of(item)
    away = _squared_distances(~own)
    found = np.nonzero(~masks.within(part) & (away > near**2) & (away < far**2))
    return np.stack([found[1] + part[0], found[0] + part[1]], axis=1).astype(np.int64)


def _squared_distances(pixels: Mask) -> NDArray[np.float64]:
    """Return the squared distance of each true pixel to the nearest false one, as integers, equal on every run.

    The roots that OpenCV returns differ in the last digit, depending on the array's memory alignment.
    """
    roots = cv2.distanceTransform(pixels.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    squares: NDArray[np.float64] = np.square(roots, dtype=np.float64)
    return np.rint(squares, out=squares)


def _jittered(scene: Scene, item: ReleasedObject, context: QuestionContext) -> list[float]:
    """Return the box with each edge moved by up to a tenth of its side, within the image."""
    sides, limits = (*item.sides, *item.sides), (scene.width, scene.height) * 2
    moves = [2 * context.draw("segmentation", item.object_id, "edge", str(edge)) - 1 for edge in range(4)]
    edges = (edge + JITTER * side * move for edge, side, move in zip(item.box, sides, moves, strict=True))
    return [min(max(edge, 0.0), float(limit)) for edge, limit in zip(edges, limits, strict=True)]


def _outline(mask: Mask, item: ReleasedObject) -> list[list[float]]:
    """Return the outer outline of the mask along pixel edges, with as few corners as the overlap allows.

    The overlap is also checked by pixel centres, because a single pixel matters in a small mask.
    """
    x1, y1, _, _ = map(int, item.box)
    contour, shape = _contour(mask)
    whole = _filled(contour, shape)
    pixels = _any_of_four(whole[2:-2, 2:-2])
    simple: Any = contour
    for step in (2.0, 1.5, 1.2, 1.0, 0.8, 0.0):  # in half pixels
        simple = cv2.approxPolyDP(contour, step, closed=True)
        enough = _overlaps(_filled(simple, shape), whole, OUTLINE_IOU + _MARGIN)
        if len(simple) > 2 and enough and _holds_pixels(simple, pixels):
            return _corners(simple, x1, y1)
    return _corners(simple if _holds_pixels(simple, pixels) else contour, x1, y1)


def _contour(mask: Mask) -> tuple[Any, tuple[int, ...]]:
    """Return the outer contour of the doubled mask with a border of one pixel, and the shape of that image."""
    large = np.repeat(np.repeat(np.pad(mask, 1).view(np.uint8), 2, axis=0), 2, axis=1)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=cv2.contourArea), large.shape


def _any_of_four(doubled: Pixels) -> Pixels:
    """Return 1 for each pixel that the doubled mask covers in part; ten times faster than a reduction over blocks."""
    rows = doubled[::2] | doubled[1::2]
    return rows[:, ::2] | rows[:, 1::2]


def _overlaps(one: Pixels, other: Pixels, least: float) -> bool:
    """Return whether the IoU of two masks is at least ``least``."""
    shared = cv2.countNonZero(one & other)
    return shared >= least * (cv2.countNonZero(one) + cv2.countNonZero(other) - shared)


def _holds_pixels(contour: Any, pixels: Pixels) -> bool:
    """Return whether a contour of the doubled mask encloses the mask's pixel centres, as proofs demand.

    The contour is tested with a nudge to both sides, so that no proof depends on centres on the contour.
    """
    height, width = pixels.shape
    corners = np.array(_corners(contour, 0, 0))
    for nudge in (-_NUDGE, _NUDGE):
        inside = fill_polygon(corners + np.array([nudge, 0.0]), width, height)
        if not _overlaps(inside.view(np.uint8), pixels, OUTLINE_IOU):
            return False
    return True


def _corners(contour: Any, left: int, top: int) -> list[list[float]]:
    """Return the corners of a contour of the doubled mask, in pixels of the picture."""
    return [rounded(((x + 0.5) / 2 - 1 + left, (y + 0.5) / 2 - 1 + top)) for x, y in contour.reshape(-1, 2).tolist()]


def _filled(contour: Any, shape: tuple[int, ...]) -> Pixels:
    """Return 1 for each pixel inside or on a contour."""
    filled = np.zeros(shape, np.uint8)
    cv2.fillPoly(filled, [contour], 1)
    return filled


def _flags(mask: Mask, item: ReleasedObject, scene: Scene) -> list[str]:
    """Return the caveats about a mask, in a fixed order."""
    x1, y1, x2, y2 = map(int, item.box)
    crop = np.pad(mask, 1).view(np.uint8)
    width, height = item.sides
    found = {
        "small": (item.area_px or 0) < SMALL_MASK * scene.width * scene.height,
        "cut": x1 == 0 or y1 == 0 or x2 == scene.width or y2 == scene.height,
        "holes": cv2.connectedComponents(1 - crop, connectivity=4)[0] > 2,
        "elongated": 2 * min(width, height) < max(width, height),
    }
    return [flag for flag, holds in found.items() if holds]
