"""Official splits, assigned by the authors of a source: usual names, splits of a recipe, and deviations."""

from collections.abc import Collection, Iterable
from typing import Final

import polars as pl

from medmultipoints.transforms.reporting.counted import plural

OFFICIAL: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""The official split for each usual name of a folder, a list or a split of a recipe."""

FIRST: Final = ("train", "validation", "test")


def official_name(split: str) -> str:
    """Return the official split of a usual name in any case; other names are unchanged."""
    return OFFICIAL.get(split.casefold(), split)


def official_of(column: str) -> pl.Expr:
    """Return the official splits of a column of recipe splits, whose names are lower-case."""
    return pl.col(column).replace(OFFICIAL)


def places_of(splits: Collection[str]) -> dict[str, str]:
    """Map each official split to the recipe's split for it: ``val``, ``valid`` or ``dev`` for ``validation``."""
    return {official_name(split): split for split in splits} | {split: split for split in splits}


def missing_places(samples: pl.DataFrame, splits: Collection[str]) -> list[str]:
    """Return the official splits of the samples without a counterpart among ``splits``, sorted."""
    found = samples["official_split"].drop_nulls().unique().sort()
    return [split for split in found if split not in places_of(splits)]


def note_official(images: pl.DataFrame, *, honoured: bool) -> list[str]:
    """Return a sentence for each source with images in another split than its authors assign.

    ``images``: source, split and official_split of the released images.
    """
    given = images.drop_nulls("official_split")
    moved = given.filter(official_of("split") != pl.col("official_split"))
    notes = []
    for source in moved["source"].unique().sort():
        if honoured:
            both = pl.format("{} to {}", "official_split", "split")
            elsewhere = count_official(moved.filter(source=source).with_columns(official_split=both))
            notes.append(
                f"{source}: moved from its official splits with their groups: {elsewhere}; the reasons are in "
                "quarantine/split_changes.parquet"
            )
        else:
            notes.append(
                f"{source}: its authors' splits ({count_official(given.filter(source=source))}) are not used; "
                "[splits] honour_official = true uses them"
            )
    return notes


def note_shared(duplicates: pl.DataFrame, samples: pl.DataFrame) -> list[str]:
    """Return a sentence for each source with copies of a picture in two of its authors' splits.

    ``duplicates``: sample_id and kept_id of each copy. ``samples``: sample_id, source and official_split.
    """
    given = samples.select("sample_id", "source", "official_split").drop_nulls("official_split")
    both = duplicates.join(given, on="sample_id").join(given, left_on="kept_id", right_on="sample_id", suffix="_kept")
    across = both.filter(pl.col("official_split") != pl.col("official_split_kept"))
    counted = across.group_by("source", "official_split", "official_split_kept").len().sort(pl.all())
    return [
        f"{source}: {plural(count, 'picture')} of the authors' {split} is also in their {kept}, and released only there"
        for source, split, kept, count in counted.iter_rows()
    ]


def count_official(images: pl.DataFrame) -> str:
    """Return a phrase with the number of images in each official split."""
    counts = images.drop_nulls("official_split").group_by("official_split").len().sort("official_split")
    return ", ".join(f"{split} {count:,}" for split, count in counts.iter_rows())


def in_order(splits: Iterable[str]) -> list[str]:
    """Return the distinct names in listing order."""
    return sorted(set(splits), key=order_of)


def order_of(split: str) -> tuple[int, str]:
    """Return the sort key of a name."""
    return FIRST.index(split) if split in FIRST else len(FIRST), split


def split_rank() -> pl.Expr:
    """Return the rank of the column ``split`` in listing order; other names share one rank, to be sorted by name."""
    return pl.col("split").replace_strict({name: n for n, name in enumerate(FIRST)}, default=len(FIRST))
