"""Label lines become boxes in pixels, tracks are joined by row, and faults are reported."""

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Box, Sample
from medmultipoints.transforms.regions.boxes import YoloBox
from medmultipoints.transforms.regions.tracks import (
    LabelProblem,
    LabelRows,
    TrackRows,
    inconsistent_tracks,
    join_label_files,
    join_tracks,
)
from medmultipoints.transforms.regions.tracks import parse_labels as parse_labels_of
from medmultipoints.transforms.regions.tracks import parse_tracked as parse_tracked_of
from tests.transforms.regions.box_inverses import from_yolo

CLASSES = ("normal", "cluster", "pinhead")
parse_labels, parse_tracked = partial(parse_labels_of, classes=CLASSES), partial(parse_tracked_of, classes=CLASSES)
FILE = "labels/11_frame_0.txt"
LINE = b"0 0.27578125 0.4125 0.0265625 0.0375"
TRACKED = b"ckz3v9nzv00033867jsekqdcl 0 0.275781 0.412500 0.026562 0.037500"


class Found(NamedTuple):
    label: str
    box: Box
    truncated: bool
    track_id: str


def objects_of(rows: TrackRows) -> list[Found]:
    columns = zip(rows.labels, rows.boxes.tolist(), rows.truncated.tolist(), rows.track_ids, strict=True)
    return [Found(label, Box(*edges), cut, track_id) for label, edges, cut, track_id in columns]


def object_of(line: bytes, width: int = 640, height: int = 480) -> Found:
    (found,) = objects_of(join_tracks(parse_labels(line, file=FILE), parse_tracked(b"t " + line), width, height))
    return found


def box_of(line: bytes, width: int = 640, height: int = 480) -> Box:
    return object_of(line, width, height).box


def problem_of(line: bytes, *, tracked: bool = False) -> LabelProblem:
    with pytest.raises(LabelProblem) as error:
        (parse_tracked if tracked else parse_labels)(line, file=FILE)
    return error.value


def test_the_example_of_the_data_set_is_these_pixels() -> None:
    row = object_of(LINE, 640, 480)
    assert row.box == Box(168.0, 189.0, 185.0, 207.0)
    assert (row.label, row.truncated) == ("normal", False)


@pytest.mark.parametrize(("number", "label"), [("0", "normal"), ("1", "cluster"), ("2", "pinhead")])
def test_class_numbers_have_these_labels(number: str, label: str) -> None:
    assert parse_labels(f"{number} .5 .5 .1 .1".encode()).labels == (label,)


def test_no_coordinate_is_rounded() -> None:
    box = box_of(b"0 0.5 0.5 0.001 0.001")
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((319.68, 239.76, 320.32, 240.24), abs=1e-12)


def test_the_whole_frame_is_the_whole_frame() -> None:
    row = object_of(b"0 0.5 0.5 1 1", 640, 480)
    assert (row.box, row.truncated) == (Box(0, 0, 640, 480), False)


@pytest.mark.parametrize(
    ("line", "box"),
    [
        (b"0 0 0.5 0.25 0.5", Box(0, 25, 12.5, 75)),
        (b"0 1 0.5 0.25 0.5", Box(87.5, 25, 100, 75)),
        (b"0 0.5 0 0.5 0.25", Box(25, 0, 75, 12.5)),
        (b"0 0.5 1 0.5 0.25", Box(25, 87.5, 75, 100)),
    ],
)
def test_a_box_beyond_the_frame_is_clipped_and_flagged(line: bytes, box: Box) -> None:
    row = object_of(line, 100, 100)
    assert (row.box, row.truncated) == (box, True)


@pytest.mark.parametrize(("beyond_px", "truncated"), [(0.009, False), (0.011, True)])
def test_only_more_than_a_hundredth_of_a_pixel_counts_as_truncated(beyond_px: float, truncated: bool) -> None:
    centre = (5 - beyond_px) / 100
    row = object_of(f"0 {centre} 0.5 0.1 0.1".encode(), 100, 100)
    assert (row.box.x1, row.truncated) == (0, truncated)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\n\n"])
def test_line_ends_and_blank_lines_make_no_difference(ends: bytes) -> None:
    assert len(parse_labels(b"\xef\xbb\xbf" + LINE + ends + LINE + ends).lines) == 2


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"", "label_file_empty", "the file has no rows"),
        (b" \r\n\n", "label_file_empty", "the file has no rows"),
        (b"0 .5 .5 .1", "label_field_count", "has 4 fields, expected 5 (class cx cy w h)"),
        (b"0 .5 .5 .1 .1 .1", "label_field_count", "has 6 fields, expected 5"),
        (b"3 .5 .5 .1 .1", "label_class_unknown", "has the class '3', expected one of 0 (normal)"),
        (b"0.0 .5 .5 .1 .1", "label_class_unknown", "has the class '0.0'"),
        (b"0 x .5 .1 .1", "label_row_invalid", "has a field that is not a decimal number"),
        (b"0 nan .5 .1 .1", "label_row_invalid", "not a decimal number"),
        (b"0 .5 inf .1 .1", "label_row_invalid", "not a decimal number"),
        (b"0 1.01 .5 .1 .1", "label_row_invalid", "must be finite and in [0, 1]"),
        (b"0 .5 -.01 .1 .1", "label_row_invalid", "must be finite and in [0, 1]"),
        (b"0 .5 .5 0 .1", "label_row_invalid", "the size above 0"),
        (b"0 .5 .5 .1 1.5", "label_row_invalid", "must be finite and in [0, 1]"),
        (b"\xff", "label_row_invalid", "is not UTF-8 text"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(line: bytes, reason: str, detail: str) -> None:
    problem = problem_of(line)
    assert problem.reason == reason
    assert problem.detail.startswith("labels/11_frame_0.txt")
    assert detail in problem.detail


def test_a_box_without_area_is_named_with_file_and_line() -> None:
    with pytest.raises(LabelProblem, match=r"label_row_invalid: .*line 1: '0 1 .5 1e-20 .1' has no area in a 640x480"):
        object_of(b"0 1 .5 1e-20 .1")


@given(st.lists(st.tuples(*[st.floats(0.001, 1)] * 4), min_size=1, max_size=5), st.integers(1, 999))
def test_boxes_are_those_of_the_yolo_convention(rows: list[tuple[float, float, float, float]], width: int) -> None:
    lines = "\n".join(" ".join(map(repr, row)) for row in rows)
    labels = parse_labels("\n".join(f"0 {line}" for line in lines.splitlines()).encode())
    tracked = parse_tracked("\n".join(f"{n} 0 {line}" for n, line in enumerate(lines.splitlines())).encode())
    for row, found in zip(rows, objects_of(join_tracks(labels, tracked, width, 480)), strict=True):
        whole = from_yolo(YoloBox(*row), width, 480)
        clipped = Box(max(whole.x1, 0.0), max(whole.y1, 0.0), min(whole.x2, width), min(whole.y2, 480))
        assert found.box == clipped


def test_the_line_number_and_the_line_are_in_the_message() -> None:
    assert problem_of(LINE + b"\n\n0 2 .5 .1 .1\n").detail.startswith("labels/11_frame_0.txt, line 3: '0 2 .5 .1 .1'")


def test_a_track_file_has_six_fields() -> None:
    assert problem_of(LINE, tracked=True).detail.endswith("expected 6 (track_id class cx cy w h)")


def test_a_track_id_occurs_once_in_a_frame() -> None:
    problem = problem_of(b"t1 0 .5 .5 .1 .1\nt1 0 .6 .5 .1 .1", tracked=True)
    assert problem.reason == "duplicate_track_id"
    assert "line 2: track 't1' is at labels/11_frame_0.txt, line 1 too" in problem.detail


def test_values_come_from_the_labels_and_ids_from_the_tracks() -> None:
    joined = objects_of(join_tracks(parse_labels(LINE), parse_tracked(TRACKED), 640, 480))
    assert joined == [Found("normal", Box(168, 189, 185, 207), False, "ckz3v9nzv00033867jsekqdcl")]


@pytest.mark.parametrize("cx", ["0.500002", "0.499998"])
def test_values_may_differ_by_the_tolerance_itself(cx: str) -> None:
    labels = parse_labels(b"0 0.500000 .5 .1 .1")
    assert join_tracks(labels, parse_tracked(f"t 0 {cx} .5 .1 .1".encode()), 640, 480)


@pytest.mark.parametrize("line", ["t 0 0.500003 .5 .1 .1", "t 0 .5 .5 .1 .10001", "t 1 .5 .5 .1 .1"])
def test_files_that_disagree_are_rejected_with_both_lines(line: str) -> None:
    labels = parse_labels(b"0 .5 .5 .1 .1", file="a.txt")
    with pytest.raises(LabelProblem) as error:
        join_tracks(labels, parse_tracked(line.encode(), file="b.txt"), 640, 480)
    assert error.value.reason == "label_track_mismatch"
    assert error.value.detail == f"a.txt, line 1 says '0 .5 .5 .1 .1', b.txt, line 1 says {line!r}"


def test_files_of_unequal_length_are_rejected_with_both_lengths() -> None:
    labels = parse_labels(LINE + b"\n" + LINE, file="a.txt")
    with pytest.raises(LabelProblem, match=r"label_track_mismatch: a\.txt has 2 rows, b\.txt has 1 row"):
        join_tracks(labels, parse_tracked(TRACKED, file="b.txt"), 640, 480)


UNIT = st.floats(0, 1)


@given(UNIT, UNIT, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(1, 2000), st.integers(1, 2000))
def test_boxes_lie_inside_the_frame(cx: float, cy: float, w: float, h: float, width: int, height: int) -> None:
    box = box_of(f"0 {cx!r} {cy!r} {w!r} {h!r}".encode(), width, height)
    assert 0 <= box.x1 < box.x2 <= width
    assert 0 <= box.y1 < box.y2 <= height


@given(st.integers(0, 638), st.integers(0, 478), st.data())
def test_integer_boxes_survive_the_way_through_normalised_values(x1: int, y1: int, data: st.DataObject) -> None:
    x2, y2 = data.draw(st.integers(x1 + 1, 640)), data.draw(st.integers(y1 + 1, 480))
    line = f"0 {(x1 + x2) / 2 / 640!r} {(y1 + y2) / 2 / 480!r} {(x2 - x1) / 640!r} {(y2 - y1) / 480!r}"
    row = object_of(line.encode(), 640, 480)
    assert (row.box.x1, row.box.y1, row.box.x2, row.box.y2) == pytest.approx((x1, y1, x2, y2), abs=1e-9)
    assert not row.truncated


GOOD = [LINE, LINE + b"\n", LINE + b"\r\n" + LINE, b"\xef\xbb\xbf" + LINE + b"\n"]
UNSOUND = [
    b"",
    b"3 0.5 0.5 0.1 0.1\n",
    b"00 0.5 0.5 0.1 0.1\n",
    b"0 0.5 0.5 0 0.1",
    b"0 0.5 1.5 0.1 0.1",
    b"0 nan .5 .1 .1",
    b"\xff",
]
OF_ANOTHER_FORM = [LINE + b"\n\n", b"0  0.5 0.5 0.1 0.1", b"0 0.5 0.5 0.1", b"0 x 0.5 0.1 0.1"]


def frame_with(label_member: str, track_member: str) -> Sample:
    files = {"label_member": label_member, "track_member": track_member}
    return Sample(source="s", stem=label_member, image_member=None, organ="o", finding="f", classification="c", **files)


def joined_alone(files: Mapping[str, bytes], label_member: str, track_member: str) -> list[Found]:
    labels = None if label_member == track_member else parse_labels(files[label_member])
    tracked = parse_tracked(files[track_member])
    return objects_of(join_tracks(labels or tracked, tracked, 640, 480))


@pytest.mark.parametrize("more", [(), *((one,) for one in OF_ANOTHER_FORM)])
def test_label_files_joined_together_are_those_joined_one_by_one(more: tuple[bytes, ...]) -> None:
    """Files that are not sound or not there are left to the parser that says why; so are all beside another form."""
    files = {f"{number}.txt": data for number, data in enumerate([*GOOD, *UNSOUND, *more])}
    tracks = {f"{name}t": b"track7 " + data.removeprefix(b"\xef\xbb\xbf") for name, data in files.items()}
    tracks |= {"0.txtt": TRACKED + b"\n" + TRACKED, "1.txtt": b"a\xc2\xa0 " + LINE}
    tracks["2.txtt"] = b"a " + LINE + b"\r\nb " + LINE
    pairs = [*((name, f"{name}t") for name in (*files, "missing")), ("2.txtt", "2.txtt")]

    def read(member: str) -> bytes:
        if member not in files | tracks:
            raise MemberProblem("missing_member", member)
        return (files | tracks)[member]

    joined = join_label_files([frame_with(*pair) for pair in pairs], read, CLASSES)
    found = {pair: rows for pair in pairs if (rows := joined.objects(pair, 640, 480))}
    assert [own for own, _ in found] == ([] if more else ["2.txt", "3.txt", "2.txtt"])
    for pair, rows in found.items():
        assert objects_of(rows) == joined_alone(files | tracks, *pair)


ODD = [
    "0",
    "1",
    "t",
    '"',
    "#",
    "\0",
    "\ufeff",
    ".5",
    "5.",
    "1e-1",
    "+.5",
    "-0",
    "inf",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\x1c",
    "\x85",
]
LINES = st.lists(st.sampled_from(ODD), max_size=12).map("".join) | st.just("0 .5 .5 .1 .1")


@given(st.lists(st.tuples(LINES, st.sampled_from(["a ", '"b" ', "\ufeffc "])), max_size=3))
def test_no_label_file_is_joined_that_is_refused_alone(lines: list[tuple[str, str]]) -> None:
    files = {"labels": "\n".join(line for line, _ in lines), "tracks": "\n".join(own + line for line, own in lines)}
    found = {name: text.encode() for name, text in files.items()}
    for pair in (("labels", "tracks"), ("tracks", "tracks")):
        rows = join_label_files([frame_with(*pair)], found.__getitem__, CLASSES).objects(pair, 640, 480)
        if rows:
            assert objects_of(rows) == joined_alone(found, *pair)


def test_frames_in_which_a_track_changes_its_class_are_named() -> None:
    frames = {f"s/{n}": [("t", "normal")] for n in range(3)} | {"s/3": [("t", "cluster"), ("u", "cluster")]}
    expected = {"s/3": "track 't' is 'cluster' here and 'normal' in most frames"}
    assert inconsistent_tracks(frames) == expected
    assert inconsistent_tracks(dict(reversed(frames.items()))) == expected


def test_of_equally_frequent_classes_the_first_by_name_counts() -> None:
    frames = {"s/0": [("t", "normal")], "s/1": [("t", "cluster")]}
    assert inconsistent_tracks(frames) == {"s/0": "track 't' is 'normal' here and 'cluster' in most frames"}


def test_constant_tracks_and_frames_without_track_raise_nothing() -> None:
    assert inconsistent_tracks({"s/0": [("t", "normal"), ("u", "cluster")], "s/1": [("t", "normal")], "s/2": []}) == {}


PARTS = st.sampled_from(["0", "3", "t", "ckz", ".5", "0.25", "1e-3", "x", " ", "  ", "\n", "\r\n", "\t", "\x85"])


@given(st.lists(PARTS, max_size=16).map("".join), st.booleans())
def test_a_file_of_plain_lines_is_read_as_line_by_line(text: str, tracked: bool) -> None:
    parse = parse_tracked if tracked else parse_labels
    line = "t 0 .5 .5 .1 .1" if tracked else "0 .5 .5 .1 .1"
    for data in (text, f"{line}\n{text}", line + text):
        plain, odd = (outcome_of(parse, one) for one in (data, f"\n{data}"))
        assert plain == odd


def outcome_of(parse: Callable[[bytes], LabelRows], text: str) -> object:
    try:
        rows = parse(text.encode())
    except LabelProblem as problem:
        return problem.reason
    return rows.texts, rows.labels, rows.values.tolist(), rows.track_ids


def test_the_real_rows_can_be_read_and_are_whole_pixels(real: Path) -> None:
    with (real / "visem-tracking/ftid_rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    for row in rows:
        line = " ".join(row[name] for name in ("class", "cx", "cy", "w", "h")).encode()
        tracked = parse_tracked(row["fid"].encode() + b" " + line)
        (found,) = objects_of(join_tracks(parse_labels(line), tracked, 640, 480))
        assert found.track_id == row["fid"]
        edges = (found.box.x1, found.box.y1, found.box.x2, found.box.y2)
        assert edges == pytest.approx([round(edge) for edge in edges], abs=1e-3)
