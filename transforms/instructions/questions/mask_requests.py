"""Ask for masks by clicks, by a tight or rough box, or by name, in pictures whose masks are in released pixels."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.instructions.phrases import HINTS, JITTER, OUTLINE_IOU, RING, SMALL_MASK
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.masks.polygons import count_filled
from medmultipoints.transforms.masks.run_lengths import decode_rle_in
from medmultipoints.transforms.records import ReleasedObject

Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
MOST_CLICKS: Final = 3
_NUDGE: Final = 0.02
_ENOUGH: Final = OUTLINE_IOU + 0.01  # IoU of the outline, above the limit of the proof


class SceneMasks:
    """The masks of a scene's objects, each decoded once, in its own box."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._boxes = np.array([item.box for item in scene.objects], np.int64).reshape(-1, 4)
        self._decoded: dict[str, Mask] = {}

    @property
    def are_tight(self) -> bool:
        """Whether the bounding box of every mask is the box of its object."""
        whole = (item.box == tuple(map(int, item.box)) for item in self._scene.objects)
        return all(whole) and all(map(self._is_tight, self._scene.objects))

    def _is_tight(self, item: ReleasedObject) -> bool:
        try:
            mask = self.of(item)
        except ValueError:  # the mask reaches beyond the box
            return False
        return bool(mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any())

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


class Form:
    """The form of a mask: its outer contour, and the area inside it.

    Contours are those of the doubled mask with a border of one pixel (two when doubled), so that they lie within half
    a pixel of the mask's edge.
    """

    def __init__(self, mask: Mask) -> None:
        large = _doubled(mask)
        contours, hierarchy = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        outer = [contour for contour, place in zip(contours, hierarchy[0], strict=True) if place[3] < 0]
        self.is_connected = len(outer) == 1
        """Whether a single outline can enclose the mask."""
        self.has_holes = len(outer) < len(contours)
        self.contour: Any = max(outer, key=cv2.contourArea)
        self.whole = self.filled(self.contour, large.shape) if self.has_holes else large
        self._area = cv2.countNonZero(self.whole)
        self._pixels = self._area // 4
        filled = np.ascontiguousarray(self.whole[2:-2:2, 2:-2:2]) if self.has_holes else mask.view(np.uint8)
        self._held = cv2.integral(filled)

    @staticmethod
    def filled(contour: Any, shape: tuple[int, ...]) -> Pixels:
        """Return 1 for each pixel inside or on a contour."""
        filled = np.zeros(shape, np.uint8)
        cv2.fillPoly(filled, [contour], 1)
        return filled

    def is_enclosed_by(self, contour: Any) -> bool:
        """Return whether a simplified contour has at least three corners and covers nearly the same area."""
        if len(contour) < 3:
            return False
        drawn = self.filled(contour, self.whole.shape)
        return _overlap_enough(cv2.countNonZero(drawn & self.whole), cv2.countNonZero(drawn), self._area, _ENOUGH)

    def has_pixels_in(self, contour: Any) -> bool:
        """Return whether a contour of the doubled mask encloses the mask's pixel centres, as proofs demand.

        The contour is tested with a nudge to both sides, so that no proof depends on centres on the contour.
        """
        counted = count_filled(_corners(contour, 0, 0), (-_NUDGE, _NUDGE), self._held)
        return all(_overlap_enough(shared, inside, self._pixels, OUTLINE_IOU) for inside, shared in counted)


def ask_segmentation(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask about each object with a connected mask, in unscaled images whose objects all have masks.

    Images with objects from outlines are left out, because the box of an outline lies between pixels.
    """
    for scene in group:
        wanted = [item for item in scene.objects if context.kept("segmentation", item.object_id)]
        if not wanted or scene.scale != 1 or not scene.all_masked:
            continue
        masks = SceneMasks(scene)
        if masks.are_tight:
            for item in wanted:
                yield from _ask(scene, item, masks, context)


def _ask(scene: Scene, item: ReleasedObject, masks: SceneMasks, context: QuestionContext) -> Iterator[Question]:
    """Yield the question about an object; none if no single outline can enclose its mask."""
    form = Form(masks.of(item))
    if not form.is_connected:
        return
    name = context.name("segmentation", [scene], item.label, item.object_id)
    content = {
        "label": name.singular,
        "bbox_2d": rounded(item.box),
        "polygon": _outline(form, item),
        "rle": {"size": [scene.height, scene.width], "counts": item.rle},
        "flags": _flags(form, item, scene),
    }
    yield Question(
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


@dataclass(frozen=True, slots=True)
class Places:
    """Pixels of the picture: positions in a part of it that is ``width`` pixels wide, row by row."""

    at: NDArray[np.int64]
    left: int
    top: int
    width: int

    def centre(self, number: int) -> list[float]:
        """Return the centre of one of the pixels."""
        row, column = divmod(int(self.at[number]), self.width)
        return [column + self.left + 0.5, row + self.top + 0.5]


def _clicks(pixels: Places, context: QuestionContext, *about: str) -> list[list[float]]:
    """Return the centres of one to three different pixels."""
    total = len(pixels.at)
    number = min(1 + int(context.draw(*about, "number") * MOST_CLICKS), total)
    chosen = {int(context.draw(*about, str(place)) * total) for place in range(number)}
    return [pixels.centre(place) for place in sorted(chosen)]


def _deepest_half(mask: Mask, item: ReleasedObject) -> Places:
    """Return the half of the mask's pixels farthest from its edge."""
    x1, y1, _, _ = map(int, item.box)
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    held = np.flatnonzero(mask)
    depth = _squares(_distances(framed)[1:-1, 1:-1].reshape(-1)[held])
    half = len(depth) // 2
    return Places(held[depth >= np.partition(depth, half)[half]], x1, y1, mask.shape[1])


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
    return bool(len(_ring(scene, item, masks).at))


def _ring_px(item: ReleasedObject) -> tuple[float, float]:
    """Return the inner and outer distance of the ring from its mask, in px."""
    root = float(item.area_px or 0) ** 0.5
    near, far = (max(least, share * root) for least, share in RING)
    return near, far


def _ring(scene: Scene, item: ReleasedObject, masks: SceneMasks) -> Places:
    """Return the pixels of the ring around the mask outside all objects."""
    near, far = _ring_px(item)
    reach = int(far) + 1
    x1, y1, x2, y2 = map(int, item.box)
    part = (max(0, x1 - reach), max(0, y1 - reach), min(scene.width, x2 + reach), min(scene.height, y2 + reach))
    others = np.ones((part[3] - part[1], part[2] - part[0]), np.uint8)
    others[y1 - part[1] : y2 - part[1], x1 - part[0] : x2 - part[0]] -= masks.of(item)
    roots = _distances(others)
    at = np.flatnonzero((roots > near - 1) & (roots < far + 1) & ~masks.within(part))
    away = _squares(roots.reshape(-1)[at])
    return Places(at[(away > near**2) & (away < far**2)], part[0], part[1], part[2] - part[0])


def _distances(pixels: Pixels) -> NDArray[np.float32]:
    """Return the distance of each pixel that is 1 to the nearest that is 0."""
    roots: Any = cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    found: NDArray[np.float32] = roots
    return found


def _squares(roots: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the squared distances as integers, equal on every run.

    The roots that OpenCV returns differ in the last digit, depending on the array's memory alignment.
    """
    squares: NDArray[np.float64] = np.square(roots, dtype=np.float64)
    return np.rint(squares, out=squares)


def _jittered(scene: Scene, item: ReleasedObject, context: QuestionContext) -> list[float]:
    """Return the box with each edge moved by up to a tenth of its side, within the image."""
    sides, limits = (*item.sides, *item.sides), (scene.width, scene.height) * 2
    moves = [2 * context.draw("segmentation", item.object_id, "edge", str(edge)) - 1 for edge in range(4)]
    edges = (edge + JITTER * side * move for edge, side, move in zip(item.box, sides, moves, strict=True))
    return [min(max(edge, 0.0), float(limit)) for edge, limit in zip(edges, limits, strict=True)]


def _outline(form: Form, item: ReleasedObject) -> list[list[float]]:
    """Return the outer outline of the mask along pixel edges, with as few corners as the overlap allows.

    The overlap is also checked by pixel centres, because a single pixel matters in a small mask.
    """
    x1, y1, _, _ = map(int, item.box)
    simple: Any = form.contour
    for step in (2.0, 1.5, 1.2, 1.0, 0.8, 0.0):  # in half pixels
        simple = cv2.approxPolyDP(form.contour, step, closed=True)
        if form.is_enclosed_by(simple) and form.has_pixels_in(simple):
            break
    else:
        simple = simple if form.has_pixels_in(simple) else form.contour
    outline: list[list[float]] = _corners(simple, x1, y1).tolist()
    return outline


def _doubled(mask: Mask) -> Pixels:
    """Return the mask with every pixel doubled, in a border of two: 1 inside."""
    height, width = mask.shape
    large = np.zeros((2 * height + 4, 2 * width + 4), np.uint8)
    wide = (mask.astype(np.uint16) * 0x101).view(np.uint8)
    large[2:-2:2, 2:-2] = large[3:-2:2, 2:-2] = wide
    return large


def _overlap_enough(shared: int, one: int, other: int, least: float) -> bool:
    """Return whether the IoU of two masks with these numbers of pixels is at least ``least``."""
    return shared >= least * (one + other - shared)


def _corners(contour: Any, left: int, top: int) -> NDArray[np.float64]:
    """Return the corners of a contour of the doubled mask, in pixels of the picture, rounded to 0.1 px.

    Before rounding they are odd multiples of a quarter, for which numpy rounds as Python does.
    """
    places = (contour.reshape(-1, 2) + 0.5) / 2 - 1 + np.array([left, top])
    rounded_places: NDArray[np.float64] = np.rint(places * 10) / 10
    return rounded_places


def _flags(form: Form, item: ReleasedObject, scene: Scene) -> list[str]:
    """Return the caveats about a mask, in a fixed order."""
    x1, y1, x2, y2 = map(int, item.box)
    width, height = item.sides
    found = {
        "small": (item.area_px or 0) < SMALL_MASK * scene.width * scene.height,
        "cut": x1 == 0 or y1 == 0 or x2 == scene.width or y2 == scene.height,
        "holes": form.has_holes,
        "elongated": 2 * min(width, height) < max(width, height),
    }
    return [flag for flag, holds in found.items() if holds]
