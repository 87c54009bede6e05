"""Stage ``dedup``: exact copies leave; the first source of the recipe wins."""

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.released_images import image_reader
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.kept import corrected_regions, releasable_images
from medmultipoints.transforms.duplicates.exact import find_duplicates, luma_twins
from medmultipoints.transforms.pictures.decode import decode_image, pixel_sha256
from medmultipoints.transforms.records import Exclusion


def dedup_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return exact copies by bytes, then by pixels; the first source of the recipe wins."""
    images = releasable_images(inputs).collect()
    order = list(build.recipe.sources)
    read = image_reader(build, inputs)
    colours = {twin: pixel_sha256(decode_image(read(twin)).pixels) for twin in luma_twins(images)}
    regions, samples = corrected_regions(inputs).collect(), inputs.read("samples")
    duplicates = find_duplicates(images, regions, samples, order, colours)
    copies = {row["sample_id"]: row for row in duplicates.iter_rows(named=True)}
    kept = [sample_id for sample_id in images["sample_id"] if sample_id not in copies]
    return Output(
        inputs=images["sample_id"].to_list(),
        used={sample_id: sample_id for sample_id in kept},
        tables={"duplicates": duplicates},
        exclusions=[
            Exclusion(
                source=sample_id.split("/")[0],
                key=sample_id,
                verdict="dropped",
                reason=f"duplicate_{row['kind']}",
                detail=f"the same {row['kind']} as {row['kept_id']}"
                + ("" if row["same_annotation"] else ", though with other objects"),
                sample_id=sample_id,
            )
            for sample_id, row in copies.items()
        ],
    )


def dedup_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Return the rule that what a copy repeats is itself kept."""
    kept = releasable_images(inputs).join(tables["duplicates"], on="sample_id", how="anti")
    return {"originals_are_kept": references_hold(tables["duplicates"], "kept_id", kept, "sample_id")}


def dedup_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {"source_order": list(recipe.sources)}


STAGE = Stage(
    name="dedup",
    work=dedup_images,
    reads=("index", "derive", "text", "correct"),
    reads_sources=True,
    writes=("duplicates",),
    parameters=dedup_parameters,
    rules=dedup_rules,
)
