"""Parse YOLO label lines, with and without track ids, into objects in pixels.

``labels`` hold ``class cx cy w h``, ``labels_ftid`` hold ``track_id class cx cy w h``, both normalised to
the frame, with the same rows in the same order. Values come from the first, ids from the second.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Final, NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Sample
from medmultipoints.transforms.regions.decimals import DECIMAL, parse_decimal
from medmultipoints.transforms.reporting.counted import plural

TRUNCATED_BEYOND_PX = 0.01
STEP = 2e-6
"""Tolerance of values with six decimals: between files, and beyond the edge of the frame."""
_ROUNDING = 1e-12  # two six-digit decimals that differ by the tolerance differ by a little more in float64
_BLANKS: Final = b"\t\v\f\x1c\x1d\x1e\x1f"
"""What ``split`` takes for a blank besides spaces and line breaks."""
Classes = tuple[str, ...]
"""Labels of the class numbers, from 0."""


class LabelProblem(MemberProblem):
    """Raised if a frame's label files cannot be used; the detail quotes file, line number and line."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelRows:
    """Rows of one label file, in file order.

    ``lines`` (from 1) and ``texts`` are for messages; ``values`` (rows x 4) are cx, cy, w, h as in the file;
    ``track_ids`` is empty for a file without ids.
    """

    file: str
    lines: tuple[int, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    values: NDArray[np.float64]
    track_ids: tuple[str, ...]

    def refuse(self, row: int, reason: str, problem: str) -> NoReturn:
        """Raise a LabelProblem that quotes a row."""
        _refuse(self.file, self.lines[row], self.texts[row], reason, problem)

    def where(self, row: int) -> str:
        """Return file and line number of a row, for messages."""
        return f"{self.file}, line {self.lines[row]}"


FilePair = tuple[str, str]
"""The members of a label file and of the file with its track ids."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackRows:
    """Objects of one frame, in file order.

    ``boxes`` (rows x 4: x1, y1, x2, y2) are half-open, in float64 pixels, clipped to the frame; ``truncated``: an edge
    lay beyond the frame by more than 0.01 px.
    """

    labels: tuple[str, ...]
    boxes: NDArray[np.float64]
    truncated: NDArray[np.bool_]
    track_ids: tuple[str, ...]


@cache
def _plain(classes: int, tracked: bool) -> re.Pattern[str]:
    """Return what a well-formed file is, with single blanks: it is read six times as fast (27 objects) as by lines."""
    row = rf"(?:{'|'.join(map(str, range(classes)))})(?: {DECIMAL}){{4}}(?:\r?\n|\Z)"
    return re.compile(rf"(?:\S++ {row})+" if tracked else f"(?:{row})+")


def parse_labels(data: bytes, classes: Classes, *, file: str = "label file") -> LabelRows:
    """Return the rows of a label file.

    Centre and size must be decimal numbers in [0, 1], within ``STEP``, and the size positive.
    Errors: LabelProblem with ``label_file_empty``, ``label_field_count``, ``label_class_unknown`` or
    ``label_row_invalid``.
    """
    return _parse_rows(data, classes, file, tracked=False)


def parse_tracked(data: bytes, classes: Classes, *, file: str = "track file") -> LabelRows:
    """Return the rows of a label file with track ids.

    Errors: LabelProblem as in parse_labels, and ``duplicate_track_id``.
    """
    rows = _parse_rows(data, classes, file, tracked=True)
    if len(set(rows.track_ids)) < len(rows.track_ids):
        first: dict[str, int] = {}
        for row, track_id in enumerate(rows.track_ids):
            other = first.setdefault(track_id, row)
            if other != row:
                detail = f"{rows.where(row)}: track {track_id!r} is at {rows.where(other)} too"
                raise LabelProblem("duplicate_track_id", detail)
    return rows


class JoinedFiles:
    """Label files that are well-formed and agree with their track files, joined together.

    All files of a video at once take a third of the time of one after the other, without an object per row.
    """

    def __init__(
        self,
        places: Mapping[FilePair, slice],
        labels: Sequence[str],
        values: NDArray[np.float64],
        track_ids: Sequence[str],
    ) -> None:
        self._places, self._labels, self._values, self._track_ids = places, tuple(labels), values, tuple(track_ids)
        self._size, self._scaled = (0, 0), _scale(values, 0, 0)

    def objects(self, files: FilePair, width: int, height: int) -> TrackRows | None:
        """Return what ``join_tracks`` does for a label file and a track file; None: parse them alone, which says why.

        All rows are scaled at once to the size of a frame, which most frames of a video share.
        """
        own = self._places.get(files)
        if own is None:
            return None
        if self._size != (width, height):
            self._size, self._scaled = (width, height), _scale(self._values, width, height)
        boxes, truncated, solid = self._scaled
        if not solid[own].all():
            return None
        return TrackRows(self._labels[own], boxes[own], truncated[own], self._track_ids[own])


def join_label_files(samples: Iterable[Sample], read: Callable[[str], bytes], classes: Classes) -> JoinedFiles:
    """Return the samples' label files that are well-formed, joined; ``read`` returns a member's bytes."""
    pairs = {(one.label_member, one.track_member) for one in samples if one.label_member and one.track_member}
    held = {files: _read_pair(files, read) for files in sorted(pairs, key=_is_single)}
    texts = {files: own for files, own in held.items() if own}
    try:
        labels = _read_table((own for own, _ in texts.values()), classes, tracked=False)
        tracked = _read_table((own for _, own in texts.values()), classes, tracked=True)
    except pa.ArrowInvalid:  # a line of another form
        return JoinedFiles({}, (), np.empty((0, 4)), ())
    single = slice(len(labels.values), None)
    values = np.concatenate([labels.values, tracked.values[single]])
    numbers = np.concatenate([labels.numbers, tracked.numbers[single]])
    sound = _sound(values) & _sound(tracked.values) & ~_are_apart(values, tracked.values)
    sound &= (numbers == tracked.numbers) & (numbers >= 0)
    places, end = {}, 0
    for files, (_, text) in texts.items():
        start, end = end, end + text.count(b"\n")
        if sound[start:end].all() and len(set(tracked.track_ids[start:end])) == end - start:
            places[files] = slice(start, end)
    names = (*classes, "")  # the last is of unknown numbers, which are in no place
    return JoinedFiles(places, [names[number] for number in numbers.tolist()], values, tracked.track_ids)


def _is_single(files: FilePair) -> bool:
    """Return whether one file holds labels and track ids; such files come last when files are joined."""
    return files[0] == files[1]


def _read_pair(files: FilePair, read: Callable[[str], bytes]) -> tuple[bytes, bytes] | None:
    """Return the texts of two files with equally many lines, the first empty for a single file; None: parse alone."""
    try:
        own, tracked = (read(file).removeprefix(codecs.BOM_UTF8) for file in files)
    except MemberProblem:
        return None
    texts = [text if text.endswith(b"\n") else text + b"\n" for text in (own, tracked)]
    if (
        not (own.strip() and tracked.strip())
        or texts[0].count(b"\n") != texts[1].count(b"\n")
        or not all(_has_plain_blanks(text) for text in (own, tracked))
    ):
        return None
    return b"" if _is_single(files) else texts[0], texts[1]


def _has_plain_blanks(text: bytes) -> bool:
    """Return whether a text is ASCII, and spaces and line breaks are the only blanks in it."""
    return (
        text.isascii() and text.count(b"\r") == text.count(b"\r\n") and len(text.translate(None, _BLANKS)) == len(text)
    )


class _Table(NamedTuple):
    """Rows of label files: values (rows x 4), class numbers, -1 for an unknown class, and track ids."""

    values: NDArray[np.float64]
    numbers: NDArray[np.int64]
    track_ids: list[str]


def _read_table(texts: Iterable[bytes], classes: Classes, *, tracked: bool) -> _Table:
    """Return the rows of texts with plain blanks. Raise ArrowInvalid for another number of fields, or no number."""
    types = {"id": pa.string(), "class": pa.string(), **dict.fromkeys("xywh", pa.float64())}
    names = list(types)[not tracked :]
    table = csv.read_csv(
        pa.BufferReader(b"".join([f"{' '.join(names)}\n".encode(), *texts])),
        csv.ReadOptions(use_threads=False),
        csv.ParseOptions(delimiter=" ", quote_char=False, ignore_empty_lines=False),
        csv.ConvertOptions(column_types=types, null_values=[]),
    )
    known = pa.array([str(number) for number in range(len(classes))], pa.string())
    numbers = pc.index_in(table["class"], known).fill_null(-1).to_numpy()
    values = np.column_stack([table[name].to_numpy() for name in "xywh"])
    return _Table(values, numbers, table["id"].to_pylist() if tracked else [])


def join_tracks(labels: LabelRows, tracked: LabelRows, width: int, height: int, tolerance: float = STEP) -> TrackRows:
    """Return the objects of one frame of width x height pixels: values from ``labels``, ids from ``tracked``.

    Both must have the same classes row by row, and values within ``tolerance`` of each other
    (the file with ids is rounded to six digits). Boxes are clipped to the frame.
    Errors: LabelProblem ``label_track_mismatch`` with the lines of both files; ``label_row_invalid`` if a box
    has no area.
    """
    _check_same(labels, tracked, tolerance)
    boxes, truncated, solid = _scale(labels.values, width, height)
    for row in np.flatnonzero(~solid).tolist():
        labels.refuse(row, "label_row_invalid", f" has no area in a {width}x{height} frame")
    return TrackRows(labels.labels, boxes, truncated, tracked.track_ids)


def _scale(
    values: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return boxes in pixels, clipped to the frame, which of them were cut off, and which have an area.

    Scaling centre and half size before adding them restores whole-pixel edges far more often than (cx - w / 2) * width.
    """
    frame = np.array([width, height], np.float64)
    centre, half = values[:, :2] * frame, values[:, 2:] * frame / 2
    low, high = centre - half, centre + half
    truncated = np.asarray((np.maximum(-low, high - frame) > TRUNCATED_BEYOND_PX).any(axis=1))
    low, high = np.maximum(low, 0.0) + 0.0, np.minimum(high, frame)  # + 0.0: no negative zero
    return np.hstack([low, high]), truncated, np.asarray((low < high).all(axis=1))


def _check_same(labels: LabelRows, tracked: LabelRows, tolerance: float) -> None:
    if len(labels.lines) != len(tracked.lines):
        files = ", ".join(f"{rows.file} has {plural(len(rows.lines), 'row')}" for rows in (labels, tracked))
        raise LabelProblem("label_track_mismatch", files)
    far = _are_apart(labels.values, tracked.values, tolerance)
    if labels.labels == tracked.labels and not far.any():
        return
    for row, (label, other) in enumerate(zip(labels.labels, tracked.labels, strict=True)):
        if label != other or far[row]:
            says = (f"{rows.where(row)} says {rows.texts[row]!r}" for rows in (labels, tracked))
            raise LabelProblem("label_track_mismatch", ", ".join(says))


def _are_apart(values: NDArray[np.float64], others: NDArray[np.float64], tolerance: float = STEP) -> NDArray[np.bool_]:
    return np.asarray((np.abs(values - others) > tolerance + _ROUNDING).any(axis=1))


def inconsistent_tracks(frames: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, str]:
    """Return the frames of one video in which a track changes its class: sample id to a sentence.

    ``frames`` holds track id and label of each tracked object, by sample id. A track's class is the one of most of its
    frames (the first by name if tied), so the order of the frames does not matter.
    """
    pairs_of_all = set(chain.from_iterable(frames.values()))
    if len(pairs_of_all) == len({track_id for track_id, _ in pairs_of_all}):
        return {}
    seen = Counter(chain.from_iterable(frames.values()))
    usual: dict[str, str] = {}
    for (track_id, label), _ in sorted(seen.items(), key=lambda one: (-one[1], one[0])):
        usual.setdefault(track_id, label)
    problems = {
        sample_id: sorted(
            f"track {track_id!r} is {label!r} here and {usual[track_id]!r} in most frames"
            for track_id, label in pairs
            if label != usual[track_id]
        )
        for sample_id, pairs in sorted(frames.items())
    }
    return {sample_id: "; ".join(sentences) for sample_id, sentences in problems.items() if sentences}


def _parse_rows(data: bytes, classes: Classes, file: str, *, tracked: bool) -> LabelRows:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelProblem("label_row_invalid", f"{file}: is not UTF-8 text ({error})") from error
    parse = _well_formed_rows if _plain(len(classes), tracked).fullmatch(text) else _irregular_rows
    rows = parse(file, text, classes, tracked)
    for row in np.flatnonzero(~_sound(rows.values)).tolist():
        rows.refuse(row, "label_row_invalid", ": centre and size must be finite and in [0, 1], the size above 0")
    return rows


def _sound(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the mask of rows whose centre and size are finite and in [0, 1], the size above 0.

    Rounding to six decimals may pass the edge by less than a step; comparisons with NaN are false.
    """
    sound = (values >= -STEP - _ROUNDING) & (values <= 1 + STEP + _ROUNDING)
    sound[:, 2:] &= values[:, 2:] > 0
    return np.asarray(sound.all(axis=1))


def _well_formed_rows(file: str, text: str, classes: Classes, tracked: bool) -> LabelRows:
    """Return the rows of a file in which every line matches the layout."""
    words, texts, first = text.split(), text.splitlines(), int(tracked)
    width = first + 5
    columns = [list(map(float, words[first + at :: width])) for at in range(1, 5)]
    return LabelRows(
        file=file,
        lines=tuple(range(1, len(texts) + 1)),
        texts=tuple(texts),
        labels=tuple(classes[int(word)] for word in words[first::width]),
        values=np.array(columns).T,
        track_ids=tuple(words[::width]) if tracked else (),
    )


def _irregular_rows(file: str, text: str, classes: Classes, tracked: bool) -> LabelRows:
    """Return the rows of a file with other blanks or empty lines; raise LabelProblem for the first bad line."""
    texts = {number: found for number, line in enumerate(text.splitlines(), start=1) if (found := line.strip())}
    if not texts:
        raise LabelProblem("label_file_empty", f"{file}: the file has no rows; frames without objects have no file")
    fields = [_fields(file, number, found, classes, tracked) for number, found in texts.items()]
    return LabelRows(
        file=file,
        lines=tuple(texts),
        texts=tuple(texts.values()),
        labels=tuple(classes[int(row[-5])] for row in fields),
        values=np.array([_numbers(file, place, row) for place, row in zip(texts.items(), fields, strict=True)]),
        track_ids=tuple(row[0] for row in fields) if tracked else (),
    )


def _fields(file: str, number: int, text: str, classes: Classes, tracked: bool) -> list[str]:
    """Return the words of a line; raise LabelProblem if their number or the class is wrong."""
    fields = text.split()
    if len(fields) != (6 if tracked else 5):
        layout = "6 (track_id class cx cy w h)" if tracked else "5 (class cx cy w h)"
        _refuse(file, number, text, "label_field_count", f" has {len(fields)} fields, expected {layout}")
    if fields[-5] not in map(str, range(len(classes))):
        known = ", ".join(f"{key} ({value})" for key, value in enumerate(classes))
        _refuse(file, number, text, "label_class_unknown", f" has the class {fields[-5]!r}, expected one of {known}")
    return fields


def _numbers(file: str, place: tuple[int, str], fields: list[str]) -> list[float]:
    try:
        return [parse_decimal(field) for field in fields[-4:]]
    except ValueError:
        _refuse(file, *place, "label_row_invalid", " has a field that is not a decimal number")


def _refuse(file: str, number: int, text: str, reason: str, problem: str) -> NoReturn:
    raise LabelProblem(reason, f"{file}, line {number}: {text!r}{problem}") from None
