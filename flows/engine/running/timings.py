"""Measure the time of a stage: work on shards, storing, validation, and waiting."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """The working time of a shard in seconds since 1970, to compare machines, and the storing time after it."""

    start: float
    end: float
    storing: float


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one stage; ``work`` and ``storing`` add up over parallel shards.

    ``validation`` includes reading, joining and sorting the shards' tables; ``waiting``: no shard was being worked on.
    """

    work: float = 0.0
    validation: float = 0.0
    storing: float = 0.0
    waiting: float = 0.0

    def to_json(self) -> dict[str, float]:
        """Return the seconds as plain values."""
        return {name: round(getattr(self, name), 3) for name in self.__slots__}


NO_TIMES: Final = Times()


class Stopwatch:
    """Adds up the seconds of blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Add the duration of the block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start


def stage_times(spans: Iterable[Span], mapping: float, finishing: float, stored: float) -> Times:
    """Return the times of a stage from the spans of its shards, their total wall time and that of its end.

    ``stored``: the part of the end that was spent on storing.
    """
    known = list(spans)
    storing = sum(span.storing for span in known)
    return Times(
        work=sum(span.end - span.start for span in known) - storing,
        validation=max(finishing - stored, 0.0),
        storing=storing + stored,
        waiting=max(mapping - covered(known), 0.0),
    )


def covered(spans: Iterable[Span]) -> float:
    """Return the seconds during which at least one of the spans ran."""
    total, reached = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        total += max(span.end - max(span.start, reached), 0.0)
        reached = max(reached, span.end)
    return total
