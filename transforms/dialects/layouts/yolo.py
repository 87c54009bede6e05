"""YOLO: one text file per picture, ``class cx cy w h`` as fractions of its sides, classes counted from 0.

An empty label file means that the picture shows no object. A picture is therefore left out if that is unknown: if no
label is certain, or if it shows a label whose objects are not all annotated.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

import orjson

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.items import Contents, Picture, Placement, box_mark
from medmultipoints.transforms.dialects.layouts.coco import Files
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import clip_box, to_yolo

DATA: Final = "data.yaml"
UNCERTAIN: Final = "pictures whose labels are not certain to be complete"
DECIMALS: Final = 8
_ROLES: Final = {"train": "train", "validation": "val", "test": "test"}


def place(pictures: Iterable[Picture], split: str) -> Placement:
    """Return the placement of the pictures whose labels are complete."""
    paths: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    for picture in pictures:
        if picture.certain and {found.label for found in picture.objects} <= set(picture.certain):
            paths[picture.sample_id] = f"images/{split}/{picture.file}"
        else:
            left_out[UNCERTAIN] += 1
    return Placement(paths, left_out)


def encode(pictures: Iterable[Picture], contents: Contents, split: str) -> Files:
    """Yield one label file per placed picture, empty if it shows no object.

    Boxes are clipped to the picture.
    """
    for picture in pictures:
        if place([picture], split).paths:
            lines = (_line(contents, picture.size, box_mark(found)) for found in picture.objects)
            yield label_path(split, picture.file), [b"".join(lines)]


def label_path(split: str, file: str) -> str:
    """Return the path of a picture's label file."""
    return f"labels/{split}/{PurePosixPath(file).stem}.txt"


def encode_data(contents: Contents) -> Files:
    """Yield ``data.yaml``. It has no ``path``, so that its own folder is the root even after a move."""
    lines = [f"{_ROLES.get(split, split)}: images/{split}" for split in contents.splits]
    names = orjson.dumps(list(contents.labels)).decode()  # JSON is valid YAML with all quotes
    yield DATA, ["\n".join([*lines, f"nc: {len(contents.labels)}", f"names: {names}", ""]).encode()]


def _line(contents: Contents, size: Size, mark: Mark) -> bytes:
    box = clip_box(Box(*mark.numbers), *size)
    if box is None:
        raise ValueError(f"a box of {mark.name} lies outside its picture")
    numbers = " ".join(f"{number:.{DECIMALS}f}" for number in to_yolo(box, *size))
    return f"{contents.labels.index(mark.name)} {numbers}\n".encode()
