"""Find exact duplicates: equal file bytes or equal decoded pixels, within and across sources."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.compose.policy import STRENGTH, select_regions
from medmultipoints.transforms.duplicates.clusters import find_clusters
from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.regions.matching import match_boxes
from medmultipoints.transforms.regions.overlaps import find_overlaps

HASHES = ("image_sha256", "luma_blake3")
ABSENCE, UNUSED, NOTHING = (max(STRENGTH.values()) + place for place in (1, 2, 3))
"""What is weaker than every object: certain absence, objects that the release does not use, nothing known."""

ROUNDING_PX = 0.01
"""Difference of a side of two boxes that comes from the rounding of one annotation."""

Row = dict[str, Any]

SAME_PLACE = 0.8
"""Two boxes with this intersection over union enclose the same object, also under different labels."""

SAME_OBJECT = 0.5
"""A box with this intersection over union with a mask's box is of the same object."""

Objects = Mapping[str, Sequence[Sequence[Any]]]
"""The objects of a picture by label; each begins with the sides of its box."""


def find_duplicates(
    images: pl.DataFrame,
    regions: pl.DataFrame,
    samples: pl.DataFrame,
    source_order: Sequence[str],
    colours: Mapping[str, str],
    usable: pl.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Return the table ``duplicates``: every image that repeats another one, with the image to keep.

    Images are equal if their file bytes or their decoded pixels are, directly or through other images. Pixels are equal
    if luma and ``colours`` are: the hash of the RGB pixels of each image in ``equal_luma_images``. Of equal images the
    one with the strongest evidence is kept: masks, outlines and tracks, then boxes, certain absence, objects that are
    not in ``usable`` (default: all are), nothing. With equal evidence the first is kept by ``source_order`` (other
    sources come last), then by natural order of sample_id (frame 9 before frame 10). ``kind`` is ``bytes`` if copy and
    kept image have equal files, else ``pixels``. ``same_annotation`` compares labels, boxes and masks: derived ones, or
    the source's boxes if there are none. ``contradicted_labels`` are labels stated for both images with different
    objects, and those of objects at the same place that no released label (``names``, by label) has in common.
    """
    shared = images.filter(pl.any_horizontal(pl.col(name).is_duplicated() for name in HASHES))
    known = _exhaustive(shared, samples)
    weakness = _weakness(regions, regions if usable is None else usable, known)
    rows = _preferred_first(shared, weakness, source_order)
    kept = _kept_images(rows, colours)
    objects = _objects(regions, [row["sample_id"] for row in rows])
    copies = [
        (row["sample_id"], first["sample_id"], _kind(row, first), *_compare(objects, known, row, first, names or {}))
        for row, first in zip(rows, kept, strict=True)
        if row is not first
    ]
    return pl.DataFrame(copies, schema=schema_of("duplicates"), orient="row").sort("sample_id")


def equal_luma_images(images: pl.DataFrame) -> list[str]:
    """Return the images with the luma of an image of other bytes; only their colours prove whether they are copies."""
    files = pl.col("image_sha256").n_unique().over("luma_blake3")
    return images.filter(files > 1)["sample_id"].sort().to_list()


def natural_order(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a sort key that compares runs of ASCII digits as numbers; only equal names have equal keys."""
    parts = re.split("([0-9]+)", name)
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name


def _preferred_first(images: pl.DataFrame, weakness: Mapping[str, int], source_order: Sequence[str]) -> list[Row]:
    """Return the images from strong to weak evidence, then by source and natural order of sample_id."""
    rank = {source: place for place, source in enumerate(source_order)}

    def order(row: Row) -> tuple[int, int, Any]:
        name = row["sample_id"]
        return weakness.get(name, NOTHING), rank.get(row["source"], len(rank)), natural_order(name)

    return sorted(images.select("sample_id", "source", *HASHES).iter_rows(named=True), key=order)


def _kept_images(rows: Sequence[Row], colours: Mapping[str, str]) -> list[Row]:
    """Return, for each row, the first row that is equal to it."""
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
    objects: dict[str, dict[str, list[Any]]],
    known: dict[str, frozenset[str]],
    copy: Row,
    kept: Row,
    names: Mapping[str, str],
) -> tuple[bool, list[str]]:
    """Return whether both have the same objects, and the labels on which they contradict each other."""
    one, other = (objects.get(row["sample_id"], {}) for row in (copy, kept))
    stated = [own.keys() | known[row["sample_id"]] for own, row in ((one, copy), (other, kept))]
    differ = {label for label in one.keys() | other.keys() if not _agree(one.get(label, []), other.get(label, []))}
    relabelled = find_relabelled(one, other, names) if differ else set[str]()
    return not differ, sorted(differ & stated[0] & stated[1] | relabelled)


def _agree(one: Sequence[Sequence[Any]], other: Sequence[Sequence[Any]]) -> bool:
    """Return whether two sorted lists of boxes with masks are equal, but for rounding of the boxes.

    Masks in one list and boxes alone in the other agree if each box is at the place of a mask of its own.
    """
    if len(one) != len(other):
        return False
    if any(one_object[-1] for one_object in one) != any(one_object[-1] for one_object in other):
        boxes, places = ([Box(*values[:4]) for values in some] for some in (one, other))
        return len(match_boxes(boxes, places, at_least=SAME_OBJECT)) == len(one)
    return all(
        rle == same and max(abs(a - b) for a, b in zip(box, place, strict=True)) <= ROUNDING_PX
        for (*box, rle), (*place, same) in zip(one, other, strict=True)
    )


def _weakness(regions: pl.DataFrame, usable: pl.DataFrame, known: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return the place of each image's best evidence in the order from strong to weak."""
    found = dict.fromkeys(regions["sample_id"].unique(), UNUSED)
    found |= {sample_id: ABSENCE for sample_id, labels in known.items() if labels}
    rank = pl.col("evidence").replace_strict(STRENGTH, return_dtype=pl.Int64)
    return found | dict(usable.group_by("sample_id").agg(rank.min()).iter_rows())


def _exhaustive(images: pl.DataFrame, samples: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Return the labels of each image that are annotated exhaustively."""
    both = images.select("sample_id", "annotated").join(
        samples.select("sample_id", "labels_exhaustive"), on="sample_id"
    )
    return {row[0]: frozenset(row[2] if row[1] else ()) for row in both.iter_rows()}


def _objects(regions: pl.DataFrame, sample_ids: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Return sorted boxes and masks by image and label: derived ones, or the source's if there are none.

    Of an object with several kinds of evidence, such as a mask and a box, the strongest counts.
    """
    own = regions.filter(pl.col("sample_id").is_in(sample_ids))
    derived = select_regions(own, "audited")
    chosen = pl.concat([derived, own.join(derived, on="sample_id", how="anti")])
    found: dict[str, dict[str, list[Any]]] = {}
    columns = chosen.select("sample_id", "label", *SIDES, pl.col("rle").fill_null(""))
    for sample_id, label, *values in columns.sort(pl.all()).iter_rows():
        found.setdefault(sample_id, {}).setdefault(label, []).append(values)
    return found


def find_relabelled(one: Objects, other: Objects, names: Mapping[str, str]) -> set[str]:
    """Return the labels, of both pictures, of objects at the same place that have no released label in common.

    ``names``: released label of each label.
    """
    (labels, boxes), (other_labels, other_boxes) = _flatten(one), _flatten(other)
    found: set[str] = set()
    for here, there in zip(_at_places(boxes, boxes), _at_places(boxes, other_boxes), strict=True):
        own, others = {labels[at] for at in here}, {other_labels[at] for at in there}
        released, others_released = ({names.get(label, label) for label in some} for some in (own, others))
        if others and not released & others_released:
            found |= own | others
    return found


def _flatten(objects: Objects) -> tuple[list[str], list[Box]]:
    pairs = [(label, Box(*values[:4])) for label, some in objects.items() for values in some]
    return [label for label, _ in pairs], [box for _, box in pairs]


def _at_places(first: Sequence[Box], second: Sequence[Box]) -> list[list[int]]:
    """Return, for each box of ``first``, the positions in ``second`` of the boxes at its place."""
    near = find_overlaps(first, second)
    return [
        [place for place in places if iou(box, second[place]) >= SAME_PLACE]
        for box, places in zip(first, near, strict=True)
    ]
