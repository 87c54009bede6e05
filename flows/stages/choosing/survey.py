"""Stage ``survey``: find what only many pictures together show: conventions of boxes, and findings that compare."""

import polars as pl

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import all_used, kept_images, rows_of_few
from medmultipoints.transforms.audit.disagreements import estimate_conventions
from medmultipoints.transforms.audit.image_findings import find_blurred
from medmultipoints.transforms.audit.reading_findings import find_tiny_objects
from medmultipoints.transforms.audit.survey_findings import survey_table
from medmultipoints.transforms.audit.text_findings import compare_frames
from medmultipoints.transforms.audit.track_findings import find_reused_ids


def survey_sources(_build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return the conventions of all sources, and the findings for which a picture is compared with others.

    Of all pictures only names and boxes are read, some thousand at a time.
    """
    kept, samples, regions = kept_images(inputs), inputs.scan("samples"), inputs.scan("regions")
    images = kept.select("sample_id", "source").collect(engine="streaming")
    own = regions.join(images.lazy(), on="sample_id", how="semi")
    frames = inputs.read("joins").filter(pl.col("kind") == "same_frame")
    joined = pl.concat([frames.select("sample_id"), frames.select(sample_id="other_id")]).unique()
    found = survey_table(
        [
            find_blurred(images.lazy(), samples, inputs.scan("thumbnails"), inputs.scan("picture_facts")),
            find_tiny_objects(own),
            find_reused_ids(images.lazy(), samples, regions),
            compare_frames(rows_of_few(joined, regions), frames),
        ]
    )
    return all_used(images, {"survey_findings": found, "conventions": estimate_conventions(images, regions)})


def survey_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every finding is about a kept image."""
    found = tables["survey_findings"]
    return {"findings_have_images": references_hold(found, "sample_id", kept_images(inputs), "sample_id")}


def survey_parameters(_recipe: Recipe) -> object:
    """Return None: nothing depends on the recipe."""
    return None


STAGE = Stage(
    name="survey",
    work=survey_sources,
    reads=("index", "derive", "text", "correct", "dedup", "join", "measure"),
    writes=("survey_findings", "conventions"),
    parameters=survey_parameters,
    rules=survey_rules,
)
