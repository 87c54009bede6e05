"""Detect answers whose coordinates are fractions of the picture's sides instead of pixels, as in some dialects."""

from collections.abc import Iterable, Sequence
from itertools import islice, product
from typing import Final, NamedTuple

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.scoring.answers.items import BOXES, POINTS, Item, Places, Truth
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant

SCALES: Final = {1: "fractions", 100: "hundredths", 1000: "thousandths", 1024: "1024ths"}
SIDES: Final = {False: "width and height", True: "the longer side"}
LOOKED_AT: Final = 400
LEAST_ANSWERS: Final = 5
GOOD, BETTER, MORE = 0.3, 1.5, 0.1
"""Another scale is detected if its fit is at least GOOD and exceeds BETTER times the fit of pixels plus MORE."""


class Scale(NamedTuple):
    """The number for a whole side; ``longer``: of the longer side, for both axes."""

    whole: int
    longer: bool

    def __str__(self) -> str:
        return f"{SCALES[self.whole]} of {SIDES[self.longer]}"

    def factors(self, width: int, height: int) -> tuple[float, float]:
        """Return what turns x and y into pixels."""
        longest = max(width, height)
        return (longest if self.longer else width) / self.whole, (longest if self.longer else height) / self.whole


def find_scale(items: Iterable[Item]) -> tuple[Scale, float, float] | None:
    """Return a scale that fits the answers clearly better than pixels, with both fits; otherwise None.

    The fit is the mean agreement of the answers' places with the true objects, from 0 to 1.
    """
    read = [(item.truth, *_places(item)) for item in items if item.truth.image_size is not None and item.truth.boxes]
    answered = list(islice((one for one in read if one[1]), LOOKED_AT))
    if len(answered) < LEAST_ANSWERS:
        return None
    plain = _fit(answered, None)
    fits = {scale: _fit(answered, scale) for scale in map(Scale._make, product(SCALES, SIDES))}
    best = max(fits, key=lambda scale: fits[scale])
    clear = fits[best] >= GOOD and fits[best] > BETTER * plain + MORE
    return (best, fits[best], plain) if clear else None


def _places(item: Item) -> tuple[Places, str]:
    answer = read_tolerant(item.truth, item.response)
    asked = BOXES if BOXES in item.truth.parts else POINTS
    return (answer.boxes if asked == BOXES else answer.points) or (), asked


def _fit(answered: Sequence[tuple[Truth, Places, str]], scale: Scale | None) -> float:
    return sum(_meets(truth, places, asked, scale) for truth, places, asked in answered) / len(answered)


def _meets(truth: Truth, places: Places, asked: str, scale: Scale | None) -> float:
    """Return the mean of the best overlap of each box, or the share of points inside a true box."""
    width, height = truth.image_size or (1, 1)
    factors = (1.0, 1.0) if scale is None else scale.factors(width, height)
    true = [Box(*box) for box in truth.boxes]
    scaled = [[number * factors[at % 2] for at, number in enumerate(place)] for place in places]
    if asked == BOXES:
        return sum(max(iou(Box(*place), box) for box in true) for place in scaled) / len(scaled)
    inside = [any(box.x1 <= x < box.x2 and box.y1 <= y < box.y2 for box in true) for x, y in scaled]
    return sum(inside) / len(inside)
