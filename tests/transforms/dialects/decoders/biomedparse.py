"""Read back the boxes of a BiomedParse export from its masks."""

from collections.abc import Mapping

import numpy as np
import orjson

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.layouts.released_masks import SQUARE
from medmultipoints.transforms.masks.components import find_regions
from tests.transforms.dialects.decoders.masks import read_mask_png


def decode(files: Mapping[str, bytes], split: str, sizes: Mapping[str, Size]) -> dict[str, list[Mark]]:
    """The box of each connected part of each mask by the picture's path, in released pixels.

    Inverse of ``biomedparse.encode`` for objects that do not touch, within one pixel of the 1,024.
    """
    content = orjson.loads(files[f"{split}.json"])
    names = {row["id"]: row["name"] for row in content["categories"]}
    marks: dict[str, list[Mark]] = {f"{split}/{row['file_name']}": [] for row in content["images"]}
    for row in content["annotations"]:
        path = f"{split}/{row['file_name']}"
        mask = read_mask_png(files[f"{split}_mask/{row['mask_file']}"])
        for region in find_regions(mask.view(np.uint8) * 255, min_area_px=1).regions:
            box = (region.box.x1, region.box.y1, region.box.x2, region.box.y2)
            marks[path].append(Mark(names[row["category_id"]], _unsquare(box, sizes[path])))
    return marks


def _unsquare(box: tuple[float, ...], size: Size) -> tuple[float, ...]:
    side = max(size)
    margins = ((side - size.width) // 2, (side - size.height) // 2)
    edges = (edge / SQUARE * side - margins[axis % 2] for axis, edge in enumerate(box))
    return tuple(min(max(edge, 0), size[axis % 2]) for axis, edge in enumerate(edges))
