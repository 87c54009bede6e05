"""YOLO label lines, with and without track ids, as objects in pixels.

``labels`` hold ``class cx cy w h``, ``labels_ftid`` hold ``track_id class cx cy w h``, both normalised to
the frame, with the same rows in the same order. Values come from the first, ids from the second.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from transforms.boxes import YoloBox, from_yolo
from transforms.errors import MemberProblem
from transforms.records import Box, Region

CLASS_LABELS: Mapping[str, str] = {"0": "normal", "1": "cluster", "2": "pinhead"}
TRUNCATED_BEYOND_PX = 0.01
_ROUNDING = 1e-12  # two six-digit decimals that differ by the tolerance differ by a little more in float64


class LabelProblem(MemberProblem):
    """A frame's label files cannot be used; the detail names file, line and the line itself."""


class LabelRow(NamedTuple):
    """One line of a label file.

    ``file`` and ``line`` (from 1) say where it stands, ``text`` is the line, ``values`` are cx, cy, w, h as it
    states them. ``box`` is half-open, in float64 pixels, clipped to the frame; ``truncated``: an edge lay
    beyond the frame by more than 0.01 px.
    """

    file: str
    line: int
    text: str
    label: str
    values: tuple[float, float, float, float]
    box: Box
    truncated: bool
    track_id: str | None

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"


class TrackedObject(NamedTuple):
    """One object in one frame; ``box`` and ``truncated`` as in LabelRow."""

    label: str
    box: Box
    truncated: bool
    track_id: str


def parse_labels(data: bytes, width: int, height: int, *, file: str = "label file") -> tuple[LabelRow, ...]:
    """The rows of a label file, in file order, in a frame of width x height pixels.

    Centre and size must be finite and in [0, 1], and the size positive; edges beyond the frame are clipped.
    Errors: LabelProblem with ``label_file_empty``, ``label_field_count``, ``label_class_unknown`` or
    ``label_row_invalid``.
    """
    return _parse_rows(data, width, height, file, tracked=False)


def parse_tracked(data: bytes, width: int, height: int, *, file: str = "track file") -> tuple[LabelRow, ...]:
    """The rows of a label file with track ids, in file order, in a frame of width x height pixels.

    Errors: LabelProblem as in parse_labels, and ``duplicate_track_id``.
    """
    rows = _parse_rows(data, width, height, file, tracked=True)
    first: dict[str | None, LabelRow] = {}
    for row in rows:
        other = first.setdefault(row.track_id, row)
        if other is not row:
            raise LabelProblem("duplicate_track_id", f"{row.where}: track {row.track_id!r} stands at {other.where} too")
    return rows


def join_tracks(
    labels: Sequence[LabelRow], tracked: Sequence[LabelRow], tolerance: float = 2e-6
) -> tuple[TrackedObject, ...]:
    """The objects of one frame: values of ``labels``, ids of ``tracked``, in file order.

    Both must have the same classes row by row, and values that differ by no more than ``tolerance``
    (the file with ids is rounded to six digits).
    Errors: LabelProblem ``label_track_mismatch`` with the lines of both files.
    """
    if len(labels) != len(tracked):
        files = f"{_describe_rows(labels, 'the label file')}, {_describe_rows(tracked, 'the track file')}"
        raise LabelProblem("label_track_mismatch", files)
    return tuple(_join_row(label, track, tolerance) for label, track in zip(labels, tracked, strict=True))


def inconsistent_tracks(regions: Iterable[Region]) -> dict[str, str]:
    """The frames of one video in which a track has another class than it mostly has: sample id to a sentence.

    The class of most frames counts (of equally frequent ones the first by name). Regions without a track id
    are passed over; their order makes no difference.
    """
    tracked = [(region, region.track_id) for region in regions if region.track_id is not None]
    classes: dict[str, Counter[str]] = {}
    for region, track_id in tracked:
        classes.setdefault(track_id, Counter())[region.label] += 1
    usual = {track_id: min(seen, key=lambda label: (-seen[label], label)) for track_id, seen in classes.items()}
    problems: dict[str, list[str]] = {}
    for region, track_id in tracked:
        if region.label != usual[track_id]:
            sentence = f"track {track_id!r} is {region.label!r} here and {usual[track_id]!r} in most frames"
            problems.setdefault(region.sample_id, []).append(sentence)
    return {sample_id: "; ".join(sorted(sentences)) for sample_id, sentences in sorted(problems.items())}


def _parse_rows(data: bytes, width: int, height: int, file: str, *, tracked: bool) -> tuple[LabelRow, ...]:
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise LabelProblem("label_row_invalid", f"{file}: is not UTF-8 text ({error})") from error
    rows = tuple(
        _parse_row(file, number, text, width, height, tracked)
        for number, text in enumerate(map(str.strip, lines), start=1)
        if text
    )
    if not rows:
        raise LabelProblem("label_file_empty", f"{file}: the file has no rows; frames without objects have no file")
    return rows


def _parse_row(file: str, number: int, text: str, width: int, height: int, tracked: bool) -> LabelRow:
    fields = text.split()
    if len(fields) != (6 if tracked else 5):
        _refuse_fields(file, number, text, len(fields), tracked)
    name, *coordinates = fields[-5:]
    label = CLASS_LABELS.get(name)
    if label is None:
        known = ", ".join(f"{key} ({value})" for key, value in CLASS_LABELS.items())
        _refuse(file, number, text, "label_class_unknown", f" has the class {name!r}, expected one of {known}")
    try:
        cx, cy, w, h = map(float, coordinates)
    except ValueError:
        _refuse(file, number, text, "label_row_invalid", " has a field that is not a number")
    # Each comparison is false for NaN.
    if not (0 <= cx <= 1 and 0 <= cy <= 1 and 0 < w <= 1 and 0 < h <= 1):
        rule = ": centre and size must be finite and in [0, 1], the size above 0"
        _refuse(file, number, text, "label_row_invalid", rule)
    whole, beyond = from_yolo(YoloBox(cx, cy, w, h), width, height), TRUNCATED_BEYOND_PX
    truncated = max(-whole.x1, -whole.y1, whole.x2 - width, whole.y2 - height) > beyond
    box = Box(
        whole.x1 if whole.x1 > 0 else 0.0,
        whole.y1 if whole.y1 > 0 else 0.0,
        whole.x2 if whole.x2 < width else float(width),
        whole.y2 if whole.y2 < height else float(height),
    )
    if box.x1 >= box.x2 or box.y1 >= box.y2:
        _refuse(file, number, text, "label_row_invalid", f" has no area in a {width}x{height} frame")
    return LabelRow(file, number, text, label, (cx, cy, w, h), box, truncated, fields[0] if tracked else None)


def _refuse_fields(file: str, number: int, text: str, found: int, tracked: bool) -> NoReturn:
    layout = "6 (track_id class cx cy w h)" if tracked else "5 (class cx cy w h)"
    _refuse(file, number, text, "label_field_count", f" has {found} fields, expected {layout}")


def _refuse(file: str, number: int, text: str, reason: str, problem: str) -> NoReturn:
    raise LabelProblem(reason, f"{file}, line {number}: {text!r}{problem}") from None


def _join_row(label: LabelRow, track: LabelRow, tolerance: float) -> TrackedObject:
    close = label.values == track.values or all(
        abs(a - b) <= tolerance + _ROUNDING for a, b in zip(label.values, track.values, strict=True)
    )
    if track.track_id is None or label.label != track.label or not close:
        detail = f"{label.where} says {label.text!r}, {track.where} says {track.text!r}"
        raise LabelProblem("label_track_mismatch", detail)
    return TrackedObject(label.label, label.box, label.truncated, track.track_id)


def _describe_rows(rows: Sequence[LabelRow], name: str) -> str:
    return f"{rows[0].file if rows else name} has {len(rows)} rows"
