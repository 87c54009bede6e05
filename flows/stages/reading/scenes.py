"""Stage ``scenes``: compute keypoints of still pictures, if the recipe joins by pixels."""

import polars as pl

from medmultipoints.data_lake.store.images import put_images
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import WHOLE, Build, Inputs, Output, Stage, read_once, source_shard
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.examinations.keypoints import find_scene, pack_scene
from medmultipoints.transforms.pictures.decode import decode_image

PICTURES_PER_SHARD = 100


def scene_shards(build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return one shard per source and 100 stills; one empty shard if the recipe does not join by pixels."""
    return (
        tuple(still_pictures(inputs)["shard"].unique(maintain_order=True)) if build.recipe.splits.pixels else (WHOLE,)
    )


@read_once
def still_pictures(inputs: Inputs) -> pl.DataFrame:
    """Return source, sample_id and shard of the pictures that are not video frames; a video joins its own frames."""
    samples = inputs.read("samples", "sample_id", "source", "video_id")
    images = inputs.read("images", "sample_id")
    stills = samples.filter(pl.col("video_id").is_null()).join(images, on="sample_id", how="semi").sort("sample_id")
    return stills.with_columns(shard=source_shard(PICTURES_PER_SHARD))


def find_scenes(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return keypoints of the pictures of one shard, as one blob."""
    chosen = still_pictures(inputs).filter(pl.col("shard") == shard)["sample_id"].to_list()
    read = image_reader(build, inputs)
    scenes = [(sample_id, pack_scene(find_scene(decode_image(read(sample_id)).pixels))) for sample_id in chosen]
    return Output(inputs=chosen, used={key: key for key in chosen}, blobs={"scenes": put_images(build.lake, scenes)})


def scene_parameters(recipe: Recipe) -> object:
    """Return whether the recipe joins by pixels."""
    return {"pixels": recipe.splits.pixels}


STAGE = Stage(
    name="scenes",
    work=find_scenes,
    shards=scene_shards,
    reads=("index", "derive"),
    reads_sources=True,
    blobs=("scenes",),
    parameters=scene_parameters,
)
