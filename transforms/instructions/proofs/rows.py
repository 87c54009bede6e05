"""Every row of every task beside the published, held against the scenes of its images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import (
    Reading,
    Wrong,
    clear_label,
    label_of,
    read_row,
    require,
)
from medmultipoints.transforms.instructions.registry import REGISTRY
from medmultipoints.transforms.instructions.scenes import Scene, gather_scenes, group_key
from medmultipoints.transforms.instructions.shapes import SHAPES
from medmultipoints.transforms.instructions.tasks import CROPS, SEVERAL_IMAGES
from medmultipoints.transforms.pictures.crops import Crop, read_crop

NAMELESS: Final = frozenset({"classification", "description", "same_class"})
"""Tasks whose prompts name no class of objects: the answer does, or nothing does."""
SEVERAL_NAMES: Final = frozenset({"class_counts", "video_counts"})
WHOLE_IMAGE: Final = frozenset({"presence", "classification", *SEVERAL_NAMES})
"""Tasks that are filed under the first record of their image; the others under the record of their label."""

Row = Mapping[str, Any]
Mentions = Callable[[str], set[str]]


def prove_rows(
    rows: pl.DataFrame,
    records: pl.DataFrame,
    objects: pl.DataFrame,
    images: pl.DataFrame,
    lexicon: Lexicon,
    mentions: Mentions,
) -> Iterator[tuple[int, str]]:
    """The number of each row (its column ``row``) with the reason why it is wrong, empty where it is proved.

    ``mentions`` gives the singular of every name that a text uses.
    """
    homes = records.select("record_id", "sample_id").join(group_key(images), on="sample_id")
    known = rows.join(homes, on="record_id", how="left").sort("group", "row", nulls_last=True)
    yield from ((row, "record_unknown") for row in known.filter(pl.col("group").is_null())["row"])
    filed = known.filter(pl.col("group").is_not_null())
    by_group = groupby(filed.iter_rows(named=True), key=lambda row: row["group"])
    groups = gather_scenes(records, objects, images, only=filed)
    for (_, members), scenes in zip(by_group, groups, strict=True):
        homes_here = {record: scene for scene in scenes for record in scene.records.values()}
        files = {scene.image_file: scene for scene in scenes}
        for row in members:
            yield row["row"], _reason(row, homes_here[row["record_id"]], files, lexicon, mentions)


def _reason(row: Row, home: Scene, files: Mapping[str, Scene], lexicon: Lexicon, mentions: Mentions) -> str:
    try:
        scenes, crops = _pictures(row, home, files)
        reading = read_row(row["task"], row["prompt"], row["answer"], SHAPES[row["task"]])
        require(reading.images == len(row["image_files"]), "prompt_unfinished")
        _check_words(row, reading, scenes, home, lexicon, mentions)
        found = REGISTRY[row["task"]].prove(replace(reading, crops=crops), scenes, lexicon)
        require(tuple(row["object_ids"]) == found, "object_ids_differ")
    except Wrong as wrong:
        return str(wrong)
    return ""


def _pictures(row: Row, home: Scene, files: Mapping[str, Scene]) -> tuple[tuple[Scene, ...], tuple[Crop, ...]]:
    """The scenes of the row's images, and the crops after them; Wrong where the row is not filed as it should be."""
    require(row["task"] in REGISTRY, "task_unknown")
    stem = f"{row['record_id']}:{row['task']}"
    require(row["instruction_id"] == stem or row["instruction_id"].startswith(f"{stem}:"), "instruction_id_differs")
    for column in ("image_sha256", "split", "source", "classification"):
        require(row.get(column, getattr(home, column)) == getattr(home, column), f"{column}_differs")
    images = SEVERAL_IMAGES.get(row["task"], 1) - CROPS.get(row["task"], 0)
    shown, cut = row["image_files"][:images], row["image_files"][images:]
    require(row["image_file"] == home.image_file and row["image_file"] in shown, "image_file_differs")
    known = len(set(shown)) == len(shown) == images and all(file in files for file in shown)
    crops = tuple(filter(None, map(read_crop, cut)))
    require(known and len(crops) == len(cut) == CROPS.get(row["task"], 0), "image_files_differ")
    scenes = tuple(files[file] for file in shown)
    require(len({(scene.split, scene.width, scene.height) for scene in scenes}) == 1, "image_files_differ")
    return scenes, crops


def _check_words(
    row: Row, reading: Reading, scenes: Sequence[Scene], home: Scene, lexicon: Lexicon, mentions: Mentions
) -> None:
    """Wrong where the prompt names other classes than the answer, or the row is filed under another record."""
    task, answered = row["task"], list(_labels(reading.answer))
    require(mentions(reading.ask) == (set() if task in NAMELESS else set(answered)), "prompt_names_differ")
    single = task not in SEVERAL_NAMES and task != "classification"
    require(not single or bool(answered), "label_differs")
    label = "" if not single else clear_label(lexicon, answered[0]) if task == "label_path" else ""
    label = label or (label_of(lexicon, scenes, answered[0]) if single else "")
    name = answered[0] if single and task not in NAMELESS else ""
    require(not name or len(set(answered)) == 1, "label_differs")
    require(row.get("name", name) == name, "name_differs")
    require(row.get("label", label) == label, "label_differs")
    filed = home.first_record if task in WHOLE_IMAGE else home.records.get(label)
    require(row["record_id"] == filed, "record_differs")


def _labels(value: Any) -> Iterator[str]:
    """Every name that an answer states."""
    if isinstance(value, dict):
        yield from (value[key] for key in value if key == "label")
        yield from value.get("path", ())[-1:]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _labels(part)
