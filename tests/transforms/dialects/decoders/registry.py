"""The decoder of every dialect by its name."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from medmultipoints.transforms.dialects.conversations.answers import Facts, Mark
from medmultipoints.transforms.dialects.frames import FRACTIONS, QWEN2_5_PIXELS, THOUSAND, Size
from tests.transforms.dialects.decoders import biomedparse, coco, locations, molmo, mot, sa_med2d, swift, yolo
from tests.transforms.dialects.decoders.conversations import (
    decode_json,
    unwrap_completion,
    unwrap_conversation,
    unwrap_messages,
)

ENTRIES: Final[Mapping[str, Callable[[Mapping[str, Any], Size], Facts]]] = {
    "swift": partial(decode_json, frame=QWEN2_5_PIXELS, unwrap=unwrap_messages),
    "swift-objects": swift.decode_objects,
    "llama-factory": partial(decode_json, frame=THOUSAND, unwrap=unwrap_messages),
    "llama-factory-resized": partial(decode_json, frame=QWEN2_5_PIXELS, unwrap=unwrap_messages),
    "trl": partial(decode_json, frame=THOUSAND, unwrap=unwrap_completion),
    "trl-resized": partial(decode_json, frame=QWEN2_5_PIXELS, unwrap=unwrap_completion),
    "qwen2.5-vl": partial(decode_json, frame=QWEN2_5_PIXELS, unwrap=unwrap_conversation),
    "qwen-vl-1000": partial(decode_json, frame=THOUSAND, unwrap=unwrap_conversation),
    "molmo": molmo.decode_answer,
    "llava": partial(decode_json, frame=FRACTIONS, unwrap=unwrap_conversation),
    "paligemma": locations.decode_paligemma,
    "florence2": locations.decode_florence,
}
FILES: Final[Mapping[str, Callable[[Mapping[str, bytes], str, Mapping[str, Size]], dict[str, list[Mark]]]]] = {
    "coco": coco.decode_detection,
    "coco-keypoints": coco.decode_keypoints,
    "yolo": yolo.decode,
    "mot": mot.decode,
    "biomedparse": biomedparse.decode,
    "sa-med2d": sa_med2d.decode,
}


def decode_entry(dialect: str, line: Mapping[str, Any], size: Size) -> Facts:
    """The facts of an entry of a dialect of conversations, in pixels of the picture of that size."""
    return ENTRIES[dialect](line, size)


def decode_files(
    dialect: str, files: Mapping[str, bytes], split: str, sizes: Mapping[str, Size]
) -> dict[str, list[Mark]]:
    """The marks of each picture of a split by its path, from the files of a layout."""
    return FILES[dialect](files, split, sizes)
