"""Draw a few rows of a release with their pictures, by their ids, for a person to read."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson
import polars as pl
from markupsafe import Markup

from medmultipoints.data_lake.release.export.pictures import crops_among, cut_crops
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import (
    Picture,
    check_split,
    read_all_instructions,
    read_chosen_pictures,
    read_parquet,
)
from medmultipoints.data_lake.release.write.files import image_extension
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.report.html import Functions, load_template
from medmultipoints.transforms.dialects.conversations.prompts import GIVEN
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.pictures.crops import Crop, read_crop
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.drawing import STYLE, Shape, box_words, draw_point, draw_shape, legend, overlay
from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value
from medmultipoints.transforms.scoring.answers.items import Answer, Places, Truth, parts_of
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant

PLACE_KEYS = ("bbox_2d", "point_2d")
_MIME = {"jpg": "image/jpeg", "png": "image/png"}

TEMPLATE: Final = Path(__file__).with_name("sample.html.jinja")
MOST_NUMBERED: Final = 12  # more numbers would hide the objects


@dataclass(frozen=True, slots=True)
class Shown:
    """An image that a question shows: as the release stores it, or a crop of it."""

    picture: bytes
    width: int
    height: int

    @property
    def mime(self) -> str:
        return _MIME[image_extension(self.picture) or "png"]


@dataclass(frozen=True, slots=True)
class Given:
    """Boxes and points in a prompt, in pixels of the question's first image."""

    boxes: Places = ()
    points: Places = ()


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One instruction with its pictures.

    ``stated`` holds the objects parsed from the answer's text; ``boxes`` are those of the record, for comparison, in
    the published tasks; ``outline`` is that of a mask. ``images`` are all that the question shows, ``pictures`` the
    same in bytes; ``picture`` is the record's own, and ``crops`` are cut from it. All coordinates are pixels of the
    released picture.
    """

    instruction_id: str
    task: str
    label: str
    split: str
    prompt: str
    answer: str
    image_file: str
    width: int
    height: int
    picture: bytes
    mime: str
    stated: Answer
    boxes: Places
    images: tuple[str, ...]
    pictures: tuple[Shown, ...]
    outline: Places = ()

    @property
    def given(self) -> Given:
        """Boxes, and points inside and outside, that the prompt gives."""
        found = [orjson.loads(one) for one in GIVEN.findall(self.prompt)]
        boxes, points = ([place for one in found for place in _listed(one.get(key, ()))] for key in PLACE_KEYS)
        return Given(tuple(boxes), tuple(points))

    @property
    def place(self) -> int:
        """The position of the record's picture among the question's images, from 1."""
        return self.images.index(self.image_file) + 1

    @property
    def crops(self) -> tuple[tuple[int, Crop], ...]:
        """The question's images, by position from 1, that are crops of the picture."""
        found = ((place, read_crop(path)) for place, path in enumerate(self.images, 1))
        return tuple((place, crop) for place, crop in found if crop)


@dataclass(frozen=True, slots=True)
class Sample:
    """The sampled rows and the number of candidates."""

    release: str
    root: str
    rows: tuple[SampledRow, ...]
    of: int


@reads_release
def sample_release(
    folder: Path, number: int, *, task: str | None = None, split: str | None = None, seed: int = 0
) -> Sample:
    """Return ``number`` instructions of a task (or of all) and a split (or of all), sorted by id.

    The sha256 of seed and id decides the choice: an added row replaces at most one. UsageError for a task or split that
    the release does not have.
    """
    manifest = read_manifest(folder)
    check_split(manifest, split)
    rows = read_all_instructions(folder, manifest, split)
    tasks = sorted(rows["task"].unique())
    if task is not None and task not in tasks:
        raise UsageError(f"--task {task}: the release has no such task; it has {', '.join(tasks) or 'none'}.")
    wanted = rows if task is None else rows.filter(pl.col("task") == task)
    drawn = sorted(wanted["instruction_id"], key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    chosen = wanted.filter(pl.col("instruction_id").is_in(drawn[:number])).sort("instruction_id")
    records = _records(folder, manifest, split, chosen)
    files = {sha256_of(path) for path in chosen["image_files"].explode()}
    pictures = {one.image_sha256: one for one in read_chosen_pictures(folder, manifest, files, split)}
    found = tuple(_row(row, records[row["record_id"]], pictures) for row in chosen.iter_rows(named=True))
    return Sample(manifest.title, manifest.manifest_root, found, wanted.height)


def _records(folder: Path, manifest: Manifest, split: str | None, chosen: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the chosen records, without their pictures."""
    ids = set(chosen["record_id"])
    table = read_parquet(folder, manifest, "data", split).filter(pl.col("record_id").is_in(sorted(ids)))
    records = {row["record_id"]: row for row in table.iter_rows(named=True)}
    for record_id in sorted(ids - set(records)):
        raise DataError(f"instructions of record {record_id}: no such record. Run `medmultipoints verify`.")
    return records


def sha256_of(path: str) -> str:
    """Return the sha256 of the image at a release path, or of the image that a crop is cut from."""
    crop = read_crop(path)
    return crop.image_sha256 if crop else PurePosixPath(path).stem


def _shown(path: str, pictures: Mapping[str, Picture]) -> Shown:
    picture, crop = pictures.get(sha256_of(path)), read_crop(path)
    if picture is None:
        raise DataError(f"{path}: the split has no such image. Run `medmultipoints verify`.")
    if crop is None:
        return Shown(picture.data, picture.width, picture.height)
    ((_, data),) = cut_crops(picture, crops_among([path]))
    return Shown(data, crop.width, crop.height)


def _row(row: Mapping[str, Any], record: Mapping[str, Any], pictures: Mapping[str, Picture]) -> SampledRow:
    width, height = record["img_size"]
    shown = {path: _shown(path, pictures) for path in {row["image_file"], *row["image_files"]}}
    own = shown[row["image_file"]]
    answer = drawable(row["answer"])
    parts = parts_of(row["task"], _value(answer))
    asked = Truth(row["instruction_id"], row["task"], parts, 0, image_size=(width, height))
    copied = {name: row[name] for name in ("instruction_id", "task", "split", "prompt", "answer", "image_file")}
    return SampledRow(
        **copied,
        label=record["label"],
        width=width,
        height=height,
        picture=own.picture,
        mime=own.mime,
        stated=read_tolerant(asked, answer) if parts else Answer(),
        boxes=tuple(tuple(map(float, box)) for box in record["bbox"]) if row["task"] in PUBLISHED else (),
        images=tuple(row["image_files"]),
        pictures=tuple(shown[path] for path in row["image_files"]),
        outline=_outline(_value(answer)),
    )


def _outline(value: Any) -> Places:
    """Return the corners of the outline in a mask answer."""
    return tuple(map(tuple, value["polygon"])) if isinstance(value, dict) and value.get("polygon") else ()


def _listed(places: Sequence[Any]) -> Places:
    """Return one place or many as a list."""
    many = bool(places) and isinstance(places[0], list)
    return tuple(map(tuple, places if many else [places] if places else []))


def drawable(answer: str) -> str:
    """Return the answer; of a description only the regions that it mentions."""
    value = _value(answer)
    regions = value.get("regions") if isinstance(value, dict) else None
    return orjson.dumps(regions).decode() if regions else answer


def _value(answer: str) -> Any:
    try:
        return find_value(answer)
    except NoAnswer:
        return None


def render_page(sample: Sample) -> str:
    """Return the page: the same sample gives the same text.

    Boxes and points of each answer are drawn over the released picture's own bytes.
    """
    functions: Functions = {
        "picture": _picture,
        "drawn": lambda row, place: Markup("".join(_drawn(row, place))),  # noqa: S704 (its words are escaped)
        "described": describe,
        "legend": lambda *kinds: Markup(legend(kinds)),  # noqa: S704 (its words are ours)
        "style": lambda: Markup(STYLE),  # noqa: S704
        "prompt": bare_prompt,
    }
    return load_template(TEMPLATE, functions=functions).render(sample=sample)


def describe(row: SampledRow) -> str:
    """Return the alternative text of a drawing."""
    stated = row.stated
    parts = [] if stated.count is None else [f"count {stated.count}"]
    for name, places in (("box", stated.boxes), ("point", stated.points)):
        if places is not None:
            parts.append(plural(len(places), name, "boxes" if name == "box" else None))
    shown = "".join(
        f"; image {place} is columns {crop.x1} to {crop.x2} and rows {crop.y1} to {crop.y2} of it"
        for place, crop in row.crops
    )
    answer = ", ".join(parts) or "not of a kind that is drawn"
    return f"{row.label}, {row.width} by {row.height} pixels{shown}; answer: {answer}"


def bare_prompt(row: SampledRow) -> str:
    """Return the prompt without the placeholders of its pictures."""
    return row.prompt.replace("<image>", "").strip()


def _picture(shown: Shown) -> str:
    return f"data:{shown.mime};base64,{base64.b64encode(shown.picture).decode()}"


def _drawn(row: SampledRow, place: int) -> Iterator[str]:
    """Draw the prompt's places over the question's first image, and the answer over the record's image."""
    shown = row.pictures[place - 1]
    unit = max(shown.width, shown.height) / 100
    parts: list[str] = []
    if place == row.place:
        parts += _answer(row, unit)
    if place == 1:
        parts += _boxes("given", row.given.boxes, unit)
        parts += [part for point in row.given.points for part in draw_point(point, unit, "given")]
    yield overlay(shown.width, shown.height, parts)


def _answer(row: SampledRow, unit: float) -> Iterator[str]:
    stated = row.stated
    if row.outline:
        yield from draw_shape(Shape("mask", outlines=(tuple((x, y) for x, y in row.outline),)), unit)
    yield from _boxes("object", stated.boxes or (), unit)
    if not stated.boxes:
        yield from _boxes("record", row.boxes, unit)
    yield from _boxes("crop", [(crop.x1, crop.y1, crop.x2, crop.y2) for _, crop in row.crops], unit)
    for point in stated.points or ():
        yield from draw_point(point, unit)
    places = stated.boxes or stated.points or ()
    if 1 < len(places) <= MOST_NUMBERED:
        for number, (x, y, *_) in enumerate(places, 1):
            above = y - unit / 2 if y > 4 * unit else y + 3 * unit
            yield f'<text x="{x + unit / 2:.6g}" y="{above:.6g}" style="font-size: {2.6 * unit:.6g}px">{number}</text>'


def _boxes(kind: str, boxes: Iterable[Sequence[float]], unit: float) -> Iterator[str]:
    for x1, y1, x2, y2 in boxes:
        box = (x1, y1, x2, y2)
        yield from draw_shape(Shape(kind, box=box, words=box_words(kind, box)), unit)
