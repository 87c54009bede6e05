"""Box files, CSV tables and label tables: what is read, and what is said of what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.records import Box, SourceBox
from medmultipoints.transforms.sources.builtin.annotations import BoxEntry, parse_box_json
from medmultipoints.transforms.sources.builtin.csv_rows import read_csv_rows
from medmultipoints.transforms.sources.builtin.findings import CLASSES, canonical_finding
from medmultipoints.transforms.sources.builtin.image_labels import parse_image_labels

BOX = {"label": "polyp", "xmin": 1, "ymin": 2, "xmax": 30, "ymax": 20}
ENTRY = {"width": 30, "height": 20, "bbox": [BOX]}
HEADER = b"Video file,Organ,Finding,Classification"
POLYP = b"Lower GI,polyps,pathological-findings"


def parse(document: object) -> tuple[Any, Any]:
    return parse_box_json("hyperkvasir", "boxes.json", json.dumps(document).encode())


def with_box(**changes: object) -> dict[str, object]:
    return {**ENTRY, "bbox": [{**BOX, **changes}]}


def test_boxes_keep_their_numbers_and_may_reach_the_far_edges() -> None:
    entries, problems = parse({"a": ENTRY})
    assert problems == {}
    assert entries == {"a": BoxEntry(30, 20, (SourceBox("polyps", Box(1, 2, 30, 20)),))}


def test_fractional_edges_are_kept() -> None:
    assert parse({"a": with_box(xmin=1.25)})[0]["a"].boxes[0].box.x1 == 1.25


def test_an_entry_without_boxes_is_an_entry() -> None:
    assert parse({"a": {**ENTRY, "bbox": []}})[0]["a"].boxes == ()


@pytest.mark.parametrize(
    ("entry", "reason", "detail"),
    [
        ({"width": 30, "height": 20}, "box_key_missing", "key 'bbox' is missing"),
        ({"height": 20, "bbox": []}, "box_key_missing", "key 'width' is missing"),
        ({**ENTRY, "bbox": [{"label": "polyp", "xmin": 1}]}, "box_key_missing", "box 0: key 'ymin' is missing"),
        (with_box(xmax="30"), "box_not_a_number", "xmax is \"30\", not a finite number"),
        (with_box(ymin=float("nan")), "box_not_a_number", "ymin is NaN"),
        (with_box(ymin=float("-inf")), "box_not_a_number", "ymin is -Infinity"),
        (with_box(ymin=None), "box_not_a_number", "ymin is null"),
        (with_box(xmin=True), "box_not_a_number", "xmin is true"),
        (with_box(xmax=10**400), "box_not_a_number", "not a finite number"),
        (with_box(xmin=30), "box_inverted", "xmin, ymin, xmax, ymax are 30, 2, 30, 20, so the box has no area"),
        (with_box(ymin=25), "box_inverted", "are 1, 25, 30, 20"),
        (with_box(xmax=31), "box_outside_image", "are 1, 2, 31, 20, but the image is 30x20"),
        (with_box(xmin=-1), "box_outside_image", "are -1, 2, 30, 20"),
        ({**ENTRY, "width": 0}, "size_invalid", "width is 0, not a whole number"),
        ({**ENTRY, "height": "20"}, "size_invalid", "height is \"20\""),
        ({**ENTRY, "height": 20.5}, "size_invalid", "height is 20.5"),
        ({**ENTRY, "width": True}, "size_invalid", "width is true"),
        (with_box(label="cat"), "label_unknown", "label is \"cat\", expected one of polyp, instrument"),
        (with_box(label=["polyp"]), "label_unknown", "label is [\"polyp\"]"),
        ([], "entry_not_an_object", "[] is not a JSON object"),
        ({**ENTRY, "bbox": 3}, "entry_not_an_object", "'bbox' is 3, not a list"),
        ({**ENTRY, "bbox": [3]}, "entry_not_an_object", "box 0: 3 is not a JSON object"),
    ],
)  # fmt: skip
def test_a_bad_entry_names_file_entry_and_values_and_leaves_the_others(entry: Any, reason: str, detail: str) -> None:
    entries, problems = parse({"good": ENTRY, "bad": entry})
    assert list(entries) == ["good"]
    assert problems["bad"].reason == reason
    assert problems["bad"].detail.startswith("boxes.json, entry 'bad'")
    assert detail in problems["bad"].detail


def test_a_key_that_occurs_twice_is_a_duplicate_stem() -> None:
    entry = json.dumps(ENTRY)
    entries, problems = parse_box_json("s", "boxes.json", f'{{"a": {entry}, "b": {entry}, "a": {entry}}}'.encode())
    assert list(entries) == ["b"]
    assert problems["a"].reason == "duplicate_stem"


def test_a_box_key_that_occurs_twice_is_rejected() -> None:
    text = '{"a": {"width": 30, "height": 20, "width": 31, "bbox": []}}'
    assert parse_box_json("s", "boxes.json", text.encode())[1]["a"].reason == "duplicate_key"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b"\xff\xfe\xfd", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"[1]", "holds a list, not a JSON object"),
        (b"null", "holds a NoneType, not a JSON object"),
    ],
)
def test_a_file_that_is_no_json_object_stops_the_source(data: bytes, problem: str) -> None:
    with pytest.raises(SourceDataError, match=r"hyperkvasir: boxes\.json: ") as error:
        parse_box_json("hyperkvasir", "boxes.json", data)
    assert error.value.problem.startswith(problem)


def test_the_real_instrument_boxes_are_all_sound(real: Path) -> None:
    data = (real / "kvasir-instrument/bboxes.json").read_bytes()
    entries, problems = parse_box_json("kvasir_instrument", "bboxes.json", data)
    assert problems == {}
    assert (len(entries), sum(len(entry.boxes) for entry in entries.values())) == (590, 620)
    assert sum(max(entry.width, entry.height) > 700 for entry in entries.values()) == 560


@pytest.mark.parametrize(
    "data", [b"a,b\n1,2\n", b"\xef\xbb\xbfa,b\r\n1,2", b"a, b\r\n1, 2\r\n\r\n", b"b,a,c\n2,1,3\n", b"a,b\r1,2\r"]
)
def test_line_ends_byte_order_mark_blanks_and_column_order_make_no_difference(data: bytes) -> None:
    (row,) = read_csv_rows("s", "t.csv", data, ("a", "b"))
    assert (row.fields["a"], row.fields["b"], row.line, row.complete) == ("1", "2", 2, True)


def test_missing_columns_are_named() -> None:
    with pytest.raises(SourceDataError, match=r"s: t\.csv: lacks the columns b, c \(found a, d\)\."):
        read_csv_rows("s", "t.csv", b"a,d\n1,2\n", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"a,b\n\xff,2\n", "is not UTF-8 text"), (b'a,b\n"1,2\n', "line 2 is not CSV"), (b"", "lacks the columns a, b")],
)
def test_a_table_that_cannot_be_read_stops_the_source(data: bytes, problem: str) -> None:
    with pytest.raises(SourceDataError, match=problem):
        read_csv_rows("s", "t.csv", data, ("a", "b"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"x,Lower GI,polyps", "label_row_invalid"),
        (b"x," + POLYP + b",more", "label_row_invalid"),
        (b"x,Lower GI,,pathological-findings", "label_row_invalid"),
        (b"x,Lower GI,ulcer,pathological-findings", "finding_unknown"),
        (b"x,Upper GI,polyps,pathological-findings", "label_row_conflict"),
        (b"x," + POLYP + b"\nx," + POLYP, "duplicate_label_row"),
    ],
)
def test_a_bad_label_row_is_named_by_line_and_leaves_the_others(row: bytes, reason: str) -> None:
    data = b"\n".join((HEADER, b"y," + POLYP, row))
    classes, problems = parse_image_labels("s", "image-labels.csv", data)
    assert list(classes) == ["y"]
    assert problems["x"].reason == reason
    assert "image-labels.csv, line " in problems["x"].detail


def test_a_row_without_a_name_is_named_by_its_line() -> None:
    assert list(parse_image_labels("s", "t.csv", HEADER + b"\n," + POLYP)[1]) == ["line 2"]


def test_the_real_label_table_has_the_stated_counts(real: Path) -> None:
    data = (real / "hyper-kvasir/image-labels.csv").read_bytes()
    classes, problems = parse_image_labels("hyperkvasir", "image-labels.csv", data)
    assert problems == {}
    assert len(classes) == 10_662
    assert sum(found.finding == "polyps" for found in classes.values()) == 1_028
    assert set(classes.values()) == set(CLASSES)


def test_both_naming_schemes_lead_to_the_same_finding() -> None:
    assert len(CLASSES) == 23
    assert [canonical_finding(item.alias or "polyps") for item in CLASSES if item.alias] == [
        item.finding for item in CLASSES if item.alias
    ]
    assert [canonical_finding(item.finding) for item in CLASSES] == [item.finding for item in CLASSES]
    assert canonical_finding("ulcer") is None
