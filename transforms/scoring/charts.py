"""Compute the charts of an evaluation as plain numbers in units of the drawing."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from medmultipoints.transforms.scoring.answers.items import COUNT, Item
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant

# For all other metrics, larger is better.
LOWER_IS_BETTER: Final = frozenset({"unread_rate", "relative_count_error", "count_mae", "point_error"})
UNBOUNDED: Final = frozenset({"relative_count_error", "count_mae"})
TICKS: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Bar:
    """A metric between 0 and 1 with its interval; ``low`` and ``high`` are None without one."""

    name: str
    lower_is_better: bool
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Dot:
    """The number of counting answers with the same true and stated count; both also as positions from 0 to 1."""

    true: int
    said: int
    number: int
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Counts:
    """True against stated counts on square-root scales that end at ``most``; ``unread`` answers have no dot."""

    dots: tuple[Dot, ...]
    ticks: tuple[tuple[int, float], ...]
    most: int
    unread: int
    beyond: int


def metric_bars(strict: dict[str, Any]) -> list[Bar]:
    """Return the overall metrics of a strict report between 0 and 1, in report order."""
    found = []
    for name, entry in strict["overall"].items():
        low, high = entry["interval"]
        if name not in UNBOUNDED:
            found.append(Bar(name, name in LOWER_IS_BETTER, entry["value"], low, high))
    return found


def count_dots(items: Sequence[Item]) -> Counts | None:
    """Return the counting answers; None if no question asks for a count.

    The scale ends at 1.5 times the largest true count; larger answers are counted but not drawn.
    """
    asked = [item for item in items if COUNT in item.truth.parts]
    if not asked:
        return None
    counts = [(item.truth.count, read_tolerant(item.truth, item.response).count) for item in asked]
    most = max(10, math.ceil(1.5 * max(true for true, _ in counts)))
    shared = Counter((true, count) for true, count in counts if count is not None and count <= most)
    dots = tuple(
        Dot(true, count, number, _place(true, most), _place(count, most), min(0.5 + math.sqrt(number) / 4, 3.0))
        for (true, count), number in sorted(shared.items())
    )
    unread = sum(count is None for _, count in counts)
    ticks = tuple((tick, _place(tick, most)) for tick in TICKS if tick <= most)
    return Counts(dots, ticks, most, unread, len(counts) - unread - sum(shared.values()))


def _place(count: int, most: int) -> float:
    return math.sqrt(count / most)
