"""Tables of a tiny release for questions about scenes, from a few words: images, frames, boxes, masks."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl

from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.naming.names import Names, parse_names
from medmultipoints.transforms.instructions.prompts import Templates, parse_templates
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.instructions.write import write_instructions
from medmultipoints.transforms.masks.run_lengths import encode_rle

Boxes = Mapping[str, Mapping[str, Sequence[float]]]
VISEM = ("cluster", "normal", "pinhead")
TONE = ("luma", "roughness", "ring_luma", "ring_roughness")
_TEXT, _TEXTS = pl.String(), pl.List(pl.String())
_NESTED = pl.List(pl.List(pl.Float32))
_COLUMNS: dict[str, pl.DataType] = {
    **dict.fromkeys(("area_px",), pl.Int64()),
    **dict.fromkeys((*TONE, "cx", "cy", "ix", "iy"), pl.Float64()),
    **dict.fromkeys(("rle", "track_id", "video_id"), _TEXT),
    "frame_index": pl.Int64(),
    "fps": pl.Float64(),
    "labels_exhaustive": _TEXTS,
    "points": _NESTED,
    "bbox": _NESTED,
}


def picture(letter: str, things: Boxes, **facts: Any) -> dict[str, Any]:
    """One image of 640 x 480: by label its objects, each a track (or any name) with its box."""
    return {
        "image_sha256": letter * 64,
        "sample_id": f"a_source/{letter}",
        "image_file": f"images/{letter * 64}.jpg",
        "split": "train",
        "source": "a_source",
        "organ": "Microscopy",
        "finding": "spermatozoa",
        "classification": "a-class",
        "width": 640,
        "height": 480,
        "scale": 1.0,
        "labels_exhaustive": list(VISEM),
        "video_id": None,
        "frame_index": None,
        "fps": None,
        "things": things,
        "masks": {},
        "cut": (),
        "tones": {},
    } | facts


def frame(letter: str, index: int, things: Boxes, **facts: Any) -> dict[str, Any]:
    """One frame of a video at 50 frames per second."""
    return picture(letter, things, **{"video_id": "v", "frame_index": index, "fps": 50.0} | facts)


def tables(pictures: Sequence[Mapping[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Records, objects and images of these pictures."""
    records, objects, images = [], [], []
    for given in pictures:
        images.append({key: value for key, value in given.items() if key not in ("things", "masks", "cut", "tones")})
        for label, things in given["things"].items():
            record = _record(given, label, things)
            records.append(record)
            objects += [_object(given, record, place, *thing) for place, thing in enumerate(things.items())]
    frames = [pl.DataFrame(rows, infer_schema_length=None) for rows in (records, objects, images)]
    typed = [f.cast({name: kind for name, kind in _COLUMNS.items() if name in f.columns}) for f in frames]
    return typed[0], typed[1], typed[2]


def _record(given: Mapping[str, Any], label: str, things: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    copied = {name: given[name] for name in ("image_sha256", "sample_id", "split", "source", "classification")}
    boxes = [list(map(float, box)) for box in things.values()]
    return copied | {
        "record_id": f"{given['image_sha256']}:{label}",
        "label": label,
        "count": len(boxes),
        "points": [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes],
        "bbox": boxes,
    }


def _object(
    given: Mapping[str, Any], record: Mapping[str, Any], place: int, track: str, box: Sequence[float]
) -> dict[str, Any]:
    mask = given["masks"].get(track)
    x1, y1, x2, y2 = map(float, box)
    return {
        "object_id": f"{record['record_id']}:{place}",
        "sample_id": given["sample_id"],
        "label": record["label"],
        "index": place,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "area_px": None if mask is None else int(mask.sum()),
        "rle": None if mask is None else encode_rle(mask, int(x1), int(y1), given["width"], given["height"]),
        **dict.fromkeys(("cx", "cy", "ix", "iy")),
        "point_kind": "box_centre",
        "track_id": track if given["video_id"] else None,
        "truncated": track in given["cut"],
        **dict(zip(TONE, given["tones"].get(track, (None,) * 4), strict=True)),
    }


def ellipse(width: int, height: int) -> Any:
    """A filled ellipse that touches the sides of its box."""
    y, x = np.mgrid[:height, :width] + 0.5
    return (((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) <= 0.25).astype(np.uint8)


def shipped() -> tuple[Templates, Names]:
    """The templates and names that come with the project."""
    folder = files("medmultipoints.transforms.instructions")
    texts = {task: folder.joinpath(f"templates/{task}.toml").read_text("utf-8") for task in TASK_NAMES}
    return parse_templates(texts), parse_names(folder.joinpath("names.toml").read_text("utf-8"))


def ask(
    pictures: Sequence[Mapping[str, Any]], *tasks: str, seed: int = 1, policy: str = "audited", **more: Any
) -> pl.DataFrame:
    """The instructions of these tasks."""
    templates, names = shipped()
    records, objects, images = tables(pictures)
    return write_instructions(
        records, images, templates, names, tasks=tasks, seed=seed, policy=policy, objects=objects, **more
    )


def reasons(pictures: Sequence[Mapping[str, Any]], instructions: pl.DataFrame) -> list[str]:
    """The verdict of the checker on each row, empty where it holds."""
    records, objects, images = tables(pictures)
    _, names = shipped()
    checked = check_instructions(instructions, records, images, names, policy="audited", objects=objects)
    return checked["reason"].to_list()


def planted(pictures: Sequence[Mapping[str, Any]], instructions: pl.DataFrame, **changes: Any) -> set[str]:
    """The reasons for which the checker holds rows whose columns were changed."""
    return set(reasons(pictures, instructions.with_columns(**changes)))
