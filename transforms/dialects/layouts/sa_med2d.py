"""SA-Med2D-20M: pictures as PNG, one binary PNG per object, and a file that lists the masks of each picture.

Source of the rule: the data set's file names, ``<modality>_<kind>--<data set>--<case>--<axis>_<slice>.png`` and the
same with ``--<class, 4 digits>_<object, 3 digits>``. Each split is a folder of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from medmultipoints.transforms.dialects.items import Contents, Picture, Placement
from medmultipoints.transforms.dialects.layouts.coco import Files
from medmultipoints.transforms.dialects.layouts.names import modality, plain_name, slug
from medmultipoints.transforms.dialects.layouts.released_masks import mask_png, place_with_masks, released_mask
from medmultipoints.transforms.records import ReleasedObject

INDEX: Final = "SAMed2D_v1.json"
CLASSES: Final = "SAMed2D_v1_class_mapping_id.json"


def place(pictures: Iterable[Picture], split: str) -> Placement:
    """Return the placement of the pictures that have an object with a mask."""
    return place_with_masks(pictures, lambda picture: f"{split}/images/{_name(picture)}.png")


def encode(pictures: Iterable[Picture], contents: Contents, split: str) -> Files:
    """Yield the mask of each object, in released pixels, and the two files of the split."""
    index: dict[str, list[str]] = {}
    for picture in pictures:
        for found, path in _masks(picture, contents):
            yield f"{split}/{path}", [mask_png(released_mask(picture, found))]
            index.setdefault(f"images/{_name(picture)}.png", []).append(path)
    if index:
        yield f"{split}/{INDEX}", [orjson.dumps(index, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)]
        classes = {label: number for number, label in enumerate(contents.labels)}
        yield f"{split}/{CLASSES}", [orjson.dumps(classes, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)]


def _masks(picture: Picture, contents: Contents) -> Iterator[tuple[ReleasedObject, str]]:
    seen: Counter[str] = Counter()
    for found in picture.objects:
        if found.rle is not None:
            suffix = f"{contents.labels.index(found.label):04d}_{seen[found.label]:03d}"
            seen[found.label] += 1
            yield found, f"masks/{_name(picture)}--{suffix}.png"


def _name(picture: Picture) -> str:
    case = plain_name(picture.stem, picture.image_sha256)
    return f"{slug(modality(picture)).replace('-', '_')}_00--{slug(picture.source)}--{case}--x_0000"
