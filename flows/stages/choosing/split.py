"""Stage ``split``: put every kept image into one split, with whole groups together; drop near-duplicates on request."""

from dataclasses import replace

import polars as pl

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies
from medmultipoints.flows.stages.choosing.kept import all_used, corrected_regions, kept_images, without
from medmultipoints.flows.stages.reading.official_splits import check_official
from medmultipoints.transforms.examinations.joins import find_repeated_frames, link_pictures
from medmultipoints.transforms.sources.accounting import exclude_sample
from medmultipoints.transforms.splits.assign import assign_splits
from medmultipoints.transforms.splits.balance import find_strata
from medmultipoints.transforms.splits.official import places_of
from medmultipoints.transforms.splits.split_changes import know_previous, list_changes


def split_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return the split of every kept image, and the images outside their stated split."""
    recipe = build.recipe
    kept = kept_images(inputs).select("sample_id", "source", "image_sha256", "luma_blake3", "width", "height").collect()
    twins = find_repeated_frames(kept, inputs.read("joins")) if recipe.splits.same_frame == "drop" else {}
    images = kept.filter(~pl.col("sample_id").is_in(list(twins)))
    samples = inputs.read("samples", "sample_id", "source", "video_id", "group", "official_split")
    check_official(recipe, samples)
    samples = samples.with_columns(pl.col("official_split").replace(places_of(recipe.splits.fractions)))
    regions = corrected_regions(inputs).select("sample_id", "evidence", "label", "object_key")
    fractions, official = recipe.splits.fractions, recipe.splits.honour_official
    previous = know_previous(images, read_table(build.lake, [build.previous])) if build.previous else None
    splits = assign_splits(
        images,
        samples,
        inputs.read("duplicates", "sample_id", "kept_id"),
        seed=recipe.seed,
        near=link_pictures(inputs.read("near_duplicates"), inputs.read("joins")),
        strata=find_strata(regions.collect(), recipe.boxes.policy, own_policies(recipe)),
        previous=previous,
        fractions=fractions,
        honour_official=official,
    )
    changes = list_changes(splits, images, samples, fractions=fractions, honour_official=official, previous=previous)
    output = all_used(images, {"splits": splits, "split_changes": changes})
    exclusions = [
        exclude_sample(sample_id, "dropped", "same_frame", f"shows the same frame as {twin}, which is larger")
        for sample_id, twin in twins.items()
    ]
    return replace(output, inputs=kept["sample_id"], exclusions=exclusions)


def split_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that no group, video or pair of near-duplicates is divided, and every kept image has a split."""
    splits = tables["splits"].select("sample_id", "group_id", "split").collect()
    videos = splits.join(inputs.read("samples", "sample_id", "source", "video_id"), on="sample_id")
    pairs = link_pictures(inputs.read("near_duplicates"), inputs.read("joins"))
    near = (
        pairs.join(splits.select("sample_id", "split"), on="sample_id")
        .join(splits.select(other_id="sample_id", other_split="split"), on="other_id")
        .filter(pl.col("split") != pl.col("other_split"))
    )
    return {
        "groups_undivided": undivided(splits, "group_id"),
        "videos_undivided": undivided(videos.drop_nulls("video_id"), "source", "video_id"),
        "near_duplicates_undivided": (
            near.is_empty(),
            f"{near.height} pairs of near-duplicates or of one examination are in two splits",
        ),
        "every_image_has_a_split": references_hold(
            without(kept_images(inputs), tables["exclusions"]), "sample_id", splits, "sample_id"
        ),
    }


def undivided(images: pl.DataFrame, *keys: str) -> tuple[bool, str]:
    """Return whether each key value is in one split, and the message otherwise."""
    divided = images.group_by(keys).agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
    return divided.is_empty(), f"{divided.height} values of {' and '.join(keys)} are in more than one split"


def split_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that the splits depend on; ``previous`` names its release by the manifest root."""
    splits = recipe.splits
    return {
        "fractions": dict(splits.fractions),
        "seed": recipe.seed,
        "honour_official": splits.honour_official,
        "previous": splits.previous,
        "same_frame": splits.same_frame,
        "policy": [recipe.boxes.policy, own_policies(recipe)],
    }


STAGE = Stage(
    name="split",
    work=split_images,
    reads=("index", "derive", "text", "correct", "dedup", "join", "near"),
    writes=("splits", "split_changes"),
    parameters=split_parameters,
    rules=split_rules,
)
