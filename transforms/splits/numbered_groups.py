"""Number the groups of images, so that ten million of them are columns and not objects."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.columns.ranges import ROWS_AT_ONCE
from medmultipoints.transforms.splits.balance import IMAGES

Numbers = NDArray[np.int64]
Strata = Callable[[pl.DataFrame], pl.DataFrame]
"""Returns the rows (sample_id, stratum) of images (sample_id), which are a part of all images."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Images that must share a split. Groups have numbers in the order of their names; so have strata.

    ``of_image``: the group of each image; ``images``: the number of images of each group. The strata of group n are
    ``stratum[first[n] : first[n + 1]]``, with the number of images of each in ``count``.
    """

    of_image: Numbers
    names: pl.Series
    sources: Numbers
    source_names: list[str]
    images: Numbers
    first: Numbers
    stratum: Numbers
    count: Numbers
    stratum_names: list[str]

    def strata(self, number: int) -> dict[str, int]:
        """Return the number of images of each stratum of a group, all images first."""
        part = slice(self.first[number], self.first[number + 1])
        found = {IMAGES: int(self.images[number])}
        for stratum, count in zip(self.stratum[part].tolist(), self.count[part].tolist(), strict=True):
            found[self.stratum_names[stratum]] = count
        return found

    def totals(self, source: int) -> dict[str, int]:
        """Return the number of images of each stratum that a source has."""
        own = self.sources == source
        within = np.repeat(own, np.diff(self.first))
        counts = np.bincount(self.stratum[within], self.count[within], len(self.stratum_names)).tolist()
        found = {name: int(count) for name, count in zip(self.stratum_names, counts, strict=True) if count}
        return {IMAGES: int(self.images[own].sum())} | found


def number_groups(members: pl.DataFrame, strata: Strata | None) -> Groups:
    """Return the groups of ``find_groups`` with the strata of their images."""
    order = members["group_id"].arg_sort()
    ranked = members["group_id"].gather(order)
    new = (ranked != ranked.shift(1)).fill_null(True)
    of_image = np.empty(len(members), np.int64)
    of_image[order.to_numpy()] = np.cumsum(new.to_numpy()) - 1
    names = ranked.filter(new)
    named = (members["base"] == members["group_id"]).to_numpy()
    source_names = members["source"].unique().sort().to_list()
    numbers = {name: number for number, name in enumerate(source_names)}
    sources = np.zeros(len(names), np.int64)
    sources[of_image[named]] = members["source"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()[named]
    first, stratum, count, stratum_names = _count(members.select("sample_id"), of_image, len(names), strata)
    images = np.bincount(of_image, minlength=len(names))
    return Groups(of_image, names, sources, source_names, images, first, stratum, count, stratum_names)


def _count(
    images: pl.DataFrame, of_image: Numbers, groups: int, strata: Strata | None
) -> tuple[Numbers, Numbers, Numbers, list[str]]:
    """Return, sorted by group and stratum, where each group starts, the strata, their images, and their names."""
    found: dict[str, int] = {}
    parts = [np.empty(0, np.int64), *(_pairs(images, of_image, strata, found) if strata else ())]
    names = sorted(found)
    rank = np.empty(len(names), np.int64)
    rank[[found[name] for name in names]] = np.arange(len(names))
    pairs = np.concatenate(parts)
    keys, count = np.unique((pairs >> 32) * len(names) + rank[pairs & 0xFFFFFFFF], return_counts=True)
    group, stratum = np.divmod(keys, max(len(names), 1))
    return np.searchsorted(group, np.arange(groups + 1)), stratum, count, names


def _pairs(images: pl.DataFrame, of_image: Numbers, strata: Strata, found: dict[str, int]) -> Iterator[Numbers]:
    """Yield group and stratum of the images of each part, in one number; new strata are added to ``found``."""
    for start in range(0, images.height, ROWS_AT_ONCE):
        part = images[start : start + ROWS_AT_ONCE]
        numbered = part.with_columns(group=pl.Series(of_image[start : start + part.height]))
        held = numbered.join(strata(part), on="sample_id")
        for name in held["stratum"].unique():
            found.setdefault(name, len(found))
        if held.is_empty():  # nothing is annotated there
            continue
        stratum = held["stratum"].replace_strict(found, return_dtype=pl.Int64).to_numpy()
        yield (held["group"].to_numpy() << 32) | stratum
