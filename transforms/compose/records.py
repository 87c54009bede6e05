"""Build the released rows: one record per (image, label), its objects, and the images that have records.

Objects are defined in ``transforms.compose.object_rows``, in pixels of the released image (``scale`` of the images
table). A record with count 0 says that the label is certainly absent: if the recipe asks for it, one is made for each
released label that is exhaustive in an annotated image and has no object there by any evidence. Every table is sorted
by its key and does not depend on the order of the input rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from medmultipoints.transforms.columns.record_columns import EXCLUSION_SCHEMA
from medmultipoints.transforms.columns.tables import column_names, schema_of
from medmultipoints.transforms.compose.object_rows import Rounding, place_objects, rename_labels
from medmultipoints.transforms.compose.policy import Policy, select_regions
from medmultipoints.transforms.records import SIDES, TONE_COLUMNS

IMAGE_COLUMNS = column_names("released_images")
_KEYS = ("sample_id", "label")
RECORD_COLUMNS = tuple(schema_of("records"))


@dataclass(frozen=True, slots=True)
class Composed:
    """The composed tables; ``exclusions`` lacks the columns that the stage adds (exclusion_id, stage)."""

    records: pl.DataFrame
    objects: pl.DataFrame
    released_images: pl.DataFrame
    exclusions: pl.DataFrame


def compose_records(
    samples: pl.DataFrame,
    images: pl.DataFrame,
    regions: pl.DataFrame,
    splits: pl.DataFrame,
    duplicates: pl.DataFrame,
    *,
    policy: Policy,
    labels: Mapping[str, str],
    licences: Mapping[str, str],
    track_rounding: Rounding = "none",
    zero_counts: bool = False,
    own_policies: Mapping[str, Policy] | None = None,
    corrections: pl.DataFrame,
    left_out: pl.DataFrame,
) -> Composed:
    """Return records (without the column ``image``), objects and released images of the kept ``images``.

    ``labels`` maps region labels to released labels; regions of other labels are left out. ``left_out``: the exclusions
    of what was read. An image without a record is excluded; see ``_reasons`` for the reasons.
    """
    context = _describe_images(samples, images, splits, duplicates, labels, licences)
    regions = _without_tones(regions, images)
    objects = place_objects(regions, context, policy=policy, labels=labels, rounding=track_rounding, own=own_policies)
    absent = [_absent(context, rename_labels(regions, labels))] if zero_counts else []
    pairs = pl.concat([objects.select("sample_id", "label"), *absent]).unique()
    unused = context.join(pairs, on="sample_id", how="anti")
    return Composed(
        records=_gather_records(pairs, objects, context, sorted(set(labels.values()))),
        objects=objects.sort("object_id").drop("point"),
        released_images=context.join(pairs, on="sample_id", how="semi").select(IMAGE_COLUMNS).sort("sample_id"),
        exclusions=_explain(unused, regions, policy, own_policies, corrections, left_out),
    )


def _without_tones(regions: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    """Remove the tones of objects in redacted pictures: a filled area may lie in the ring around an object."""
    redacted = images.filter(pl.col("image_origin") == "redacted")["sample_id"].implode()
    tones = [name for name in TONE_COLUMNS if name in regions.columns]
    return regions.with_columns(pl.when(~pl.col("sample_id").is_in(redacted)).then(name) for name in tones)


def _describe_images(
    samples: pl.DataFrame,
    images: pl.DataFrame,
    splits: pl.DataFrame,
    duplicates: pl.DataFrame,
    labels: Mapping[str, str],
    licences: Mapping[str, str],
) -> pl.DataFrame:
    """Return the columns of the table ``released_images`` for each image."""
    copies = duplicates.group_by("kept_id").agg(
        duplicates=pl.col("sample_id").sort(), contradicted=pl.col("contradicted_labels").explode()
    )
    return (
        images.join(samples.drop("source"), on="sample_id", how="left", validate="1:1")
        .join(splits, on="sample_id", how="left", validate="1:1")
        .join(copies, left_on="sample_id", right_on="kept_id", how="left")
        .with_columns(
            pl.col("duplicates").fill_null([]),
            member=pl.coalesce("image_member", "video_member"),
            image_file=pl.format("images/{}.{}", "image_sha256", "format"),
            labels_exhaustive=_released_labels(labels),
            licence=pl.coalesce("licence", pl.col("source").replace_strict(licences, return_dtype=pl.String)),
        )
    )


def _released_labels(labels: Mapping[str, str]) -> pl.Expr:
    """Return the exhaustive released labels, sorted; empty if the image is not annotated.

    A released label is exhaustive if all labels mapped to it are, and no copies of the image contradict each other.
    """
    known = pl.col("labels_exhaustive").list.set_difference(pl.col("contradicted").fill_null([]))
    expressions = [
        pl.when(
            pl.col("annotated"),
            *(known.list.contains(own) for own, released in sorted(labels.items()) if released == label),
        ).then(pl.lit(label))
        for label in sorted(set(labels.values()))
    ]
    return pl.concat_list(expressions or [pl.lit(None, pl.String)]).list.drop_nulls()


def _absent(context: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Return (image, label) pairs of certain absence; objects of unused evidence count as objects, too."""
    exhaustive = context.select("sample_id", label="labels_exhaustive").explode("label").drop_nulls("label")
    return exhaustive.join(regions, on=["sample_id", "label"], how="anti")


def _gather_records(
    pairs: pl.DataFrame, objects: pl.DataFrame, context: pl.DataFrame, labels: Sequence[str]
) -> pl.DataFrame:
    """Return one record per pair; its lists keep the order of ``objects``, ``labels`` gives the order of all labels."""
    numbers = {label: number for number, label in enumerate(labels)}
    columns = objects.select(
        "sample_id",
        "label",
        "point_kind",
        "evidence",
        points=pl.col("point").cast(pl.List(pl.Float32)),
        bbox=pl.concat_list(SIDES).cast(pl.List(pl.Float32)),
        centroids=_point_or_empty("cx", "cy"),
        interior_points=_point_or_empty("ix", "iy"),
        object_ids="object_id",
        track_ids=pl.col("track_id").fill_null(""),
    )
    lists = columns.group_by(_KEYS, maintain_order=True).agg(pl.all())
    return (
        pairs.join(lists, on=_KEYS, how="left")
        .with_columns(pl.exclude(_KEYS).fill_null([]))
        .join(context, on="sample_id")
        .with_columns(
            count=pl.col("bbox").list.len().cast(pl.Int32),
            img_size=pl.concat_list("width", "height").cast(pl.List(pl.Int32)),
            original_size=pl.concat_list("original_width", "original_height").cast(pl.List(pl.Int32)),
            collection_method=pl.lit("counting"),
            record_id=pl.format("{}:{}", "image_sha256", "label"),
            label_id=pl.col("label").replace_strict(numbers, return_dtype=pl.Int64),
        )
        .select(RECORD_COLUMNS)
        .sort("record_id")
    )


def _point_or_empty(x: str, y: str) -> pl.Expr:
    empty = pl.lit([], dtype=pl.List(pl.Float64))
    return pl.when(pl.col(x).is_null()).then(empty).otherwise(pl.concat_list(x, y))


def _explain(
    unused: pl.DataFrame,
    regions: pl.DataFrame,
    policy: Policy,
    own_policies: Mapping[str, Policy] | None,
    corrections: pl.DataFrame,
    left_out: pl.DataFrame,
) -> pl.DataFrame:
    """Return one exclusion per image without a record."""
    own = regions.join(unused, on="sample_id", how="semi")
    selected = select_regions(own, policy, own_policies).group_by("sample_id").agg(found=_join_distinct("label"))
    others = own.group_by("sample_id").agg(evidence=_join_distinct("evidence"))
    reasons = _reasons(policy)
    return (
        unused.join(selected, on="sample_id", how="left")
        .join(others, on="sample_id", how="left")
        .join(_excluded_objects(corrections), on="sample_id", how="left")
        .join(_rejected_objects(left_out), on="sample_id", how="left")
        .with_columns(
            key="sample_id",
            verdict=pl.lit("dropped"),
            reason=pl.coalesce(pl.when(holds).then(pl.lit(name)) for holds, name, _ in reasons),
            detail=pl.coalesce(pl.when(holds).then(detail) for holds, _, detail in reasons),
        )
        .select(EXCLUSION_SCHEMA.keys())
        .sort("key")
    )


def _excluded_objects(corrections: pl.DataFrame) -> pl.DataFrame:
    """Return ``reviewed`` by sample_id: the reviewer, date and reason of excluded objects."""
    text = pl.format("{} ({}, {})", "reason", "reviewer", "date")
    excluded = corrections.filter(pl.col("action") == "exclude", pl.col("object_id").is_not_null())
    return excluded.group_by("sample_id").agg(reviewed=text.unique().sort().str.join("; "))


def _rejected_objects(left_out: pl.DataFrame) -> pl.DataFrame:
    """Return ``rejected`` by sample_id: the number of rejected annotations with their reasons, in words."""
    found = left_out.filter(pl.col("verdict") == "rejected", pl.col("sample_id").is_not_null())
    rejected = pl.format("{} ({})", pl.len(), _join_distinct("reason"))
    return found.group_by("sample_id").agg(rejected=rejected)


def _join_distinct(name: str) -> pl.Expr:
    return pl.col(name).unique().sort().str.join(", ")


def _reasons(policy: Policy) -> list[tuple[pl.Expr, str, pl.Expr]]:
    """Return why an image has no record: when a reason holds, its name, its detail; the first that holds counts.

    An image is ``unverified_empty`` if its source has no annotation of it.
    """
    unused = f"{{}}: its objects are of evidence {{}}, which box policy {policy} does not use"
    nothing = "{}: nothing is annotated in the image, and nothing says that nothing is there (of a declared source, "
    specks = "{}: its mask holds specks alone: no object, and no proof that nothing is there"
    rejected = "{}: all that is annotated in the image is in quarantine: {}"
    return [
        _reason("found", "label_not_selected", "{}: the recipe's label map has none of its labels ({})"),
        _reason("reviewed", "objects_excluded_by_review", "{}: a reviewer excluded its objects: {}"),
        _reason("evidence", "evidence_not_selected", unused),
        _reason("rejected", "objects_in_quarantine", rejected),
        (pl.col("annotated"), "no_objects", pl.format("{}: the image is annotated and holds no object", "stem")),
        (pl.col("mask_off_binary").is_not_null(), "specks_only", pl.format(specks, "stem")),
        (pl.lit(True), "unverified_empty", pl.format(nothing + "[read.absence] certain does)", "stem")),
    ]


def _reason(column: str, name: str, detail: str) -> tuple[pl.Expr, str, pl.Expr]:
    """Return a reason that holds where the column has a value, which its detail names."""
    return pl.col(column).is_not_null(), name, pl.format(detail, "stem", column)
