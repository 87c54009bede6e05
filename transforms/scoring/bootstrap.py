"""Confidence intervals by resampling groups, seeded by the group ids."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.scoring.detection import Floats

REPLICATES: Final = 1000
LEVEL: Final = 0.95
_AT_ONCE: Final = 100  # replicates whose weights are in memory at a time
Interval = tuple[float, float]


def known(value: float) -> float | None:
    """Return the value, or None for an undefined one (nan)."""
    return None if math.isnan(value) else value


def intervals(
    groups: Sequence[str], sums: Floats, metrics_of: Callable[[Floats], Mapping[str, Floats]]
) -> dict[str, Interval]:
    """Return the 95 % percentile interval of each metric over 1000 resamplings; (nan, nan) for fewer than two groups.

    ``sums``: one row per group, in the order of ``groups``; the draws depend on the ids alone.
    """
    if len(groups) < 2:
        return {name: (float("nan"), float("nan")) for name in metrics_of(sums.sum(axis=0))}
    parts = [metrics_of(weights @ sums) for weights in _weights(groups)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: _percentiles(values) for name, values in whole.items()}


def _weights(groups: Sequence[str]) -> Iterator[Floats]:
    """Yield the number of draws of each group, one row per replicate."""
    seed = hashlib.sha256("\n".join(groups).encode()).digest()
    for start in range(0, REPLICATES, _AT_ONCE):
        yield np.stack([_draw(seed, replicate, len(groups)) for replicate in range(start, start + _AT_ONCE)])


def _draw(seed: bytes, replicate: int, size: int) -> Floats:
    stream = hashlib.shake_256(seed + replicate.to_bytes(4)).digest(8 * size)
    places = np.frombuffer(stream, "<u8") % np.uint64(size)
    return np.bincount(places.astype(np.int64), minlength=size).astype(np.float64)


def _percentiles(values: Floats) -> Interval:
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
