"""Exact duplicates: the same file bytes or the same decoded pixels, within and across sources."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.duplicates.clusters import find_clusters
from medmultipoints.transforms.records import SIDES

HASHES = ("image_sha256", "luma_blake3")
Row = dict[str, Any]


def find_duplicates(
    images: pl.DataFrame,
    regions: pl.DataFrame,
    samples: pl.DataFrame,
    source_order: Sequence[str],
    colours: Mapping[str, str],
) -> pl.DataFrame:
    """Return the table ``duplicates``: every image that repeats an earlier one, with the one that is kept.

    Images are equal when their file bytes or else their decoded pixels are, directly or through others: pixels where
    luma is equal and so are ``colours``, the hash of the RGB pixels of each image that ``luma_twins`` names. Of
    each set of equals the first by ``source_order`` (sources not in it come last), then by natural order of
    sample_id (runs of digits compare as numbers: frame 9 before frame 10), is kept. ``kind`` says what copy
    and kept image share: ``bytes`` where both hashes agree with the kept one's file, else ``pixels``.
    ``same_annotation`` compares labels, boxes and masks of masks and tracks, of source boxes where there are none;
    ``contradicted_labels`` are those of which both know all or some objects, but not the same.
    """
    shared = images.filter(pl.any_horizontal(pl.col(name).is_duplicated() for name in HASHES))
    rows = sorted(shared.select("sample_id", "source", *HASHES).iter_rows(named=True), key=_order(source_order))
    kept = _kept_images(rows, colours)
    objects = _objects(regions, [row["sample_id"] for row in rows])
    known = _exhaustive(shared, samples)
    copies = [
        (row["sample_id"], first["sample_id"], _kind(row, first), *_compare(objects, known, row, first))
        for row, first in zip(rows, kept, strict=True)
        if row is not first
    ]
    return pl.DataFrame(copies, schema=schema_of("duplicates"), orient="row").sort("sample_id")


def luma_twins(images: pl.DataFrame) -> list[str]:
    """Return the images whose luma is that of an image of other bytes: their colours decide whether they are copies."""
    files = pl.col("image_sha256").n_unique().over("luma_blake3")
    return images.filter(files > 1)["sample_id"].sort().to_list()


def natural_order(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a sort key under which runs of ASCII digits compare as numbers, and equal keys mean equal names."""
    parts = re.split("([0-9]+)", name)
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name


def _order(source_order: Sequence[str]) -> Callable[[Row], tuple[int, Any]]:
    rank = {source: place for place, source in enumerate(source_order)}
    return lambda row: (rank.get(row["source"], len(rank)), natural_order(row["sample_id"]))


def _kept_images(rows: Sequence[Row], colours: Mapping[str, str]) -> list[Row]:
    """Return for each row, in its place, the first row that is equal to it."""
    cluster = find_clusters(_equal_pairs(rows, colours))
    first: dict[str, Row] = {}
    return [first.setdefault(cluster[row["sample_id"]], row) for row in rows]


def _equal_pairs(rows: Sequence[Row], colours: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    first: dict[tuple[str, ...], str] = {}
    for row in rows:
        sample_id = row["sample_id"]
        yield sample_id, first.setdefault(("bytes", row["image_sha256"]), sample_id)
        if sample_id in colours:
            yield sample_id, first.setdefault(("pixels", row["luma_blake3"], colours[sample_id]), sample_id)


def _kind(copy: Row, kept: Row) -> str:
    return "bytes" if copy["image_sha256"] == kept["image_sha256"] else "pixels"


def _compare(
    objects: dict[str, dict[str, list[Any]]], known: dict[str, frozenset[str]], copy: Row, kept: Row
) -> tuple[bool, list[str]]:
    """Return whether both have the same objects, and the labels on which they contradict each other."""
    one, other = (objects.get(row["sample_id"], {}) for row in (copy, kept))
    stated = [own.keys() | known[row["sample_id"]] for own, row in ((one, copy), (other, kept))]
    contradicted = [label for label in sorted(stated[0] & stated[1]) if one.get(label) != other.get(label)]
    return one == other, contradicted


def _exhaustive(images: pl.DataFrame, samples: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Return the labels of each image whose absence is certain."""
    both = images.select("sample_id", "annotated").join(
        samples.select("sample_id", "labels_exhaustive"), on="sample_id"
    )
    return {row[0]: frozenset(row[2] if row[1] else ()) for row in both.iter_rows()}


def _objects(regions: pl.DataFrame, sample_ids: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Return boxes and masks of each image by label, sorted: derived ones, or the source's where none was derived."""
    derived = pl.col("evidence") != "source"
    chosen = regions.filter(pl.col("sample_id").is_in(sample_ids)).filter(derived | ~derived.any().over("sample_id"))
    found: dict[str, dict[str, list[Any]]] = {}
    columns = chosen.select("sample_id", "label", *SIDES, pl.col("rle").fill_null(""))
    for sample_id, label, *values in columns.sort(pl.all()).iter_rows():
        found.setdefault(sample_id, {}).setdefault(label, []).append(values)
    return found
