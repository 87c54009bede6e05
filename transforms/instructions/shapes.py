"""The shape of every answer but the published: keys in order and the types of their values."""

from collections.abc import Mapping
from typing import Any, Final

Shape = Any
POINT: Final = "point: two decimals"
BOX: Final = "box: four decimals"
_NUMBERS: Final = {POINT: 2, BOX: 4}
_COUNTED: Final = {"label": str, "counts": int}

SHAPES: Final[Mapping[str, Shape]] = {
    "presence": {"present": bool, "counts": int, "bbox_2d": [BOX], "label": str},
    "referring": {"bbox_2d": BOX, "label": str},
    "classification": {"organ": str, "classification": str, "finding": str},
    "label_path": {"path": [str]},
    "class_counts": {"classes": [_COUNTED], "counts": int, "density": str},
    "description": {
        "caption": str,
        "regions": [{"bbox_2d": BOX, "label": str}],
        "sentences": [{"text": str, "regions": [int]}],
    },
    "segmentation": {
        "label": str,
        "bbox_2d": BOX,
        "polygon": [POINT],
        "rle": {"size": [int], "counts": str},
        "flags": [str],
    },
    "tracking": {"bbox_2d": BOX, "label": str},
    "appeared": {"bbox_2d": BOX, "label": str},
    "vanished": {"bbox_2d": BOX, "label": str},
    "moved_most": {"bbox_2d": BOX, "label": str},
    "same_class": [{"bbox_2d": BOX, "label": str}],
    "motion": {"label": str, "path_px": float, "mean_speed_px_per_s": float},
    "video_counts": {"classes": [{"label": str, "per_image": [int], "mean": float}], "density": [str]},
    "crop_grounding": {"bbox_2d": BOX, "label": str},
}


def has_shape(value: object, shape: Shape) -> bool:
    """Whether a JSON value has exactly the keys, in order, and the types of a shape; lists may be empty."""
    if isinstance(shape, dict):
        same = isinstance(value, dict) and list(value) == list(shape)
        return same and all(has_shape(value[key], part) for key, part in shape.items())  # type: ignore[index]
    if isinstance(shape, list):
        return isinstance(value, list) and all(has_shape(part, shape[0]) for part in value)
    if shape in _NUMBERS:
        numbers = isinstance(value, list) and len(value) == _NUMBERS[shape]
        return numbers and all(type(number) is float for number in value)  # type: ignore[attr-defined]
    return type(value) is shape
