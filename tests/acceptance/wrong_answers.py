"""Wrong answers of every kind: each value that an answer states, changed one at a time, and each fact of its row."""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl

from medmultipoints.transforms.pictures.crops import crop_path, read_crop

PER_TASK = 40
FIRST = 6  # of a list: of a description the place, size, shape, borders, brightness and texture
TOLERATED = "polygon"  # an outline may miss its mask by a little, so it is replaced as a whole
NUMBER = re.compile(r"(?<![\d.])\d+")  # of a number with decimals the whole ones
OPPOSITES = {
    "brighter than": "darker than",
    "darker than": "about as bright as",
    "about as bright as": "brighter than",
    "rougher than": "smoother than",
    "smoother than": "about as rough as",
    "about as rough as": "rougher than",
}
"""Words of comparison and others of their kind: each is wrong where the first is right."""
Row = dict[str, Any]


def plant(instructions: pl.DataFrame) -> pl.DataFrame:
    """Rows of every task, each with one thing wrong; column ``planted`` says which, column ``instruction_id`` whose."""
    rows: list[Row] = []
    for own in instructions.partition_by("task", as_dict=True).values():
        chosen = sorted(own.iter_rows(named=True), key=lambda row: _drawn(row["instruction_id"]))
        others = chosen[PER_TASK:] + chosen[:PER_TASK]
        for row, other in zip(chosen[:PER_TASK], others, strict=False):
            rows += [row | {"answer": _fenced(value), "planted": kind} for kind, value in wrong_values(_content(row))]
            rows += list(_wrong_rows(row, other))
    return pl.DataFrame(rows, schema=instructions.schema | {"planted": pl.String()})


def wrong_values(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every answer that differs from this one in one value: its path without positions, and the answer."""
    if path.endswith(TOLERATED):
        yield f"{path}: shrunk", value[:1] * 2 + value[1:2]
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from ((kind, value | {key: wrong}) for kind, wrong in wrong_values(part, f"{path}.{key}"))
        for key in value:
            yield f"{path}.{key}: missing", {name: part for name, part in value.items() if name != key}
    elif isinstance(value, list):
        for place, part in list(enumerate(value))[:FIRST]:
            yield from (
                (kind, [*value[:place], wrong, *value[place + 1 :]]) for kind, wrong in wrong_values(part, path)
            )
        if value:
            yield f"{path}: one fewer", value[:-1]
            yield f"{path}: one twice", [*value, value[-1]]
    else:
        yield from ((f"{path}: other {type(value).__name__}", wrong) for wrong in _others(value))


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value + 0.2, value + 40]
    numbers = NUMBER.finditer(value) if " " in value else ()
    moved = [f"{value[: at.start()]}{int(at.group()) + 1}{value[at.end() :]}" for at in numbers]
    turned = [value.replace(word, other) for word, other in OPPOSITES.items() if word in value]
    return [f"{value}x", *moved, *turned]


def _wrong_rows(row: Row, other: Row) -> Iterator[Row]:
    """The row with the answer, the images or the record of another one, or other objects."""
    if other["image_file"] not in row["image_files"] and other["answer"] != row["answer"]:
        yield row | {"answer": other["answer"], "planted": "answer of another image"}
    if other["image_file"] not in row["image_files"]:
        own = row["image_file"]  # of unrelated stills another one beside it may be any
        files = [other["image_file"] if file == own else file for file in row["image_files"]]
        yield row | {"image_files": files, "planted": "image of another question"}
    if other["record_id"] != row["record_id"]:
        yield row | {"record_id": other["record_id"], "planted": "record of another question"}
    yield from _wrong_crops(row, other)
    yield row | {"object_ids": [*row["object_ids"], "x:normal:0"], "planted": "objects of nobody"}
    yield row | {"task": "guessing", "planted": "another task"}


def _wrong_crops(row: Row, other: Row) -> Iterator[Row]:
    """Where the row shows a crop: crops that do not show its object as they should, and the crop for the answer."""
    image, path = row["image_files"][0], row["image_files"][-1]
    crop = read_crop(path)
    if crop is None:
        return
    x1, y1, x2, y2 = _content(row)["bbox_2d"]
    others = {
        "crop beside the object": replace(crop, x1=crop.x2, x2=crop.x2 + crop.width),
        "crop as large as the box": replace(crop, x1=math.floor(x1), x2=math.ceil(x2)),
        "crop that cuts the object": replace(crop, y1=math.floor((y1 + y2) / 2)),
        "crop that passes the image": replace(crop, y2=99_999),
    }
    if other["image_file"] != row["image_file"]:
        others["crop of another image"] = replace(crop, image_sha256=other["record_id"].partition(":")[0])
    paths = {kind: crop_path(wrong, 999_999, 999_999) for kind, wrong in others.items()}
    for kind, wrong in (paths | {"image for its crop": image}).items():
        yield row | {"image_files": [image, wrong], "planted": kind}
    yield row | {"image_files": [path, image], "planted": "crop before its image"}
    edges = [float(crop.x1), float(crop.y1), float(crop.x2), float(crop.y2)]
    yield row | {"answer": _fenced(_content(row) | {"bbox_2d": edges}), "planted": "crop for the answer"}


def _content(row: Row) -> Any:
    return json.loads(row["answer"][len("```json\n") : -len("\n```")])


def _fenced(value: Any) -> str:
    return f"```json\n{json.dumps(value, ensure_ascii=False)}\n```"


def _drawn(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
