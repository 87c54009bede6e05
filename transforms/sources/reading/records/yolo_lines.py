"""Split lines of YOLO's label files, and count what their numbers can be."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from medmultipoints.transforms.regions.decimals import parse_decimal
from medmultipoints.transforms.sources.reading.class_names import class_number
from medmultipoints.transforms.sources.reading.listing import Listing

EXACT: Final = 1e-9
ROUNDED: Final = 0.002
"""Distance beyond the frame that is arithmetic alone, and that rounded decimals explain."""
SLACK: Final = 0.01
"""Greatest distance of a rounded fraction outside 0 to 1."""


def fraction(text: str) -> float:
    """Return the number of a cell, or NaN."""
    try:
        return parse_decimal(text)
    except ValueError:
        return float("nan")


def label_rows(listing: Listing, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number (from 1) and the words of each line that is not blank."""
    text = listing.read(name).decode("utf-8-sig", "replace")
    for at, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield at, line.replace(",", " ").split()


@dataclass
class LineEvidence:
    """Counts over the lines of all label files. ``plain``: lines of a box; ``visible``: of key points with flags."""

    files: int = 0
    empty: int = 0
    lines: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    numbers: Counter[int] = field(default_factory=Counter)
    no_extent: int = 0
    beyond: int = 0
    rounded: int = 0
    bad: int = 0
    points_in_box: int = 0
    visible: int = 0
    beyond_unit: int = 0
    angles: int = 0
    tracks: int = 0
    plain: int = 0
    as_corners: int = 0
    as_sizes: int = 0


def gather_lines(listing: Listing, names: Sequence[str]) -> LineEvidence:
    """Return the counts over the lines of the label files."""
    seen = LineEvidence(files=len(names))
    for name in names:
        rows = [row for _, row in label_rows(listing, name)]
        seen.empty += not rows
        for row in rows:
            values = [fraction(text) for text in row]
            seen.lines += 1
            seen.lengths[len(row)] += 1
            if (number := class_number(row[0])) is not None:
                seen.numbers[number] += 1
            if len(row) < 5 or not all(-SLACK <= value <= 1 + SLACK for value in values[1:5]):
                seen.bad += 1
                continue
            _, cx, cy, w, h = values[:5]
            _count_form(seen, values)
            seen.no_extent += len(row) in (5, 6) and (w == 0 or h == 0)
            past = max(w / 2 - cx, cx + w / 2 - 1, h / 2 - cy, cy + h / 2 - 1) if len(row) in (5, 6) else 0
            seen.beyond += past > ROUNDED
            seen.rounded += EXACT < past <= ROUNDED
            seen.points_in_box += len(row) > 6 and _are_points_in_box(values)
    return seen


def _count_form(seen: LineEvidence, values: Sequence[float]) -> None:
    """Count a line's readings: as corners, as corner and size, with a sixth number, with visible key points."""
    a, b, c, d = values[1:5]
    if len(values) in (5, 6):
        seen.plain += 1
        seen.as_corners += c > a and d > b
        seen.as_sizes += a + c <= 1.002 and b + d <= 1.002
    if len(values) == 6:
        seen.tracks += values[5] > 1 and values[5].is_integer()
        seen.angles += is_angle(values[5])
    elif len(values) > 6:
        flags = values[7::3]
        seen.visible += len(values) % 3 == 2 and all(flag in (0, 1, 2) for flag in flags)
        seen.beyond_unit += max(values[5:]) > 1 + SLACK


def is_angle(number: float) -> bool:
    """Return whether a sixth number is neither a confidence (0 to 1) nor the number of a track."""
    return not (0 <= number <= 1 or number.is_integer())


def _are_points_in_box(values: Sequence[float]) -> bool:
    """Return whether the numbers after the first five are points inside the box of the first five."""
    _, cx, cy, w, h, *rest = values
    pairs = zip(rest[0::2], rest[1::2], strict=False)
    return all((x == 0 and y == 0) or (abs(x - cx) <= w / 2 + SLACK and abs(y - cy) <= h / 2 + SLACK) for x, y in pairs)
