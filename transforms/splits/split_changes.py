"""List images whose split differs from the previous release or the official split."""

import re
from collections.abc import Mapping

import polars as pl

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.reporting.counted import plural

SCHEMA = schema_of("split_changes")

ROOT = re.compile(r"[0-9a-f]{8,64}")


def know_previous(images: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Return sample_id and split of the images in the previous release, matched by file bytes or decoded pixels.

    ``previous``: image_sha256, luma_blake3 and split. A renamed file is matched, too.
    """
    found = [
        images.select("sample_id", hash_name).join(previous.select(hash_name, "split"), on=hash_name)
        for hash_name in ("image_sha256", "luma_blake3")
    ]
    known = pl.concat([table.select("sample_id", "split") for table in found])
    return known.unique("sample_id", keep="first", maintain_order=True).sort("sample_id")


def note_moved(images: pl.DataFrame, previous: pl.DataFrame, name: str, reference: str) -> list[str]:
    """Return a note if images are in another split than in the release before, with the line that keeps them there.

    ``previous``: image_sha256, luma_blake3 and split of the release ``name``; ``reference`` identifies it in a recipe.
    """
    known = know_previous(images, previous).join(images.select("sample_id", now="split"), on="sample_id")
    moved = known.filter(pl.col("split") != pl.col("now")).height
    if not moved:
        return []
    count = plural(moved, "picture is", "pictures are")
    note = f"{count} in another split than in {name}, so results on its test split do not compare. To keep every "
    return [f'{note}picture in its split, add to [splits] of the recipe: previous = "{reference}"']


def list_changes(
    splits: pl.DataFrame,
    images: pl.DataFrame | pl.LazyFrame,
    samples: pl.DataFrame | pl.LazyFrame,
    *,
    fractions: Mapping[str, float],
    honour_official: bool,
    previous: pl.DataFrame | None,
) -> pl.DataFrame:
    """Return the table ``split_changes``: each image in another split than in ``previous`` or the honoured source.

    ``splits`` is the finished table; ``previous`` is the result of ``know_previous``.
    """
    official = samples.lazy().select("sample_id", split="official_split").drop_nulls("split")
    stated = [("previous", previous.lazy())] if previous is not None else []
    stated += [("official", official)] if honour_official else []
    parts = [_changes(splits, images.lazy(), table, who, fractions) for who, table in stated]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).sort("change_id")


def _changes(
    splits: pl.DataFrame, images: pl.LazyFrame, stated: pl.LazyFrame, who: str, fractions: Mapping[str, float]
) -> pl.DataFrame:
    """Return the images whose split differs from ``stated``, with the reason; ``who`` stated it."""
    joined = splits.lazy().join(stated.rename({"split": "stated_split"}), on="sample_id")
    changed = joined.filter(pl.col("split") != pl.col("stated_split")).collect(engine="streaming").lazy()
    agreeing = (
        joined.filter(pl.col("split") == pl.col("stated_split"))
        .join(changed.select("group_id"), on="group_id", how="semi")
        .group_by("group_id")
        .agg(witness=pl.col("sample_id").min())
    )
    named = pl.format("its group holds {}, which is in {}", "witness", "split")
    overruled = "the previous release has its group elsewhere" if who == "official" else "the group goes elsewhere"
    return (
        changed.join(agreeing, on="group_id", how="left")
        .join(images.select("sample_id", "image_sha256"), on="sample_id")
        .with_columns(
            change_id=pl.format("{}:{}", "sample_id", pl.lit(who)),
            stated_by=pl.lit(who),
            reason=pl.when(~pl.col("stated_split").is_in(sorted(fractions)))
            .then(pl.format("the recipe has no split {}", "stated_split"))
            .otherwise(pl.coalesce(named, pl.lit(overruled))),
        )
        .select(SCHEMA.keys())
        .collect(engine="streaming")
    )


def split_reference(reference: str) -> tuple[str, str]:
    """Return place and root of a reference (RELEASE, RELEASE@ROOT or NAME@ROOT); the root is empty if not given."""
    place, at, root = reference.rpartition("@")
    return (place, root) if at and ROOT.fullmatch(root) else (reference, "")
