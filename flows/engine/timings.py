"""Where the time of a stage goes: work on shards, storing, validation, and waiting for somebody to work."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """When a shard was worked on, in seconds since 1970: clocks of machines are compared; how long it then stored."""

    start: float
    end: float
    storing: float


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one stage; ``work`` and ``storing`` add up over shards that run side by side.

    ``validation`` includes reading, joining and sorting what the shards stored; ``waiting``: no shard was worked on.
    """

    work: float = 0.0
    validation: float = 0.0
    storing: float = 0.0
    waiting: float = 0.0

    def to_json(self) -> dict[str, float]:
        """Return the seconds for machines."""
        return {name: round(getattr(self, name), 3) for name in self.__slots__}


NO_TIMES: Final = Times()


class Stopwatch:
    """Adds up the seconds of blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Add the time that the block takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start


def stage_times(spans: Iterable[Span], mapping: float, finishing: float, stored: float) -> Times:
    """Return the times of a stage from the spans of its shards, the wall time of them all and of its end.

    ``stored``: the part of its end that went into storing.
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
    """Return the seconds in which at least one of the spans ran."""
    total, reached = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        total += max(span.end - max(span.start, reached), 0.0)
        reached = max(reached, span.end)
    return total
