"""Read back the boxes and points of a COCO export."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.dialects.layouts.coco import DETECTION, KEYPOINTS, annotation_path
from medmultipoints.transforms.regions.boxes import CocoBox
from tests.transforms.regions.box_inverses import from_coco


def decode_detection(files: Mapping[str, bytes], split: str, _sizes: object) -> dict[str, list[Mark]]:
    """The boxes of every listed picture by its path, in the order of the file. Inverse of ``encode_detection``."""

    def read(row: Mapping[str, Any]) -> tuple[float, ...]:
        box = from_coco(CocoBox(*row["bbox"]))
        return box.x1, box.y1, box.x2, box.y2

    return _decode(files[annotation_path(DETECTION, split)], read)


def decode_keypoints(files: Mapping[str, bytes], split: str, _sizes: object) -> dict[str, list[Mark]]:
    """The points of every listed picture by its path. Inverse of ``encode_keypoints``."""
    return _decode(files[annotation_path(KEYPOINTS, split)], lambda row: tuple(row["keypoints"][:2]))


def _decode(data: bytes, read: Callable[[Mapping[str, Any]], tuple[float, ...]]) -> dict[str, list[Mark]]:
    content = orjson.loads(data)
    names = {row["id"]: row["name"] for row in content["categories"]}
    paths = {row["id"]: f"images/{row['file_name']}" for row in content["images"]}
    marks: dict[str, list[Mark]] = {path: [] for path in paths.values()}
    for row in content["annotations"]:
        marks[paths[row["image_id"]]].append(Mark(names[row["category_id"]], read(row)))
    return marks
