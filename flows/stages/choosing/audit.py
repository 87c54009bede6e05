"""Stage ``audit``: compare the source's boxes with the boxes derived from masks; near-duplicates as evidence."""

import polars as pl

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import (
    WHOLE,
    Build,
    Inputs,
    Output,
    Rules,
    Scans,
    Stage,
    place_of_shard,
    read_once,
    shards_of,
)
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import all_used, kept_images, rows_of, rows_of_few
from medmultipoints.transforms.audit.disagreements import audit_boxes
from medmultipoints.transforms.audit.frame_findings import find_beyond_frame
from medmultipoints.transforms.audit.image_findings import find_in_pictures, near_findings
from medmultipoints.transforms.audit.marked_findings import mark_findings
from medmultipoints.transforms.audit.reading_findings import find_in_readings
from medmultipoints.transforms.audit.text_findings import SAME_FRAME, find_in_text, number_findings
from medmultipoints.transforms.audit.track_findings import find_in_tracks
from medmultipoints.transforms.review.disputes import mark_disputes

IMAGES_PER_SHARD = 3_000


def audit_shards(_build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return about equal parts of the kept images, in whole videos."""
    return shards_of(inputs.counts["dedup"]["used"], IMAGES_PER_SHARD)


@read_once
def placed_images(inputs: Inputs) -> pl.DataFrame:
    """Return the sample_id of each kept image and the place of its video or, of a still, its own among all of them."""
    samples = inputs.scan("samples").select("sample_id", "source", "video_id")
    kept = kept_images(inputs).select("sample_id").join(samples, on="sample_id").collect(engine="streaming")
    group = pl.coalesce(pl.format("{} {}", "source", "video_id"), "sample_id")
    placed = kept.sort(group, "sample_id").with_row_index("place")
    return placed.select("sample_id", place=pl.col("place").min().over(group).cast(pl.Int64))


def subjects_of(inputs: Inputs, shard: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the sample_id of a shard's images, and of all that its findings may be about.

    The first shard has the findings about rejected pictures and the corrections of pictures that are not kept, too.
    """
    number, count = place_of_shard(shard) if shard != WHOLE else (1, 1)
    placed = placed_images(inputs)
    own = placed.filter(pl.col("place") * count // placed.height == number - 1).select("sample_id")
    if number > 1:
        return own, own
    named = pl.concat([inputs.scan(name).select("sample_id") for name in ("derive.exclusions", "corrections")])
    others = named.drop_nulls().unique().join(placed.lazy(), on="sample_id", how="anti").collect(engine="streaming")
    return own, pl.concat([own, others.sort("sample_id")])


def audit_labels(build: Build, inputs: Inputs, shard: str) -> Output:
    """Compare source boxes, converted to half-open ones, with masks; find odd tracks, odd pictures, near-duplicates."""
    own, subjects = subjects_of(inputs, shard)
    images = rows_of_few(own, inputs.scan("images"))
    samples, regions = (rows_of_few(subjects, inputs.scan(name)) for name in ("samples", "regions"))
    exclusions = rows_of(subjects, inputs.scan("derive.exclusions"))
    surveyed = rows_of(own, inputs.scan("survey_findings"))
    boxes = audit_boxes(
        images,
        samples,
        regions,
        rows_of_few(own, inputs.scan("specks")),
        policy=build.recipe.boxes.policy,
        conventions=inputs.read("conventions"),
    )
    twins = pl.col("sample_id").is_in(own["sample_id"].implode()) | pl.col("other_id").is_in(own["sample_id"].implode())
    near = near_findings(inputs.scan("near_duplicates").filter(twins).collect(), images, samples)
    tracks = find_in_tracks(images, samples, regions, exclusions, surveyed.filter(kind="id_reuse"))
    pictures = find_in_pictures(
        images,
        samples,
        rows_of_few(own, inputs.scan("thumbnails").select("sample_id", "level", "spread")),
        rows_of_few(own, inputs.scan("picture_facts")),
        surveyed.filter(kind="blurred"),
    )
    readings = find_in_readings(
        images,
        samples,
        regions,
        inputs.scan("duplicates").filter(pl.col("kept_id").is_in(own["sample_id"].implode())).collect(),
        exclusions,
        surveyed.filter(kind="tiny_objects"),
        boxes.select("sample_id", "kind").unique(),
    )
    annotations = inputs.scan("annotations").filter(pl.col("sample_id").is_in(own["sample_id"].implode()))
    beyond = find_beyond_frame(images, samples, regions, annotations)
    text = find_in_text(images, samples, rows_of(own, inputs.scan("text_places")), build.recipe.privacy.model_dump())
    frames = number_findings(surveyed.filter(pl.col("kind").is_in(SAME_FRAME)), images, samples)
    found = pl.concat([boxes, near, tracks, pictures, readings, beyond, text, frames])
    marked = mark_findings(found, rows_of(subjects, inputs.scan("corrections")), regions)
    entries = build.recipe.corrections.dumped()
    return all_used(images, {"disagreements": mark_disputes(marked, *entries, regions, build.recipe.boxes.policy)})


def audit_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every finding is about an image of a source, and every one with a hash about a kept image."""
    findings, images = tables["disagreements"], kept_images(inputs)
    return {
        "findings_have_samples": references_hold(findings, "sample_id", inputs.scan("samples"), "sample_id"),
        "findings_have_images": references_hold(findings, "image_sha256", images, "image_sha256"),
    }


def audit_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that the findings' wording depends on."""
    return {
        "policy": recipe.boxes.policy,
        "opinions": recipe.corrections.dumped()[1],
        "privacy": recipe.privacy.model_dump(),
    }


STAGE = Stage(
    name="audit",
    work=audit_labels,
    shards=audit_shards,
    reads=("index", "derive", "text", "correct", "dedup", "near", "measure", "survey"),
    writes=("disagreements",),
    parameters=audit_parameters,
    rules=audit_rules,
)
