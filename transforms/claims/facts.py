"""The measured facts of one picture, against which claims are judged.

Coordinates are fractions of width and height (0 to 1), origin top-left; areas are percent of the picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.instructions.phrases import BORDERS, CONTRAST, LARGE, SIZES, TEXTURE
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Tone

SIZE_NAMES_IN_FULL: Final = {name: name.partition(" (")[0] for name in (*(name for _, name in SIZES), LARGE)}
"""Each size class as written in descriptions, with its range, and its word alone."""
_NO_BORDERS: Final = frozenset[str]()
SIZE_WORDS: Final = tuple(SIZE_NAMES_IN_FULL.values())


class CodedMask(NamedTuple):
    """A mask as COCO RLE, in the frame of its picture."""

    counts: str
    height: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """The facts of one object: box, area in percent, aspect, touched borders; tone and mask if known."""

    label: str
    box: tuple[float, float, float, float]
    percent: float
    aspect: float
    touched: frozenset[str]
    tone: Tone | None = None
    mask: CodedMask | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """Return the centre of the box."""
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def size(self) -> str:
        """Return the size class of the object's area."""
        classes = zip((most for most, _ in SIZES), SIZE_WORDS, strict=False)
        return next((word for most, word in classes if self.percent < most), SIZE_WORDS[-1])

    @property
    def contrast(self) -> str | None:
        """Return brighter, darker or equal, compared with the ring around the object; None if unknown."""
        if self.tone is None:
            return None
        lead = self.tone.luma - self.tone.ring_luma
        return "equal" if abs(lead) < CONTRAST else "brighter" if lead > 0 else "darker"

    @property
    def texture(self) -> str | None:
        """Return rougher, smoother or equal, compared with the ring around the object; None if unknown."""
        if self.tone is None:
            return None
        own, ring = self.tone.roughness, self.tone.ring_roughness
        return "equal" if max(own, ring) <= TEXTURE * min(own, ring) else "rougher" if own > ring else "smoother"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """The facts of one picture; ``complete`` lists the labels of which every object is annotated.

    ``asked``: index in ``objects`` of the object of the question, if there is one.
    """

    objects: tuple[ObjectFacts, ...]
    complete: frozenset[str]
    organ: str = ""
    asked: int | None = None

    def of(self, label: str) -> tuple[ObjectFacts, ...]:
        """Return the objects of a label."""
        return tuple(one for one in self.objects if one.label == label)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The names of labels, singular and plural, and the organs of the release."""

    singular: Mapping[str, str]
    plural: Mapping[str, str]
    organs: frozenset[str]


def touched_borders(gaps: Sequence[float], least: float) -> frozenset[str]:
    """Return the borders whose gap is below ``least``; ``gaps`` are in the order of BORDERS, in the same unit."""
    if min(gaps) >= least:
        return _NO_BORDERS
    return frozenset(border for border, gap in zip(BORDERS, gaps, strict=True) if gap < least)


def masks_meet(one: CodedMask, other: CodedMask, reach_px: int = 0) -> bool:
    """Return whether two masks share a pixel after dilating one of them by ``reach_px``."""
    grown = _decode(one)
    if reach_px:
        grown = cv2.dilate(grown, np.ones((2 * reach_px + 1,) * 2, np.uint8))
    return bool((grown & _decode(other)).any())


@lru_cache(maxsize=16)
def _decode(mask: CodedMask) -> NDArray[np.uint8]:
    return decode_rle(mask.counts, mask.height, mask.width).view(np.uint8)
