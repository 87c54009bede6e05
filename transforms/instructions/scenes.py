"""What one released image shows, gathered from the tables of a release: the ground of every question but the published.

All coordinates are in pixels of the released image. The writer of questions and the proof of their answers both start
from scenes, and share nothing else but the words.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.records import TONE_COLUMNS, Tone

_IMAGE: Final = (
    "sample_id", "image_sha256", "image_file", "split", "source", "organ", "finding", "classification", "width",
    "height", "scale", "labels_exhaustive", "video_id", "frame_index", "fps",
)  # fmt: skip
_OBJECT: Final = (
    "sample_id", "object_id", "label", "index", "x1", "y1", "x2", "y2", "area_px", "rle", "track_id", "truncated",
    *TONE_COLUMNS,
)  # fmt: skip
BORDER_PX: Final = 0.5  # an object nearer to the border touches it
_GROUP: Final = (
    pl.when(pl.col("video_id").is_null())
    .then(pl.format("image {}", "sample_id"))
    .otherwise(pl.format("video {} {}", "source", "video_id"))
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: ``box`` is x1, y1, x2, y2; ``area_px`` and ``rle`` are of the original image, None without a mask.
    ``tone``: how the object stands out, None where the release has other pixels than the source.

    ``truncated``: the image's border cuts it, or it reaches the border, so that nobody knows.
    """

    object_id: str
    label: str
    box: tuple[float, float, float, float]
    area_px: int | None
    rle: str | None
    tone: Tone | None
    track_id: str | None
    truncated: bool

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height of the box."""
        x1, y1, x2, y2 = self.box
        return x2 - x1, y2 - y1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One image with its objects, sorted by label and index; ``certain`` are the labels whose absence is certain.

    ``records`` maps each label that has a record to its id; the first of them files what is asked of the whole image.
    """

    sample_id: str
    image_sha256: str
    image_file: str
    split: str
    source: str
    organ: str
    finding: str
    classification: str
    width: int
    height: int
    scale: float
    certain: tuple[str, ...]
    video_id: str | None
    frame_index: int | None
    fps: float | None
    records: dict[str, str]
    things: tuple[Thing, ...]

    @property
    def first_record(self) -> str:
        """The id of the image's first record."""
        return min(self.records.values())

    def of(self, label: str) -> tuple[Thing, ...]:
        """The objects of a label, in the order of its record."""
        return tuple(thing for thing in self.things if thing.label == label)


def gather_scenes(
    records: pl.DataFrame, objects: pl.DataFrame, images: pl.DataFrame, only: pl.DataFrame | None = None
) -> Iterator[tuple[Scene, ...]]:
    """Groups of scenes, one group at a time: the frames of a video in their order, or a single image.

    ``only``: the groups that are wanted, in a column ``group`` as ``group_key`` gives it; all where not given.
    DataError for an image without records.
    """
    rows = images.select(*_IMAGE, group=_GROUP).sort("group", "frame_index", "sample_id")
    if only is not None:
        rows = rows.join(only.select("group"), on="group", how="semi", maintain_order="left")
    place = rows.select("sample_id").with_row_index("place")
    things = _taker(objects.select(_OBJECT).join(place, on="sample_id").sort("place", "label", "index"))
    named = _taker(records.select("sample_id", "label", "record_id").join(place, on="sample_id").sort("place", "label"))
    scenes = (_scene(row, named(at), things(at)) for at, row in enumerate(rows.iter_rows(named=True)))
    pairs = zip(rows["group"], scenes, strict=True)
    for _, members in groupby(pairs, key=lambda pair: pair[0]):
        yield tuple(scene for _, scene in members)


def group_key(images: pl.DataFrame) -> pl.DataFrame:
    """sample_id and group of each image: one group for each video, and for each image that is of none."""
    return images.select("sample_id", group=_GROUP)


def _taker(frame: pl.DataFrame) -> Callable[[int], list[dict[str, Any]]]:
    """The rows of one place after the other, asked for in rising order; only those of one are in memory."""
    grouped = groupby(frame.iter_rows(named=True), key=lambda row: row["place"])
    nobody: tuple[int, Iterator[dict[str, Any]]] = (-1, iter(()))
    ahead = next(grouped, nobody)

    def take(place: int) -> list[dict[str, Any]]:
        nonlocal ahead
        if ahead[0] != place:
            return []
        found = list(ahead[1])
        ahead = next(grouped, nobody)
        return found

    return take


def _scene(row: dict[str, Any], records: Sequence[dict[str, Any]], things: Sequence[dict[str, Any]]) -> Scene:
    if not records:
        raise DataError(f"image {row['sample_id']} has no record; verify the release.")
    copied = {name: row[name] for name in _IMAGE if name != "labels_exhaustive"}
    return Scene(
        **copied,
        certain=tuple(sorted(row["labels_exhaustive"])),
        records={record["label"]: record["record_id"] for record in records},
        things=tuple(_thing(thing, row["width"], row["height"]) for thing in things),
    )


def _thing(row: dict[str, Any], width: int, height: int) -> Thing:
    x1, y1, x2, y2 = box = (row["x1"], row["y1"], row["x2"], row["y2"])
    reaches = min(x1, y1, width - x2, height - y2) < BORDER_PX
    cut = row["truncated"] or reaches
    tone = None if row["luma"] is None else Tone(*(row[field.name] for field in fields(Tone)))
    return Thing(row["object_id"], row["label"], box, row["area_px"], row["rle"], tone, row["track_id"] or None, cut)
