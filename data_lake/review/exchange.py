"""Export a release's labels to another tool, and import its edited file as entries of the corrections."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import orjson

from medmultipoints.data_lake.release.export.folder import export_folder, write_mark
from medmultipoints.data_lake.release.read.released_tables import read_quarantine, splits_of
from medmultipoints.data_lake.review.corrections_file import CORRECTIONS, OPINIONS, Change, CorrectionsFile, Entries
from medmultipoints.data_lake.review.decide import EDITS, file_name, outline_mask, sign
from medmultipoints.data_lake.review.desk import Desk, Row
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Annotation, Box, VideoFacts
from medmultipoints.transforms.reporting.counted import first_few
from medmultipoints.transforms.review.entries import edit_entries, tidy_box
from medmultipoints.transforms.review.exports import (
    OBJECT_ID,
    CorrectedPicture,
    Sheet,
    annotation_page,
    coco_page,
    cvat_xml,
    label_config,
    label_studio_tasks,
)
from medmultipoints.transforms.review.region_edits import mask_code, mask_sides
from medmultipoints.transforms.review.returning import Returned, match_returned
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats import coco, cvat, label_studio

Tool = Literal["cvat", "label-studio"]
DecisionForm = Literal["w3c", "coco"]
FORMATS: Final = (cvat.FORMAT, coco.FORMAT, label_studio.FORMAT)
SHOWN: Final = 5


@dataclass(slots=True)
class Import:
    """The outcome of an import: changed and unchanged pictures, written entries as text, and omissions."""

    changed: int = 0
    unchanged: int = 0
    entries: int = 0
    left_out: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    opinions: int = 0

    def count(self, new: Sequence[Mapping[str, Any]], *, as_opinions: bool) -> None:
        """Count the new entries of a picture."""
        self.entries += len(new)
        self.opinions += len(new) if as_opinions else 0
        self.changes += [describe_change(entry) for entry in new]
        self.changed += bool(new)
        self.unchanged += not new


def export_labels(desk: Desk, tool: Tool, folder: Path) -> int:
    """Write pictures and pre-annotations for a tool into a new folder; return the number of pictures."""
    sheets = list(_sheets(desk))
    manifest, splits = desk.manifest, splits_of(desk.manifest)
    with export_folder(folder, manifest, splits, f"review-{tool}") as made:
        (made / "images").mkdir()
        for sheet in sheets:
            (made / sheet.file).write_bytes(desk.pictures.read(sheet.image_sha256) or b"")
        if tool == "cvat":
            with (made / "annotations.xml").open("w", encoding="utf-8") as file:
                file.writelines(cvat_xml(sheets, desk.labels, desk.manifest.title))
        else:
            tasks = label_studio_tasks(sheets, folder.name, desk.manifest.title)
            (made / "tasks.json").write_bytes(orjson.dumps(tasks, option=orjson.OPT_INDENT_2))
            (made / "label_config.xml").write_text(label_config(desk.labels), "utf-8")
        images = {one.file: {"sample_id": one.sample_id, "image_sha256": one.image_sha256} for one in sheets}
        write_mark(made, manifest, splits, f"review-{tool}", images=images)
    return len(sheets)


def export_decisions(desk: Desk, folder: Path, form: DecisionForm = "w3c") -> int:
    """Write the decisions in a release to a new folder, without pictures; return their number.

    ``w3c``: Web Annotations, one per decision. ``coco``: the corrected pictures, each with all its released objects.
    """
    manifest, name = desk.manifest, f"review-{form}"
    found = read_quarantine(desk.folder, manifest, "corrections")
    rows = [] if found is None else found.to_dicts()
    sizes = {row["sample_id"]: (row["original_width"], row["original_height"]) for row in desk.images()}
    if form == "w3c":
        page = annotation_page(desk.manifest.title, ((row, sizes.get(row["sample_id"])) for row in rows))
    else:
        page = coco_page(desk.manifest.title, _corrected(desk, rows, sizes))
    splits = splits_of(manifest)
    with export_folder(folder, manifest, splits, name) as made:
        (made / "annotations.json").write_bytes(orjson.dumps(page, option=orjson.OPT_INDENT_2))
        write_mark(made, manifest, splits, name)
    return len(rows)


def _corrected(desk: Desk, rows: Sequence[Row], sizes: Mapping[str, tuple[int, int]]) -> Iterator[CorrectedPicture]:
    """Yield the pictures whose labels a reviewer changed; an acceptance changes none."""
    by_image: dict[str, list[Row]] = {}
    for row in rows:
        by_image.setdefault(row["sample_id"], []).append(row)
    for name, own in by_image.items():
        if any(row["action"] != "accept" for row in own):
            yield CorrectedPicture(
                sample_id=name,
                image_sha256=own[0]["image_sha256"],
                decisions=own,
                size=sizes.get(name),
                objects=desk.seen(name),
            )


def _sheets(desk: Desk) -> Iterator[Sheet]:
    for image in desk.images():
        if image["image_sha256"] not in desk.pictures:
            continue
        scale = image["scale"]
        yield Sheet(
            file=image["image_file"],
            sample_id=image["sample_id"],
            image_sha256=image["image_sha256"],
            width=image["width"],
            height=image["height"],
            objects=tuple(
                replace(one, box=_scaled(one.box, scale), rle=one.rle if scale == 1 else None)
                for one in desk.seen(image["sample_id"])
            ),
        )


def import_labels(desk: Desk, source: Path, file: CorrectionsFile, reviewer: str, reason: str) -> Import:
    """Turn an edited export of CVAT, COCO or Label Studio into entries; if any part is unclear, nothing is written.

    Pictures that the file does not name are left unchanged. DataError names what cannot be matched or read.
    """
    members = _Members(desk, source)
    report = Import()
    pictures: list[AnnotatedPicture] = []
    problems: list[str] = []
    for found in _format_of(members).read(Declaration(format="any", annotators="latest"), members):
        if isinstance(found, AnnotatedPicture):
            pictures.append(found)
        else:
            (problems if found.verdict == "rejected" else report.left_out).append(_said(found))
    if problems:
        text = first_few(problems, SHOWN, "; ")
        raise DataError(f"{source.name}: {text}. Nothing was imported; correct the file.")
    with file.change() as (entries, change):
        for picture in pictures:
            if not picture.annotated:
                continue
            image = members.images[picture.member]
            new, masks = _entries(desk, image, picture, reviewer, reason)
            others = any(e["image"] == image["sample_id"] and e["reviewer"] != reviewer for e in entries.corrections)
            _remove_edits(entries, change, image["sample_id"], reviewer)
            for entry in new:
                change.add(OPINIONS if others else CORRECTIONS, entry)
            change.masks |= masks
            report.count(new, as_opinions=others)
    return report


def _remove_edits(entries: Entries, change: Change, image: str, reviewer: str) -> None:
    """Remove the reviewer's earlier edits of an image, which the new ones replace."""
    for table, old in ((CORRECTIONS, entries.corrections), (OPINIONS, entries.opinions)):
        for entry in old:
            if entry["image"] == image and entry["reviewer"] == reviewer and entry["action"] in EDITS:
                change.remove(table, entry)


def describe_change(entry: Mapping[str, Any]) -> str:
    """Return the change of an entry and its picture, in one line."""
    about = " ".join(filter(None, [entry["action"].replace("_", " "), entry.get("label")]))
    whole = "" if entry.get("object") or entry["action"] != "exclude" else " the whole picture"
    return f"{entry['image']}: {about}{whole}{' (one object)' if entry.get('object') else ''}"


def _entries(desk: Desk, image: Row, picture: AnnotatedPicture, reviewer: str, reason: str) -> Any:
    stated = (picture.width, picture.height)
    shown, original = (image["width"], image["height"]), (image["original_width"], image["original_height"])
    if stated not in ((None, None), shown, original):
        raise DataError(
            f"{picture.member}: its annotations are for {stated[0]} x {stated[1]} px, the picture has {shown[0]} x "
            f"{shown[1]}. It was resized: annotate the exported picture."
        )
    scale = image["scale"] if stated != original else 1.0
    seen = desk.seen(image["sample_id"])
    if crowd := next((one for one in picture.annotations if one.crowd), None):
        raise DataError(f"{crowd.key}: a region of many (iscrowd) is not an object here. Draw its objects one by one.")
    returned = [_returned(desk, one, scale, original) for one in picture.annotations if not one.ignore]
    by = sign(image["sample_id"], image["image_sha256"], reviewer, reason)
    return edit_entries(by, seen, match_returned(seen, returned), original, file_name(image["sample_id"]))


def _returned(desk: Desk, one: Annotation, scale: float, size: tuple[int, int]) -> Returned:
    if one.label not in desk.labels:
        raise DataError(f"{one.key}: '{one.label}' is not a label of the recipe, which has {', '.join(desk.labels)}.")
    known = one.attributes.get(OBJECT_ID)
    rle = one.rle
    if rle is not None and scale != 1:
        raise DataError(f"{one.key}: a mask of a resized picture cannot be taken back. Draw a polygon.")
    if one.polygons:
        outlines = [[(point.x / scale, point.y / scale) for point in polygon] for polygon in one.polygons]
        rle = mask_code(outline_mask(outlines, size))
    box = one.box
    if rle is not None:  # encode it again, because tools end their runs in other ways
        mask = decode_rle(rle, size[1], size[0])
        return Returned(label=one.label, box=mask_sides(mask), rle=mask_code(mask), object_id=known)
    if box is None:
        raise DataError(f"{one.key}: a point alone is not an object here. Draw a box or an outline.")
    sides = [side / scale for side in (box.x1, box.y1, box.x2, box.y2)]
    return Returned(label=one.label, box=_tidy(one.key, sides, size), object_id=known)


def _tidy(key: str, sides: Sequence[float], size: tuple[int, int]) -> Box:
    """Return the box, rounded to six decimals; DataError if it is not a box inside the picture."""
    try:
        tidy_box(sides, *size)
    except UsageError as error:
        raise DataError(f"{key}: {error}") from error
    return Box(*(round(side, 6) for side in sides))


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(round(side * scale, 6) for side in (box.x1, box.y1, box.x2, box.y2)))


def _said(problem: ReadProblem) -> str:
    return problem.detail if problem.key in problem.detail else f"{problem.key}: {problem.detail}"


def _format_of(members: "_Members") -> Any:
    for known in FORMATS:
        if known.recognise(members, {}) is not None:
            return known
    raise UsageError(
        f"{members.source.name} is not an export that is read. Export CVAT for images 1.1, COCO or Label Studio JSON."
    )


class _Members:
    """The edited file with the release's pictures that it names by hash."""

    def __init__(self, desk: Desk, source: Path) -> None:
        try:
            self._data = source.read_bytes()
        except OSError as error:
            raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
        self.source, self._desk = source, desk
        named = [row for row in desk.images() if row["image_sha256"].encode() in self._data]
        self.images: Mapping[str, Row] = {row["image_file"]: row for row in named}

    def names(self) -> Sequence[str]:
        return sorted([self.source.name, *self.images])

    def read(self, name: str) -> bytes:
        if name == self.source.name:
            return self._data
        return self._desk.pictures.read(self.images[name]["image_sha256"]) or b""

    def head(self, name: str, count: int) -> bytes:
        return self.read(name)[:count]

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self.read(name))

    def video_facts(self, name: str) -> VideoFacts:
        raise UsageError(f"{name} is not a video.")
