"""Stage ``split``: put every kept image into one split, with whole groups together; drop near-duplicates on request."""

from dataclasses import replace
from functools import partial

import polars as pl

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies
from medmultipoints.flows.stages.choosing.kept import all_used, corrected_regions, kept_images, rows_of, without
from medmultipoints.flows.stages.reading.official_splits import check_official
from medmultipoints.transforms.columns.ranges import key_parts
from medmultipoints.transforms.examinations.joins import find_repeated_frames, link_pictures
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.accounting import exclude_sample
from medmultipoints.transforms.splits.assign import assign_splits
from medmultipoints.transforms.splits.balance import find_strata
from medmultipoints.transforms.splits.official import places_of
from medmultipoints.transforms.splits.split_changes import know_previous, list_changes


def split_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return the split of every kept image, and the images outside their stated split."""
    recipe, samples = build.recipe, inputs.scan("samples")
    kept, joins = kept_images(inputs).select("sample_id", "source").collect(engine="streaming"), inputs.read("joins")
    twins = _twins(recipe, inputs, joins)
    images = kept.filter(~pl.col("sample_id").is_in(list(twins))) if twins else kept
    fractions, official = recipe.splits.fractions, recipe.splits.honour_official
    if official:
        check_official(recipe, inputs.read("samples", "official_split"))
    samples = samples.with_columns(pl.col("official_split").replace(places_of(fractions)))
    previous = _previous(build, inputs, images)
    splits = assign_splits(
        images,
        samples,
        inputs.read("duplicates", "sample_id", "kept_id"),
        seed=recipe.seed,
        near=link_pictures(inputs.read("near_duplicates"), joins),
        strata=partial(strata_of, recipe, corrected_regions(inputs)),
        previous=previous,
        fractions=fractions,
        honour_official=official,
    )
    changes = list_changes(
        splits, inputs.scan("images"), samples, fractions=fractions, honour_official=official, previous=previous
    )
    output = all_used(images, {"splits": splits, "split_changes": changes})
    exclusions = [
        exclude_sample(sample_id, "dropped", "same_frame", f"shows the same frame as {twin}, which is larger")
        for sample_id, twin in twins.items()
    ]
    return replace(output, inputs=kept["sample_id"], exclusions=exclusions)


def _twins(recipe: Recipe, inputs: Inputs, joins: pl.DataFrame) -> dict[str, str]:
    """Return the pictures to drop because a larger one shows the same frame, each with that one."""
    if recipe.splits.same_frame != "drop":
        return {}
    joined = pl.concat([joins.select("sample_id"), joins.select(sample_id="other_id")])
    return find_repeated_frames(rows_of(joined, kept_images(inputs)), joins)


def strata_of(recipe: Recipe, regions: pl.LazyFrame, images: pl.DataFrame) -> pl.DataFrame:
    """Return the strata of images, and of some more between the first and the last of them."""
    first, last = images["sample_id"][0], images["sample_id"][-1]
    own = regions.filter(pl.col("sample_id").is_between(pl.lit(first), pl.lit(last)))
    columns = own.select("sample_id", "evidence", "label", "object_key").collect(engine="streaming")
    return find_strata(columns, recipe.boxes.policy, own_policies(recipe))


def _previous(build: Build, inputs: Inputs, images: pl.DataFrame) -> pl.DataFrame | None:
    """Return the images that the previous release contains, with their split there."""
    if not build.previous:
        return None
    columns = kept_images(inputs).select("sample_id", "image_sha256", "luma_blake3")
    return know_previous(rows_of(images, columns), read_table(build.lake, [build.previous]))


def split_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that no group, video or pair of near-duplicates is divided, and every kept image has a split."""
    splits = tables["splits"].select("sample_id", "group_id", "split")
    images = inputs.counts["dedup"]["used"]
    films = inputs.scan("samples").select("source", "video_id", key="sample_id").drop_nulls("video_id")
    placed = splits.select("split", key="sample_id")
    videos = pl.concat(
        [placed.filter(own).join(films.filter(own), on="key").drop("key").unique() for own in key_parts(images)]
    )
    pairs = link_pictures(inputs.read("near_duplicates"), inputs.read("joins"))
    near = (
        pairs.lazy()
        .join(splits.select("sample_id", "split"), on="sample_id")
        .join(splits.select(other_id="sample_id", other_split="split"), on="other_id")
        .filter(pl.col("split") != pl.col("other_split"))
        .collect(engine="streaming")
    )
    kept = without(kept_images(inputs), tables["exclusions"])
    return {
        "groups_undivided": undivided(splits, images, "group_id"),
        "videos_undivided": undivided(videos, 0, "source", "video_id"),
        "near_duplicates_undivided": (
            near.is_empty(),
            f"{plural(near.height, 'pair')} of near-duplicates or of one examination in two splits",
        ),
        "every_image_has_a_split": references_hold(kept, "sample_id", splits, "sample_id"),
    }


def undivided(places: pl.LazyFrame, rows: int, *keys: str) -> tuple[bool, str]:
    """Return whether each key value is in one split, and the message otherwise."""
    named = places.select("split", key=pl.concat_str(keys, separator="/"))
    pairs = (named.filter(own).unique().group_by("key").len() for own in key_parts(rows))
    divided = sum(part.filter(pl.col("len") > 1).collect(engine="streaming").height for part in pairs)
    return not divided, f"{divided} values of {' and '.join(keys)} are in more than one split"


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
