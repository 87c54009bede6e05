"""Find pairs of pictures of one examination.

Clock minus timer is the start of an examination, exact to the second: of 119 real pairs of one day, 61 starts are at
most 1 s apart and the others 810 s or more. Similar clock times prove nothing, since examinations run in parallel.
Text can prove that two pictures belong together, never that they do not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import polars as pl

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.text.readings import start_second

MOST_APART_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Two pictures of one examination and the evidence; columns as in ``joins.toml``."""

    sample_id: str
    other_id: str
    kind: str
    apart_s: int | None = None
    inliers: int | None = None
    dx: int | None = None
    dy: int | None = None
    correlation: float | None = None


def find_equal_starts(readings: pl.DataFrame) -> Iterator[Join]:
    """Yield the pairs whose examinations start at most 2 s apart, also if midnight lies between the pictures.

    ``readings``: the table of that name.
    """
    known = readings.drop_nulls(("day", "clock_s", "timer_s")).select("day", "clock_s", "timer_s", "sample_id")
    starts = sorted((start_second(*times), sample_id) for *times, sample_id in known.iter_rows())
    for number, (start, one) in enumerate(starts):
        for other, two in starts[number + 1 :]:
            if other - start > MOST_APART_S:
                break
            yield Join(sample_id=min(one, two), other_id=max(one, two), kind="same_start", apart_s=other - start)


def join_table(joins: Iterable[Join]) -> pl.DataFrame:
    """Return joins as the table ``joins``, sorted by pair."""
    names = [field.name for field in fields(Join)]
    rows = [
        {"pair_id": f"{join.kind}:{join.sample_id}|{join.other_id}"} | {name: getattr(join, name) for name in names}
        for join in joins
    ]
    return pl.DataFrame(rows, schema=schema_of("joins")).sort("pair_id")


def find_equal_days(readings: pl.DataFrame) -> Iterator[Join]:
    """Yield pairs of the first picture of each day with every other one. They do not prove one examination."""
    known = readings.drop_nulls("day").sort("sample_id")
    linked = known.select(sample_id=pl.col("sample_id").first().over("day"), other_id="sample_id")
    for one, two in linked.filter(pl.col("sample_id") != pl.col("other_id")).iter_rows():
        yield Join(sample_id=one, other_id=two, kind="same_day")


def link_pictures(near: pl.DataFrame, joins: pl.DataFrame) -> pl.DataFrame:
    """Return all pairs (sample_id, other_id) that must share a split."""
    return pl.concat([pairs.select("sample_id", "other_id") for pairs in (near, joins)])


def find_repeated_frames(images: pl.DataFrame, joins: pl.DataFrame) -> dict[str, str]:
    """Return, for each smaller picture of a frame that occurs twice, the larger picture to keep.

    ``images``: sample_id, width, height. Of equally large pictures the first by sample_id is kept.
    """
    pairs = joins.filter(pl.col("kind") == "same_frame").select("sample_id", "other_id").rows()
    partners: dict[str, set[str]] = {}
    for one, two in pairs:
        partners.setdefault(one, set()).add(two)
        partners.setdefault(two, set()).add(one)
    concerned = images.filter(pl.col("sample_id").is_in(list(partners)))
    ordered = concerned.sort(-pl.col("width") * pl.col("height"), "sample_id")["sample_id"].to_list()
    twins: dict[str, str] = {}
    for number, sample_id in enumerate(ordered):
        larger = [other for other in ordered[:number] if other in partners[sample_id] and other not in twins]
        if larger:
            twins[sample_id] = larger[0]
    return twins
