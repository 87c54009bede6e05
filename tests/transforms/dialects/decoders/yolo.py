"""Read back the boxes of a YOLO export."""

from collections.abc import Mapping
from pathlib import PurePosixPath

import orjson

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.layouts.yolo import DATA, label_path
from medmultipoints.transforms.regions.boxes import YoloBox
from tests.transforms.regions.box_inverses import from_yolo


def decode(files: Mapping[str, bytes], split: str, sizes: Mapping[str, Size]) -> dict[str, list[Mark]]:
    """The boxes of every picture by its path. Inverse of ``yolo.encode`` within 1e-8 of each side."""
    names_line = next(line for line in files[DATA].decode().splitlines() if line.startswith("names: "))
    names = orjson.loads(names_line.removeprefix("names: "))
    marks: dict[str, list[Mark]] = {}
    for path, size in sizes.items():
        if path.startswith(f"images/{split}/"):
            lines = files[label_path(split, PurePosixPath(path).name)].decode().splitlines()
            marks[path] = [_read(names, size, line) for line in lines]
    return marks


def _read(names: list[str], size: Size, line: str) -> Mark:
    number, *values = line.split()
    box = from_yolo(YoloBox(*map(float, values)), *size)
    return Mark(names[int(number)], (box.x1, box.y1, box.x2, box.y2))
