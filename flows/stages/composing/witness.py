"""Stage ``witness``: read models' predictions from the pinned file and keep them separate from the truth."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from medmultipoints.data_lake.store.objects import object_path
from medmultipoints.data_lake.witnesses.predictions_file import labels_of_models, read_predictions
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.composing.as_released import released_images, released_names
from medmultipoints.transforms.columns.tables import empty_frame, load_table, schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.witnesses.doubt_rows import doubt_rows
from medmultipoints.transforms.witnesses.label_next import next_rows
from medmultipoints.transforms.witnesses.proposal_rows import Proposing, annotated_pairs, propose

TABLES = ("predictions", "proposals", "refused_proposals", "doubts", "next_labels")
SECTION, KEPT = "witness", "pinned_predictions"
"""The section that pins the file, and the name under which the stage keeps it: `lake gc` leaves it."""


def place_predictions(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Match the predictions with the pictures of the build; return empty tables if the recipe pins no file."""
    if SECTION not in build.pinned:
        tables = {name: empty_frame(load_table(name)) for name in TABLES}
        return Output(inputs=(), used={}, tables=tables, blobs={KEPT: ()})
    path, where = object_path(build.lake, build.pinned[SECTION].sha256), f"witness.file {build.recipe.witness.file}"
    said, models = read_predictions(path, where)
    known = labels_of_models(models)
    images = described_images(build, inputs)
    placed = said.join(images, on=["image_sha256", "stored_sha256"])
    check_sizes(placed, where)
    proposing = proposals_from(build.recipe, inputs)
    proposed, refused = propose(placed, images, proposing)
    tables = {
        "predictions": placed.select(schema_of("predictions").keys()),
        "proposals": pl.DataFrame(proposed, schema=schema_of("proposals")),
        "refused_proposals": pl.DataFrame(refused, schema=schema_of("refused_proposals")),
        "doubts": pl.DataFrame(
            doubt_rows(placed, inputs.read("objects"), proposing.annotated, known),
            schema=schema_of("doubts"),
        ),
        "next_labels": pl.DataFrame(next_rows(placed, images, proposing, known), schema=schema_of("next_labels")),
    }
    used = {name: name for name in placed["prediction_id"]}
    return Output(
        inputs=said["prediction_id"].to_list(),
        used=used,
        tables=tables,
        exclusions=[*_left_out(said, images, used)],
        blobs={KEPT: (build.pinned[SECTION],)},
    )


def check_sizes(placed: pl.DataFrame, where: str) -> None:
    """Raise DataError for a prediction about a picture of another size than the same bytes have."""
    sizes = "prediction_id", "width", "height", "width_right", "height_right"
    for name, *said, width, height in placed.select(sizes).iter_rows():
        if said != [width, height]:
            raise DataError(
                f"{where}: {name}: the model read {said[0]} x {said[1]} px, the picture has {width} x {height} px. "
                "Write the file again with `medmultipoints witness`."
            )


def described_images(build: Build, inputs: Inputs) -> pl.DataFrame:
    """Return the kept images as released, with source, licence, group and split."""
    licences = {source.name: source.info.licence for source in build.sources}
    samples = inputs.read("samples", "sample_id", "licence", "labels_exhaustive")
    return (
        released_images(inputs)
        .collect(engine="streaming")
        .join(samples, on="sample_id")
        .join(inputs.read("splits"), on="sample_id")
        .with_columns(licence=pl.coalesce("licence", pl.col("source").replace_strict(licences, return_dtype=pl.String)))
    )


def proposals_from(recipe: Recipe, inputs: Inputs) -> Proposing:
    """Return the other inputs of proposals besides the predictions."""
    names = released_names(recipe, inputs)
    samples = inputs.read("samples")
    return Proposing(
        names=names,
        annotated=annotated_pairs(inputs.read("regions", "sample_id", "label"), samples, inputs.read("images"), names),
        settings={name: (organ, kind) for name, organ, kind in samples["sample_id", "organ", "modality"].iter_rows()},
        objects=inputs.read("objects"),
        corrections=inputs.read("corrections"),
        least_stability=recipe.witness.stability,
        least_likeness=recipe.witness.likeness,
    )


def _left_out(said: pl.DataFrame, images: pl.DataFrame, used: dict[str, str]) -> Iterator[Exclusion]:
    """Yield predictions about other bytes than those of the build, or about pictures that it does not have."""
    known = dict(images.select("image_sha256", "sample_id").iter_rows())
    for name, sha256 in said.select("prediction_id", "image_sha256").iter_rows():
        if name not in used:
            reason = "picture_changed" if sha256 in known else "picture_not_released"
            detail = (
                "the build has other bytes than the model read"
                if sha256 in known
                else ("the build has no such picture")
            )
            yield Exclusion(
                source=SECTION, key=name, verdict="dropped", reason=reason, detail=detail, sample_id=known.get(sha256)
            )


def witness_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that predictions are about images of the build, and proposals come from predictions."""
    predictions = tables["predictions"]
    origin = tables["proposals"].with_columns(prediction_id=pl.col("proposal_id").str.replace(r":\d+$", ""))
    return {
        "predictions_have_images": references_hold(predictions, "sample_id", inputs.scan("images"), "sample_id"),
        "proposals_have_predictions": references_hold(origin, "prediction_id", predictions, "prediction_id"),
    }


def witness_parameters(recipe: Recipe) -> dict[str, Any]:
    """Return the hash of the pinned file, and the limits of the quality control."""
    return {
        "witness": recipe.witness.model_dump(exclude={"file"}),
        "labels": recipe.labels.model_dump(),
        "licences": {name: table["licence"] for name, table in recipe.sources.items() if "licence" in table},
    }


STAGE = Stage(
    name="witness",
    work=place_predictions,
    reads=("index", "derive", "text", "correct", "dedup", "split", "redact", "record"),
    writes=TABLES,
    blobs=(KEPT,),
    parameters=witness_parameters,
    rules=witness_rules,
)
