"""Balance the strata of splits by exchanging groups, for few large groups.

Greedy placement works well with many small groups. If only two of twenty videos go to a split, the order of placement
should not decide whether they hold a rare label.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import polars as pl

from medmultipoints.transforms.compose.policy import Policy, select_regions

MOST_GROUPS = 64
"""Most groups that are balanced; with more of them, random placement is even enough."""

Counts = Mapping[str, int]

IMAGES = ""
"""The stratum of all images of a source."""

BUCKET = " up to "


def balance(
    placed: Mapping[str, str],
    free: Sequence[str],
    strata: Mapping[str, Counts],
    fractions: Mapping[str, float],
    weights: Mapping[str, float],
    images: str,
) -> dict[str, str]:
    """Return the placement after exchanging or moving groups of ``free`` as long as that lowers the imbalance.

    ``strata``: the number of images of each stratum, by group; ``images`` is the stratum of all images. A split's
    number of images must not move further from its share than it already is, or than the largest group.
    The imbalance is the weighted sum, over splits and strata, of (share of the stratum - share of the split)**2 / share
    of the split. No split is emptied; the result depends on the order of ``free``, and on no other order.
    """
    found = dict(placed)
    if len(free) > MOST_GROUPS or len(fractions) < 2:
        return found
    state = _State(found, strata, fractions, weights, images)
    while (step := min(_steps(state, free), default=None)) is not None:
        for group, split in step[2]:
            state.put(group, split)
            found[group] = split
    return found


class _State:
    """The number of images of each stratum in each split."""

    def __init__(
        self,
        placed: Mapping[str, str],
        strata: Mapping[str, Counts],
        fractions: Mapping[str, float],
        weights: Mapping[str, float],
        images: str,
    ) -> None:
        self.place: dict[str, str] = {}
        self.strata, self.fractions, self.weights, self.images = strata, fractions, weights, images
        self.totals = dict.fromkeys(sorted(weights), 0)
        for counts in strata.values():
            for stratum, count in counts.items():
                self.totals[stratum] += count
        self.held = {split: dict.fromkeys(self.totals, 0) for split in sorted(fractions)}
        self.groups = dict.fromkeys(self.held, 0)
        for group in sorted(placed):
            self.put(group, placed[group])
        self.most = max(counts[images] for counts in strata.values())

    def put(self, group: str, split: str) -> None:
        """Move a group to a split."""
        before = self.place.get(group)
        for stratum, count in self.strata[group].items():
            self.held[split][stratum] += count
            if before is not None:
                self.held[before][stratum] -= count
        self.groups[split] += 1
        if before is not None:
            self.groups[before] -= 1
        self.place[group] = split

    def gain(self, moves: Sequence[tuple[str, str]]) -> float:
        """Return the decrease of the imbalance by the moves; 0 if they are not allowed."""
        splits = sorted({self.place[group] for group, _ in moves} | {split for _, split in moves})
        before = sum(map(self._imbalance, splits))
        off = max(abs(self._excess(split)) for split in splits)
        back = [(group, self.place[group]) for group, _ in moves]
        for group, split in moves:
            self.put(group, split)
        allowed = all(self.groups[split] for split in splits)
        allowed &= max(abs(self._excess(split)) for split in splits) <= max(off, self.most)
        gained = before - sum(map(self._imbalance, splits))
        for group, split in back:
            self.put(group, split)
        return gained if allowed else 0.0

    def _excess(self, split: str) -> float:
        return self.held[split][self.images] - self.fractions[split] * self.totals[self.images]

    def _imbalance(self, split: str) -> float:
        share = self.fractions[split]
        return sum(
            weight * (self.held[split][stratum] / self.totals[stratum] - share) ** 2 / share
            for stratum, weight in self.weights.items()
        )


def _steps(state: _State, free: Sequence[str]) -> Iterator[tuple[float, int, list[tuple[str, str]]]]:
    """Yield every move and exchange that lowers the imbalance, as (-gain, number, moves)."""
    single = [[(group, split)] for group in free for split in sorted(state.fractions) if split != state.place[group]]
    double = [
        [(one, state.place[other]), (other, state.place[one])]
        for one, other in combinations(free, 2)
        if state.place[one] != state.place[other]
    ]
    for number, moves in enumerate(single + double):
        gained = state.gain(moves)
        if gained > 1e-9:
            yield -round(gained, 12), number, moves


def weigh_strata(names: Iterable[str]) -> dict[str, float]:
    """Return the weight of each stratum: 1 for all images and for each label, together 0.5 for a label's buckets."""
    ordered = sorted(names)
    buckets = Counter(name.rpartition(BUCKET)[0] for name in ordered if BUCKET in name)
    return {name: 0.5 / buckets[name.rpartition(BUCKET)[0]] if BUCKET in name else 1.0 for name in ordered}


def find_strata(regions: pl.DataFrame, policy: Policy, own: Mapping[str, Policy] | None = None) -> pl.DataFrame:
    """Return (sample_id, stratum) rows: each label of an image, and each label with its count bucket.

    Buckets double: 1, 2, 3-4, 5-8, ... objects. Images without objects under the policy have no strata.
    """
    counts = select_regions(regions, policy, own).group_by("sample_id", "label").len("count")
    bucket = pl.col("count").cast(pl.Float64).log(2).ceil().cast(pl.Int64)
    labels = counts.select("sample_id", stratum="label")
    buckets = counts.select("sample_id", stratum=pl.format("{}" + BUCKET + "{}", "label", 2**bucket))
    return pl.concat([labels, buckets]).sort("sample_id", "stratum")
