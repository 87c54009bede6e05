"""Gather scenes (one released image with its objects) from the tables of a release, the basis of every question.

All coordinates are in pixels of the released image. Questions and proofs both start from scenes, and share nothing
else but the phrases.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import groupby
from typing import Any, Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.columns.record_columns import objects_of
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.instructions.answers.published import round_place
from medmultipoints.transforms.records import SIDES, UNKNOWN, ReleasedObject

Item = TypeVar("Item")
BORDER_PX: Final = 0.5  # an object closer to the border touches it
_STILL: Final = pl.col("video_id").is_null()
_VIDEO: Final = pl.format("video {} {}", "source", "video_id")
_GROUP: Final = pl.when(_STILL).then(pl.format("image {}", "sample_id")).otherwise(_VIDEO)
_SET: Final = pl.when(_STILL).then(pl.format("stills {} {}", "split", pl.col("image_sha256").str.head(1)))
_SETS: Final = _SET.otherwise(_VIDEO)
"""Unrelated stills of a split are divided into 16 sets by hash, so that an added image changes only one set."""


@dataclass(frozen=True)
class Listed:
    """The count, points and boxes of a record, with all digits."""

    count: int
    points: list[list[float]]
    boxes: list[list[float]]

    @cached_property
    def rounded_points(self) -> list[list[float]]:
        """The points as written in answers."""
        return [round_place(point) for point in self.points]

    @cached_property
    def rounded_boxes(self) -> list[list[float]]:
        """The boxes as written in answers, except under the policy ``published``."""
        return [round_place(box) for box in self.boxes]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One image with its objects, sorted by label and index; ``certain`` are the labels whose absence is certain.

    ``records`` maps labels to record ids, ``listed`` maps them to the contents of the record; questions about the whole
    image belong to the first record. An object that reaches the border counts as truncated, since it may be cut.
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
    listed: dict[str, Listed]
    objects: tuple[ReleasedObject, ...]

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The boxes of the objects, one per row."""
        return np.array([item.box for item in self.objects], np.float64).reshape(-1, 4)

    @cached_property
    def centres(self) -> list[tuple[float, float]]:
        """The centres of the boxes."""
        found: list[tuple[float, float]] = ((self.edges[:, :2] + self.edges[:, 2:]) / 2).tolist()
        return found

    @cached_property
    def all_masked(self) -> bool:
        """Whether every object has a mask."""
        return all(item.rle for item in self.objects)

    @cached_property
    def by_label(self) -> dict[str, tuple[ReleasedObject, ...]]:
        """The objects of each label, in the order of its record."""
        labels: dict[str, list[ReleasedObject]] = {}
        for item in self.objects:
            labels.setdefault(item.label, []).append(item)
        return {label: tuple(items) for label, items in labels.items()}

    @cached_property
    def tracks(self) -> dict[str, dict[str, ReleasedObject]]:
        """The objects of each label by track; empty for a label that has an object without one."""
        return {
            label: {item.track_id: item for item in items if item.track_id} if all(t.track_id for t in items) else {}
            for label, items in self.by_label.items()
        }

    @property
    def is_described(self) -> bool:
        """Whether the source gives organ, finding and class of the image."""
        return UNKNOWN not in (self.organ, self.finding, self.classification)

    @property
    def first_record(self) -> str:
        """The id of the image's first record."""
        return min(self.records.values())

    def of(self, label: str) -> tuple[ReleasedObject, ...]:
        """Return the objects of a label, in the order of its record."""
        return self.by_label.get(label, ())

    def meeting(self, x1: float, y1: float, x2: float, y2: float) -> list[ReleasedObject]:
        """Return the objects whose boxes overlap a box in more than an edge."""
        if not len(self.edges):
            return []
        left, top, right, bottom = self.edges.T
        meets = (np.minimum(right, x2) > np.maximum(left, x1)) & (np.minimum(bottom, y2) > np.maximum(top, y1))
        return [self.objects[place] for place in np.flatnonzero(meets)]


_ROWS_AT_ONCE: Final = 10_000  # as Python objects
_OBJECT: Final = ("sample_id", "index", *column_names("objects", "object"))
_COPIED: Final = tuple(field.name for field in fields(Scene) if field.name in column_names("released_images"))


def gather_scenes(
    records: pl.DataFrame,
    objects: pl.DataFrame,
    images: pl.DataFrame,
    only: pl.DataFrame | None = None,
    *,
    stills: bool = False,
) -> Iterator[tuple[Scene, ...]]:
    """Yield groups of scenes, one at a time: the frames of a video in order, or a single image.

    ``stills``: unrelated stills form groups, too. ``only``: the wanted groups, in a column ``group`` from
    ``group_key``; by default all. Raise DataError for an image without records.
    """
    rows = images.with_columns(group=_SETS if stills else _GROUP).sort("group", "frame_index", "sample_id")
    if only is not None:
        rows = rows.join(only.select("group"), on="group", how="semi", maintain_order="left")
    place = rows.select("sample_id", "width", "height").with_row_index("place")
    sorted_objects = objects.select(_OBJECT).join(place, on="sample_id").sort("place", "label", "index")
    listed = records.select("sample_id", "label", "record_id", "count", "points", "bbox")
    listed = listed.join(place.select("sample_id", "place"), on="sample_id").sort("place", "label")
    items, named = _taker(sorted_objects, _objects), _taker(listed, lambda part: part.drop("sample_id", "place").rows())
    scenes = (_scene(row, named(at), items(at)) for at, row in enumerate(rows.iter_rows(named=True)))
    pairs = zip(rows["group"], scenes, strict=True)
    for _, members in groupby(pairs, key=lambda pair: pair[0]):
        yield tuple(scene for _, scene in members)


def group_key(images: pl.DataFrame, *, stills: bool = False) -> pl.DataFrame:
    """Return sample_id and group of each image: its video; for a still, the image itself or its set."""
    return images.select("sample_id", group=_SETS if stills else _GROUP)


def _taker(frame: pl.DataFrame, read: Callable[[pl.DataFrame], Sequence[Item]]) -> Callable[[int], list[Item]]:
    """Return a function that takes what is read of the rows of a place; places must ascend, and few are in memory."""
    parts = frame.iter_slices(_ROWS_AT_ONCE)
    read_rows = (pair for part in parts for pair in zip(part["place"].to_list(), read(part), strict=True))
    ahead = next(read_rows, None)

    def take(place: int) -> list[Item]:
        nonlocal ahead
        found = []
        while ahead is not None and ahead[0] == place:
            found.append(ahead[1])
            ahead = next(read_rows, None)
        return found

    return take


def _scene(row: Mapping[str, Any], records: Sequence[tuple[Any, ...]], items: Sequence[ReleasedObject]) -> Scene:
    if not records:
        raise DataError(f"image {row['sample_id']} has no record; verify the release.")
    return Scene(
        **{name: row[name] for name in _COPIED},
        certain=tuple(sorted(row["labels_exhaustive"])),
        records={label: record_id for label, record_id, *_ in records},
        listed={label: Listed(*contents) for label, _, *contents in records},
        objects=tuple(items),
    )


def _objects(part: pl.DataFrame) -> list[ReleasedObject]:
    """Return the objects of rows with the width and height of their image, built column by column."""
    x1, y1, x2, y2 = map(pl.col, SIDES)
    reaches = pl.min_horizontal(x1, y1, pl.col("width") - x2, pl.col("height") - y2) < BORDER_PX
    return objects_of(part.with_columns(truncated=pl.col("truncated") | reaches))
