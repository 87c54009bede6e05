"""Draft sources of image and mask pairs with one annotation file, for planting faults."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from medmultipoints.transforms.sources.simulated.images import (
    Pixels,
    choose_size,
    draw_mucosa,
    encode_lossy_mask,
    encode_picture,
    encode_png,
    stored_boxes,
)
from medmultipoints.transforms.sources.simulated.members import Content, generator


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSource:
    """Properties of a pair source.

    ``image_name``, ``mask_name``: patterns with ``{stem}``; ``annotation``: path of the JSON file of boxes.
    """

    name: str
    label: str
    image_name: str
    mask_name: str
    annotation: str
    sizes: tuple[tuple[int, int, float], ...]
    draw_mask: Callable[[np.random.Generator, int, int], Pixels]
    object_colour: tuple[int, int, int]

    def image(self, stem: str) -> str:
        return self.image_name.format(stem=stem)

    def mask(self, stem: str) -> str:
        return self.mask_name.format(stem=stem)

    def entry(self, stem: str) -> str:
        """Return the key of an annotation entry in the accounting."""
        return f"{self.annotation}#{stem}"

    def encode_mask(self, mask: Pixels) -> bytes:
        return encode_png(mask) if self.mask_name.endswith(".png") else encode_lossy_mask(mask)


@dataclass(slots=True)
class Draft:
    """A draft source: contents by member name, annotation entries by stem. Faults change it in place."""

    source: PairSource
    seed: int
    contents: dict[str, Content]
    entries: dict[str, dict[str, Any]]


def draft_pairs(source: PairSource, seed: int, stems: tuple[str, ...]) -> Draft:
    """Return a source of the given stems without faults; masks are drawn now for the boxes, pictures on demand."""
    contents: dict[str, Content] = {}
    entries: dict[str, dict[str, Any]] = {}
    for stem in stems:
        mask = pair_mask(source, seed, stem)
        contents[source.image(stem)] = partial(pair_image, source, seed, stem)
        contents[source.mask(stem)] = partial(_mask_file, source, seed, stem)
        entries[stem] = {
            "height": mask.shape[0],
            "width": mask.shape[1],
            "bbox": [box_entry(source.label, box) for box in stored_boxes(mask)],
        }
    return Draft(source, seed, contents, entries)


def pair_mask(source: PairSource, seed: int, stem: str) -> Pixels:
    """Return the binary mask of one stem."""
    rng = generator(seed, source.name, stem)
    return source.draw_mask(rng, *choose_size(rng, source.sizes))


def pair_image(source: PairSource, seed: int, stem: str) -> bytes:
    """Return the JPEG of one stem."""
    picture = draw_mucosa(
        generator(seed, source.name, stem, "picture"), pair_mask(source, seed, stem), source.object_colour
    )
    return encode_picture(picture)


def _mask_file(source: PairSource, seed: int, stem: str) -> bytes:
    return source.encode_mask(pair_mask(source, seed, stem))


def box_entry(label: str, box: tuple[int, int, int, int]) -> dict[str, Any]:
    """Return one box in the format of the annotation files."""
    return {"label": label, "xmin": box[0], "ymin": box[1], "xmax": box[2], "ymax": box[3]}


def encode_annotation(entries: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the annotation file in the sources' format: indent 4, no final newline."""
    return json.dumps(entries, indent=4).encode()
