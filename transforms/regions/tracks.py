"""Parse YOLO label lines, with and without track ids, into objects in pixels.

``labels`` hold ``class cx cy w h``, ``labels_ftid`` hold ``track_id class cx cy w h``, both normalised to
the frame, with the same rows in the same order. Values come from the first, ids from the second.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Sample
from medmultipoints.transforms.regions.decimals import DECIMAL, parse_decimal
from medmultipoints.transforms.reporting.counted import plural

TRUNCATED_BEYOND_PX = 0.01
STEP = 2e-6
"""Tolerance of values with six decimals: between files, and beyond the edge of the frame."""
_ROUNDING = 1e-12  # two six-digit decimals that differ by the tolerance differ by a little more in float64
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


ParsedLabels = Mapping[str, LabelRows]
"""Rows of label files by member."""


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


def parse_label_files(samples: Iterable[Sample], read: Callable[[str], bytes], classes: Classes) -> ParsedLabels:
    """Return the rows of the samples' well-formed label files, parsed together; the others need ``parse_labels``.

    All files of a video at once take a third of the time of one after the other.
    """
    held = [(one.label_member, one.track_member) for one in samples if one.label_member and one.track_member]
    labels = _parse_together((label for label, track in held if label != track), read, classes, tracked=False)
    return labels | _parse_together((track for _, track in held), read, classes, tracked=True)


def _parse_together(
    members: Iterable[str], read: Callable[[str], bytes], classes: Classes, *, tracked: bool
) -> dict[str, LabelRows]:
    """Return the rows of the files that are well-formed and sound, by member; ``read`` returns a member's bytes."""
    texts: dict[str, str] = {}
    for member in members:
        with suppress(MemberProblem, UnicodeDecodeError):
            text = read(member).decode("utf-8-sig")
            if _plain(len(classes), tracked).fullmatch(text):
                texts[member] = text if text.endswith("\n") else f"{text}\n"
    rows = _well_formed_rows("", "".join(texts.values()), classes, tracked)
    sound, found, end = _sound(rows.values), {}, 0
    for member, text in texts.items():
        start, end = end, end + text.count("\n")
        ids = rows.track_ids[start:end]
        if sound[start:end].all() and len(set(ids)) == len(ids):
            lines, part = tuple(range(1, end - start + 1)), slice(start, end)
            found[member] = LabelRows(member, lines, rows.texts[part], rows.labels[part], rows.values[part], ids)
    return found


def join_tracks(labels: LabelRows, tracked: LabelRows, width: int, height: int, tolerance: float = STEP) -> TrackRows:
    """Return the objects of one frame of width x height pixels: values from ``labels``, ids from ``tracked``.

    Both must have the same classes row by row, and values within ``tolerance`` of each other
    (the file with ids is rounded to six digits). Boxes are clipped to the frame.
    Errors: LabelProblem ``label_track_mismatch`` with the lines of both files; ``label_row_invalid`` if a box
    has no area.
    """
    _check_same(labels, tracked, tolerance)
    # Scaling centre and half size before adding them restores whole-pixel edges far more often than
    # (cx - w / 2) * width.
    frame = np.array([width, height], np.float64)
    centre, half = labels.values[:, :2] * frame, labels.values[:, 2:] * frame / 2
    low, high = centre - half, centre + half
    truncated = np.asarray((np.maximum(-low, high - frame) > TRUNCATED_BEYOND_PX).any(axis=1))
    low, high = np.maximum(low, 0.0) + 0.0, np.minimum(high, frame)  # + 0.0: no negative zero
    for row in np.flatnonzero((low >= high).any(axis=1)).tolist():
        labels.refuse(row, "label_row_invalid", f" has no area in a {width}x{height} frame")
    return TrackRows(labels.labels, np.hstack([low, high]), truncated, tracked.track_ids)


def _check_same(labels: LabelRows, tracked: LabelRows, tolerance: float) -> None:
    if len(labels.lines) != len(tracked.lines):
        files = ", ".join(f"{rows.file} has {plural(len(rows.lines), 'row')}" for rows in (labels, tracked))
        raise LabelProblem("label_track_mismatch", files)
    apart = np.abs(labels.values - tracked.values)
    if labels.labels == tracked.labels and apart.max() <= tolerance + _ROUNDING:
        return
    far = np.asarray((apart > tolerance + _ROUNDING).any(axis=1))
    for row, (label, other) in enumerate(zip(labels.labels, tracked.labels, strict=True)):
        if label != other or far[row]:
            says = (f"{rows.where(row)} says {rows.texts[row]!r}" for rows in (labels, tracked))
            raise LabelProblem("label_track_mismatch", ", ".join(says))


def inconsistent_tracks(frames: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, str]:
    """Return the frames of one video in which a track changes its class: sample id to a sentence.

    ``frames`` holds track id and label of each tracked object, by sample id. A track's class is the one of most of its
    frames (the first by name if tied), so the order of the frames does not matter.
    """
    seen = Counter(chain.from_iterable(frames.values()))
    usual: dict[str, str] = {}
    for (track_id, label), _ in sorted(seen.items(), key=lambda one: (-one[1], one[0])):
        usual.setdefault(track_id, label)
    if len(usual) == len(seen):
        return {}
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
