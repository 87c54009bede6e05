"""Stage ``dedup``: drop exact copies; the strongest annotation stays, and among equals the recipe's first source."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies
from medmultipoints.flows.stages.choosing.kept import corrected_regions, releasable_images, rows_of_few
from medmultipoints.transforms.compose.policy import select_regions
from medmultipoints.transforms.duplicates.exact import HASHES, equal_luma_images, find_duplicates
from medmultipoints.transforms.pictures.decode import decode_image, pixel_sha256
from medmultipoints.transforms.sources.accounting import exclude_sample


def dedup_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Drop exact copies by bytes, then by pixels; of each set the best annotated image stays."""
    images = releasable_images(inputs)
    alike = rows_of_few(may_repeat(inputs), images)
    colours = hash_colours(build, inputs, equal_luma_images(alike))
    regions, samples = rows_of_few(alike, corrected_regions(inputs)), rows_of_few(alike, inputs.scan("samples"))
    usable = usable_regions(build.recipe, regions)
    names = dict(build.recipe.labels.names)
    duplicates = find_duplicates(alike, regions, samples, list(build.recipe.sources), colours, usable, names)
    with_objects = set(regions["sample_id"])
    keys = images.select("sample_id").collect(engine="streaming")
    kept = keys.filter(~pl.col("sample_id").is_in(duplicates["sample_id"].implode()))
    return Output(
        inputs=keys["sample_id"],
        used=kept.select(key="sample_id", entity="sample_id"),
        tables={"duplicates": duplicates},
        exclusions=[
            exclude_sample(
                row["sample_id"],
                "dropped",
                f"duplicate_{row['kind']}",
                f"the same {row['kind']} as {row['kept_id']}{compared(row, with_objects)}",
            )
            for row in duplicates.iter_rows(named=True)
        ],
    )


def usable_regions(recipe: Recipe, regions: pl.DataFrame) -> pl.DataFrame:
    """Return the regions that a release may contain: of evidence that the policy uses and labels that it keeps."""
    chosen = select_regions(regions, recipe.boxes.policy, own_policies(recipe))
    return chosen if recipe.labels.others == "keep" else chosen.filter(pl.col("label").is_in([*recipe.labels.names]))


def compared(row: Mapping[str, object], with_objects: Collection[str]) -> str:
    """Return the difference in objects between a copy and the image that is kept."""
    if row["same_annotation"]:
        return ""
    if row["sample_id"] not in with_objects:
        return ", which has objects; this one has none"
    return ", though with other objects" if row["kept_id"] in with_objects else ", which has no objects; this one has"


def may_repeat(inputs: Inputs) -> pl.DataFrame:
    """Return the sample_id of images that share 64 bits of a hash with another: all copies, and hardly any more.

    The hashes and objects of all other images, 500 bytes per image, are never in memory at once.
    """
    alike = []
    for name in HASHES:
        short = [part.select(pl.col(name).hash()).collect() for part in inputs.parts("images")]
        hashes = pl.concat(short).to_series().to_numpy()
        ordered = np.sort(hashes)
        alike.append(np.isin(hashes, ordered[1:][ordered[1:] == ordered[:-1]]))
    repeats, done, found = np.logical_or.reduce(alike), 0, []
    for part in inputs.parts("images"):
        names = part.select("sample_id").collect()
        found.append(names.filter(repeats[done : done + names.height]))
        done += names.height
    return pl.concat(found)


def hash_colours(build: Build, inputs: Inputs, twins: Sequence[str]) -> dict[str, str]:
    """Return the hash of the RGB pixels of these images, which are read again."""
    if not twins:
        return {}
    read = image_reader(build, inputs)
    return {twin: pixel_sha256(decode_image(read(twin)).pixels) for twin in twins}


def dedup_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that the original of every copy is kept."""
    kept = releasable_images(inputs).join(tables["duplicates"], on="sample_id", how="anti")
    return {"originals_are_kept": references_hold(tables["duplicates"], "kept_id", kept, "sample_id")}


def dedup_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {
        "source_order": list(recipe.sources),
        "policy": [recipe.boxes.policy, own_policies(recipe)],
        "labels": recipe.labels.model_dump(include={"names", "others"}),
    }


STAGE = Stage(
    name="dedup",
    work=dedup_images,
    reads=("index", "derive", "text", "correct"),
    reads_sources=True,
    writes=("duplicates",),
    parameters=dedup_parameters,
    rules=dedup_rules,
)
