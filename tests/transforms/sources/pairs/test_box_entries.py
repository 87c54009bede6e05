"""Box files: what is read, and what is said of what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.records import Box, SourceBox
from medmultipoints.transforms.sources.pairs.box_entries import BoxEntry, parse_box_json

LABELS = {"polyp": "polyps", "instrument": "instrument"}
BOX = {"label": "polyp", "xmin": 1, "ymin": 2, "xmax": 30, "ymax": 20}
ENTRY = {"width": 30, "height": 20, "bbox": [BOX]}


def parse(document: object) -> tuple[Any, Any]:
    return parse_box_json("hyperkvasir", "boxes.json", json.dumps(document).encode(), LABELS)


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
    entries, problems = parse_box_json(
        "s", "boxes.json", f'{{"a": {entry}, "b": {entry}, "a": {entry}}}'.encode(), LABELS
    )
    assert list(entries) == ["b"]
    assert problems["a"].reason == "duplicate_stem"


def test_a_box_key_that_occurs_twice_is_rejected() -> None:
    text = '{"a": {"width": 30, "height": 20, "width": 31, "bbox": []}}'
    assert parse_box_json("s", "boxes.json", text.encode(), LABELS)[1]["a"].reason == "duplicate_key"


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
        parse_box_json("hyperkvasir", "boxes.json", data, LABELS)
    assert error.value.problem.startswith(problem)


def test_the_real_instrument_boxes_are_all_sound(real: Path) -> None:
    data = (real / "kvasir-instrument/bboxes.json").read_bytes()
    entries, problems = parse_box_json("kvasir_instrument", "bboxes.json", data, LABELS)
    assert problems == {}
    assert (len(entries), sum(len(entry.boxes) for entry in entries.values())) == (590, 620)
    assert sum(max(entry.width, entry.height) > 700 for entry in entries.values()) == 560
