"""Classify burned-in text for privacy: date, clock, name, number or other.

An OCR line that overlaps a line of the templates takes its kind: a date whose slashes were read as digits would
look like a person's number.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from medmultipoints.transforms.text.raster import RasterText
from medmultipoints.transforms.text.readings import LEAST_SCORE, Box, OcrLine

KINDS = ("date", "clock", "name", "number", "other")
"""name: personal field (name, sex, age, birth, ID) with a value; other: any other text, such as settings."""

DATE = re.compile(r"\d{1,4}[/.\-]\d{1,2}([/.\-]\d{1,4}|\d{2,4})")
MISREAD_DATE = re.compile(r"[\dOQW]{2}[/\\|1Il7][\dOQW]{2}[/\\|1Il7]\d{2,4}")
CLOCK = re.compile(r"\d{1,2}[:.]\d{2}([:.]\d{2})?")
FIELD = re.compile(r"\b(name|sex|age|id|patient|d\.?\s?o\.?\s?[brd]\.?)\b\s*:", re.IGNORECASE)
NUMBER = re.compile(r"\d{5,}")
MARGIN_PX = 4
"""Margin around a line in pixels: reader boxes are tight and exclude brackets."""
LEAST_TEXT = 3
"""Least number of letters and digits of a line of kind ``other``."""


@dataclass(frozen=True, slots=True)
class TextPlace:
    """A place with text in a picture; ``box``: half-open, in pixels, including the margin."""

    kind: str
    reader: str
    text: str
    box: Box


def find_places(raster: RasterText | None, ocr: Sequence[OcrLine], width: int, height: int) -> list[TextPlace]:
    """Return every place with text, top to bottom; a line seen by both readers is one place."""
    places = list(_raster_places(raster))
    for line in ocr:
        if line.score < LEAST_SCORE:
            continue
        same = next((place for place in places if place.reader == "raster" and _overlap(place.box, line.box)), None)
        if same is not None:
            places[places.index(same)] = replace(same, box=_join(same.box, line.box))
        elif kind := kind_of(line, ocr):
            places.append(TextPlace(kind, "ocr", line.text, line.box))
    grown = (replace(one, box=_grow(one.box, width, height)) for one in places)
    return sorted(grown, key=lambda one: (one.box[1], one.box[0], one.kind, one.text))


def raster_boxes(raster: RasterText | None) -> list[Box]:
    """Return the boxes of the lines found by templates."""
    return [place.box for place in _raster_places(raster)]


def unite_boxes(boxes: Sequence[Box], width: int, height: int) -> list[Box]:
    """Return the boxes with margin, joined where they belong to one line."""
    joined: list[Box] = []
    for box in boxes:
        same = next((place for place, other in enumerate(joined) if _overlap(other, box)), None)
        if same is None:
            joined.append(box)
        else:
            joined[same] = _join(joined[same], box)
    return [_grow(box, width, height) for box in joined]


def kind_of(line: OcrLine, others: Sequence[OcrLine]) -> str | None:
    """Return the kind of an OCR line, or None if it is too short to be text."""
    text = line.text.strip()
    if DATE.search(text) or MISREAD_DATE.search(text):
        return "date"
    if CLOCK.search(text):
        return "clock"
    field = FIELD.search(text)
    if field:
        return "name" if _holds_value(text[field.end() :]) or _value_follows(line, others) else "other"
    if NUMBER.search(text):
        return "number"
    return "other" if sum(character.isalnum() for character in text) >= LEAST_TEXT else None


def _holds_value(rest: str) -> bool:
    """Return whether the rest of a line holds a value and not only further labels."""
    return sum(character.isalnum() for character in FIELD.sub("", rest)) >= 2


def _value_follows(label: OcrLine, others: Sequence[OcrLine]) -> bool:
    """Return whether another line in the row of a label, to its right, holds a value."""
    middle = label.box[1] + label.box[3]
    return any(
        other.box[0] >= label.box[2] - 2
        and abs(other.box[1] + other.box[3] - middle) <= label.box[3] - label.box[1]
        and not other.text.rstrip().endswith(":")
        and other.score >= LEAST_SCORE
        for other in others
    )


def _raster_places(raster: RasterText | None) -> Iterator[TextPlace]:
    for line in raster.lines if raster else ():
        yield TextPlace("date" if line.role == "date" else "clock", "raster", line.text, line.box)


def _overlap(one: Box, two: Box) -> bool:
    """Return whether two boxes overlap in width, and in at least half of the smaller height."""
    shared = min(one[3], two[3]) - max(one[1], two[1])
    wide = min(one[2], two[2]) - max(one[0], two[0])
    return wide > 0 and 2 * shared >= min(one[3] - one[1], two[3] - two[1])


def _join(one: Box, two: Box) -> Box:
    return min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])


def _grow(box: Box, width: int, height: int) -> Box:
    x1, y1, x2, y2 = box
    return max(x1 - MARGIN_PX, 0), max(y1 - MARGIN_PX, 0), min(x2 + MARGIN_PX, width), min(y2 + MARGIN_PX, height)
