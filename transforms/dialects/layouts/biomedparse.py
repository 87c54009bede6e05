"""BiomedParse: pictures and masks as PNG of 1,024 x 1,024 pixels, one mask per target, one COCO-like file per split.

Source of the rule: BiomedParse's data preparation. A picture is centred in a black square, then resized;
names are ``<image>_<modality>_<site>.png`` and ``<image>_<modality>_<site>_<target+words>.png``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import orjson

from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.items import Contents, Picture, Placement
from medmultipoints.transforms.dialects.layouts.coco import Files
from medmultipoints.transforms.dialects.layouts.names import modality, plain_name, slug
from medmultipoints.transforms.dialects.layouts.released_masks import (
    SQUARE,
    Mask,
    mask_png,
    pad_to_square,
    place_with_masks,
    released_mask,
    resample,
)

_PLAIN: Final = re.compile(r"[^A-Za-z0-9]+")


def place(pictures: Iterable[Picture], split: str) -> Placement:
    """Return the placement of the pictures that have an object with a mask."""
    return place_with_masks(pictures, lambda picture: f"{split}/{_stem(picture)}.png")


def encode(pictures: Iterable[Picture], contents: Contents, split: str) -> Files:
    """Yield the mask of each target of each picture (the union of its objects' masks), and the split's file."""
    targets = list(_targets(pictures))
    for picture, label in targets:
        yield f"{split}_mask/{_mask_name(picture, label)}", [mask_png(target_mask(picture, label))]
    if targets:
        yield f"{split}.json", [_document(targets, contents, split)]


def target_mask(picture: Picture, label: str) -> Mask:
    """Return the union of a label's masks, centred in a square and resized to 1,024 x 1,024."""
    masks = [released_mask(picture, found) for found in picture.objects if found.label == label and found.rle]
    square = pad_to_square(np.logical_or.reduce(masks).view(np.uint8)).view(np.bool_)
    return resample(square, Size(SQUARE, SQUARE))


def _targets(pictures: Iterable[Picture]) -> Iterator[tuple[Picture, str]]:
    for picture in pictures:
        for label in sorted({found.label for found in picture.objects if found.rle is not None}):
            yield picture, label


def _document(targets: list[tuple[Picture, str]], contents: Contents, split: str) -> bytes:
    """Return the COCO-like file of a split, with one annotation per target."""
    files = dict.fromkeys(f"{_stem(picture)}.png" for picture, _ in targets)
    ids = {file: number for number, file in enumerate(files)}
    images = [{"id": number, "file_name": file, "width": SQUARE, "height": SQUARE} for file, number in ids.items()]
    annotations = [_annotation(number, target, contents, split, ids) for number, target in enumerate(targets)]
    categories = [{"id": number, "name": label} for number, label in enumerate(contents.labels, 1)]
    info = {"description": f"{contents.name} {contents.version}"}
    document = {"info": info, "categories": categories, "images": images, "annotations": annotations}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _annotation(
    number: int, target: tuple[Picture, str], contents: Contents, split: str, ids: Mapping[str, int]
) -> dict[str, Any]:
    """Return the annotation of one target, with its mask file and text prompt."""
    picture, label = target
    file = f"{_stem(picture)}.png"
    text = f"{_words(label)} in {slug(picture.organ)} {_modality(picture)}"
    return {
        "id": number,
        "ann_id": number,
        "ref_id": number,
        "image_id": ids[file],
        "category_id": contents.labels.index(label) + 1,
        "file_name": file,
        "mask_file": _mask_name(picture, label),
        "iscrowd": 0,
        "split": split,
        "sentences": [{"raw": text, "sent": text, "sent_id": number}],
        "sent_ids": [number],
    }


def _stem(picture: Picture) -> str:
    name = plain_name(f"{picture.source}-{picture.stem}", picture.image_sha256)
    return f"{name}_{_modality(picture)}_{slug(picture.organ)}"


def _modality(picture: Picture) -> str:
    """Return BiomedParse's name of the modality (``endoscope``, ``CT``); other characters become ``-``."""
    word = modality(picture)
    return "endoscope" if word == "endoscopy" else _PLAIN.sub("-", word).strip("-") or "unknown"


def _mask_name(picture: Picture, label: str) -> str:
    return f"{_stem(picture)}_{_words(label).replace(' ', '+')}.png"


def _words(label: str) -> str:
    return slug(label).replace("-", " ")
