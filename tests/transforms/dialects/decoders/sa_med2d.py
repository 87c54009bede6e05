"""Read back the boxes of an SA-Med2D-20M export from its masks."""

from collections.abc import Mapping

import orjson

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.dialects.layouts.sa_med2d import CLASSES, INDEX
from tests.transforms.dialects.decoders.masks import mask_box, read_mask_png


def decode(files: Mapping[str, bytes], split: str, _sizes: object) -> dict[str, list[Mark]]:
    """The box of each object by the picture's path, in released pixels: exact for masks that were not resized."""
    labels = {number: label for label, number in orjson.loads(files[f"{split}/{CLASSES}"]).items()}
    marks: dict[str, list[Mark]] = {}
    for image, masks in orjson.loads(files[f"{split}/{INDEX}"]).items():
        for path in masks:
            label = labels[int(path.rpartition("--")[2][:4])]
            box = mask_box(read_mask_png(files[f"{split}/{path}"]))
            marks.setdefault(f"{split}/{image}", []).append(Mark(label, box))
    return marks
