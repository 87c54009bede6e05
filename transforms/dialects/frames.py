"""Convert coordinates between pixels and the frames of models.

Canonical coordinates are pixels of the released picture, boxes half-open (``transforms.records``). A ``Frame`` writes a
number as ``round(value / side * extent)`` to ``digits`` decimals, clipped at ``extent - margin``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_ASPECT: Final = 200


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Resize:
    """The limits of a model's "smart" resize: sides are multiples of ``factor``, the area lies within the limits."""

    factor: int
    min_pixels: int
    max_pixels: int


QWEN2_5_RESIZE: Final = Resize(factor=28, min_pixels=56 * 56, max_pixels=14 * 14 * 4 * 1280)


def smart_resize(size: Size, resize: Resize) -> Size:
    """Return the size to which a Qwen-VL model resizes a picture.

    Raise ValueError if a side is below the factor or more than 200 times the other side.
    Source of the rule: the fine-tuning tool of Qwen-VL; halves are rounded to even, as in Python.
    """
    width, height = size
    factor = resize.factor
    if min(size) < factor or max(size) > MAX_ASPECT * min(size):
        raise ValueError(f"{width} x {height} cannot be resized to multiples of {factor}")
    resized = Size(round(width / factor) * factor, round(height / factor) * factor)
    if resized.width * resized.height > resize.max_pixels:
        beta = math.sqrt(width * height / resize.max_pixels)
        return Size(*(max(factor, math.floor(side / beta / factor) * factor) for side in size))
    if resized.width * resized.height < resize.min_pixels:
        beta = math.sqrt(resize.min_pixels / (width * height))
        return Size(*(math.ceil(side * beta / factor) * factor for side in size))
    return resized


@dataclass(frozen=True, slots=True)
class Frame:
    """A coordinate frame.

    ``extent`` gives the picture's width and height in this frame; ``digits`` is the number of decimals (None: not
    rounded, 0: integers); the largest number is ``extent - margin``. ``cells``: a number is the index of the cell that
    contains the edge, rounded down, and decodes to the cell's middle. ``words`` describe the numbers in a prompt.
    """

    name: str
    extent: Callable[[Size], tuple[float, float]]
    digits: int | None
    words: str
    margin: float = 0.0
    cells: bool = False

    def step(self, size: Size) -> tuple[float, float]:
        """Return the smallest difference that the frame can express, per axis, in pixels of the picture."""
        if self.digits is None:
            return 0.0, 0.0
        width, height = self.extent(size)
        unit = 10.0**-self.digits
        return unit * size.width / width, unit * size.height / height


def encode_point(frame: Frame, point: Sequence[float], size: Size) -> list[float]:
    """Return the point ``x, y`` of a picture of this size in numbers of the frame."""
    return [
        _encode(frame, value, side, extent) for value, side, extent in zip(point, size, frame.extent(size), strict=True)
    ]


def encode_box(frame: Frame, box: Sequence[float], size: Size) -> list[float]:
    """Return the box ``x1, y1, x2, y2`` in numbers of the frame.

    A box thinner than one step of the frame gets a width of one step, so that it never loses its area.
    """
    width, height = frame.extent(size)
    x1, x2 = _encode_side(frame, (box[0], box[2]), size.width, width)
    y1, y2 = _encode_side(frame, (box[1], box[3]), size.height, height)
    return [x1, y1, x2, y2]


def decode(frame: Frame, numbers: Sequence[float], size: Size) -> tuple[float, ...]:
    """Return a point or a box in pixels of the picture, from numbers of the frame.

    Inverse of ``encode_point`` and ``encode_box``, exact to half a step (``Frame.step``), or to two steps if a box is
    thinner than a step or clipped by the frame.
    """
    extents, half = frame.extent(size), 0.5 if frame.cells else 0.0
    return tuple((number + half) / extents[axis % 2] * size[axis % 2] for axis, number in enumerate(numbers))


def _encode(frame: Frame, value: float, side: int, extent: float) -> float:
    if frame.digits is None:
        return value / side * extent if extent != side else value
    scaled = value / side * extent
    rounded = math.floor(scaled) if frame.cells else round(scaled, frame.digits)
    kept = min(max(rounded, 0), extent - frame.margin)
    return int(kept) if frame.digits == 0 else kept + 0.0


def _encode_side(frame: Frame, edges: tuple[float, float], side: int, extent: float) -> tuple[float, float]:
    low, high = (_encode(frame, edge, side, extent) for edge in edges)
    if frame.digits is None or low < high:
        return low, high
    unit, most = 10**-frame.digits, extent - frame.margin
    first = min(math.floor(edges[0] / side * extent / unit), round(most / unit) - 1)
    widened = tuple(round(max(first, 0) * unit + more, frame.digits) for more in (0, unit))
    return (int(widened[0]), int(widened[1])) if frame.digits == 0 else (widened[0], widened[1])


def _fixed(width: float, height: float) -> Callable[[Size], tuple[float, float]]:
    return lambda _size: (width, height)


def resized_pixels(name: str, resize: Resize) -> Frame:
    """Return the frame of integer pixels in the resized picture, at most the resized side minus one."""

    def extent(size: Size) -> tuple[float, float]:
        return smart_resize(size, resize)

    return Frame(name, extent, digits=0, words="in pixels", margin=1)


PIXELS: Final = Frame("pixels", lambda size: size, digits=None, words="in pixels")
FRACTIONS: Final = Frame("0-1", _fixed(1, 1), digits=3, words="as fractions of the picture's width and height")
PERCENT: Final = Frame("0-100", _fixed(100, 100), digits=1, words="in percent of the picture's width and height")
THOUSAND: Final = Frame("0-1000", _fixed(1000, 1000), digits=0, words="on a scale from 0 to 1000")
QWEN2_5_PIXELS: Final = resized_pixels("pixels of the resized picture", QWEN2_5_RESIZE)
# big_vision rounds to 1,024 values, from 0 for the first edge to 1,023 for the last.
LOCATIONS_1024: Final = Frame("0-1023", _fixed(1023, 1023), digits=0, words="as location tokens")
# Florence-2 divides each side into 1,000 cells and decodes a number to the middle of its cell.
CELLS_1000: Final = Frame("0-999", _fixed(1000, 1000), digits=0, words="as location tokens", margin=1, cells=True)
