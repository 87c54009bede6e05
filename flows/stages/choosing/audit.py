"""Stage ``audit``: compare the source's boxes with the boxes derived from masks; near-duplicates as evidence."""

import polars as pl

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import all_used, kept_images
from medmultipoints.transforms.audit.disagreements import audit_boxes, estimate_conventions
from medmultipoints.transforms.audit.frame_findings import find_beyond_frame
from medmultipoints.transforms.audit.image_findings import find_in_pictures, near_findings
from medmultipoints.transforms.audit.marked_findings import mark_findings
from medmultipoints.transforms.audit.reading_findings import find_in_readings
from medmultipoints.transforms.audit.text_findings import find_in_frames, find_in_text
from medmultipoints.transforms.audit.track_findings import find_in_tracks
from medmultipoints.transforms.review.disputes import mark_disputes


def audit_labels(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Compare source boxes, converted to half-open ones, with masks; find odd tracks, odd pictures, near-duplicates."""
    images, samples, regions = kept_images(inputs).collect(), inputs.read("samples"), inputs.read("regions")
    conventions = estimate_conventions(images, regions)
    boxes = audit_boxes(
        images,
        samples,
        regions,
        inputs.read("specks"),
        policy=build.recipe.boxes.policy,
        conventions=conventions,
    )
    near = near_findings(inputs.read("near_duplicates"), images, samples)
    tracks = find_in_tracks(images, samples, regions, inputs.read("derive.exclusions"))
    pictures = find_in_pictures(images, samples, inputs.read("thumbnails"), inputs.read("picture_facts"))
    readings = find_in_readings(
        images,
        samples,
        regions,
        inputs.read("duplicates"),
        inputs.read("derive.exclusions"),
        boxes.select("sample_id", "kind").unique(),
    )
    beyond = find_beyond_frame(images, samples, regions, inputs.scan("annotations"))
    text = find_in_text(images, samples, inputs.read("text_places"), build.recipe.privacy.model_dump())
    frames = find_in_frames(images, samples, regions, inputs.read("joins"))
    found = pl.concat([boxes, near, tracks, pictures, readings, beyond, text, frames])
    marked = mark_findings(found, inputs.read("corrections"), regions)
    entries = build.recipe.corrections.dumped()
    findings = mark_disputes(marked, *entries, regions, build.recipe.boxes.policy)
    return all_used(images, {"disagreements": findings, "conventions": conventions})


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
    reads=("index", "derive", "text", "correct", "dedup", "join", "near", "measure"),
    writes=("disagreements", "conventions"),
    parameters=audit_parameters,
    rules=audit_rules,
)
