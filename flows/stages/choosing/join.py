"""Stage ``join``: find pairs of pictures that show one examination, frame or day."""

from collections.abc import Callable, Iterator

import polars as pl

from medmultipoints.data_lake.store.images import stored_reader
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import (
    WHOLE,
    Build,
    Inputs,
    Output,
    Rules,
    Scans,
    Stage,
    place_of_shard,
    shards_of,
)
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import kept_images
from medmultipoints.transforms.examinations.joins import Join, find_equal_days, find_equal_starts, join_table
from medmultipoints.transforms.examinations.keypoints import unpack_scene
from medmultipoints.transforms.examinations.nearest import find_candidates
from medmultipoints.transforms.examinations.same_frame import find_shared_frame, may_share_frame
from medmultipoints.transforms.examinations.scene_pairs import SceneMatch, match_scenes
from medmultipoints.transforms.pictures.decode import decode_image

STILLS_PER_SHARD = 400
"""Half a minute to a minute of comparing, after some seconds in which each shard ranks all pictures."""


def join_shards(build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return equal parts of the candidate pairs."""
    return shards_of(_kept_stills(inputs).height, STILLS_PER_SHARD) if build.recipe.splits.pixels else (WHOLE,)


def join_pictures(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return the joins of one shard: its part of the pairs by pixels, and in the first shard all joins by text."""
    number, count = place_of_shard(shard) if shard != WHOLE else (1, 1)
    joins: list[Join] = list(_find_by_text(build.recipe, inputs)) if number == 1 else []
    stills = _kept_stills(inputs)["sample_id"].to_list()
    if build.recipe.splits.pixels:
        joins += _find_by_pixels(build, inputs, stills, (number, count))
    own = stills[number - 1 :: count]
    return Output(inputs=own, used={key: key for key in own}, tables={"joins": join_table(joins)})


def _find_by_text(recipe: Recipe, inputs: Inputs) -> Iterator[Join]:
    kept = kept_images(inputs).select("sample_id").collect()
    readings = inputs.read("readings").join(kept, on="sample_id", how="semi")
    if recipe.splits.starts:
        yield from find_equal_starts(readings)
    if recipe.splits.days:
        yield from find_equal_days(readings)


def _kept_stills(inputs: Inputs) -> pl.DataFrame:
    samples = inputs.read("samples", "sample_id", "video_id").filter(pl.col("video_id").is_null())
    return kept_images(inputs).select("sample_id").collect().join(samples, on="sample_id", how="semi").sort("sample_id")


def _find_by_pixels(build: Build, inputs: Inputs, stills: list[str], part: tuple[int, int]) -> Iterator[Join]:
    packed = stored_reader(build.lake, inputs.objects["scenes"])
    scenes = [unpack_scene(packed(sample_id) or b"") for sample_id in stills]
    read = image_reader(build, inputs)
    number, count = part
    for one, two in find_candidates([scene.descriptors for scene in scenes])[number - 1 :: count]:
        match = match_scenes(scenes[one], scenes[two])
        if match is not None:
            yield name_join(stills[one], stills[two], match, read)


def name_join(one: str, two: str, match: SceneMatch, read: Callable[[str], bytes]) -> Join:
    """Return the join of two pictures of one scene, or of one frame if their pixels prove it."""
    frame = None
    if may_share_frame(match):
        frame = find_shared_frame(decode_image(read(one)).pixels, decode_image(read(two)).pixels, match)
    if frame is None:
        return Join(sample_id=one, other_id=two, kind="same_scene", inliers=match.inliers)
    return Join(
        sample_id=one,
        other_id=two,
        kind="same_frame",
        inliers=match.inliers,
        dx=frame.dx,
        dy=frame.dy,
        correlation=frame.correlation,
    )


def join_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that both pictures of every join are kept images."""
    images = kept_images(inputs)
    return {
        "first_images_are_kept": references_hold(tables["joins"], "sample_id", images, "sample_id"),
        "second_images_are_kept": references_hold(
            tables["joins"].select(sample_id="other_id"), "sample_id", images, "sample_id"
        ),
    }


def join_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {"starts": recipe.splits.starts, "days": recipe.splits.days, "pixels": recipe.splits.pixels}


STAGE = Stage(
    name="join",
    work=join_pictures,
    shards=join_shards,
    reads=("index", "derive", "text", "correct", "dedup", "scenes"),
    reads_sources=True,
    writes=("joins",),
    parameters=join_parameters,
    rules=join_rules,
)
