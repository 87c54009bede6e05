"""The example pictures of a card: typical, without a sign of a person, or those that a curator names."""

from io import BytesIO
from typing import Any

import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.card.card_pictures import choose_examples, draw_examples, find_examples
from medmultipoints.transforms.errors import DataError


def record(name: str, label: str, count: int, licence: str = "CC-BY-4.0") -> dict[str, Any]:
    boxes = [[1.0, 1.0, 9.0, 9.0]] * count
    return {
        "record_id": f"{name}:{label}", "sample_id": name, "image_sha256": name, "video_id": None, "label": label,
        "count": count, "licence": licence, "bbox": boxes, "points": [[5.0, 5.0]] * count, "img_size": [30, 20],
        "original_size": [30, 20], "scale": 1.0,
    }  # fmt: skip


RECORDS = pl.DataFrame(
    [
        record("a", "polyps", 1),
        record("b", "polyps", 3),
        record("c", "polyps", 9),
        record("d", "polyps", 8),
        record("e", "polyps", 0),
        record("f", "polyps", 2, "LicenseRef-mine"),
        record("b", "cap", 1),
        record("g", "cap", 1),
    ]
)
FINDINGS = pl.DataFrame(
    [("c", "info", "shows_date"), ("d", "warning", "covers_frame"), ("b", "info", "near_duplicate")],
    schema=["sample_id", "severity", "kind"],
    orient="row",
)


def chosen(records: pl.DataFrame) -> list[str]:
    return [row["record_id"] for row in choose_examples(records, FINDINGS, ("raster", "ocr"))]


def test_labels_take_turns_and_doubtful_or_personal_pictures_and_unknown_licences_are_left_out() -> None:
    assert chosen(RECORDS) == ["b:cap", "g:cap", "a:polyps"]
    assert chosen(RECORDS.reverse()) == chosen(RECORDS)


def test_nothing_is_chosen_where_no_reader_of_whole_pictures_looked() -> None:
    assert choose_examples(RECORDS, FINDINGS, ("raster",)) == []


def test_a_curator_names_pictures_in_an_order_and_an_unknown_one_is_refused() -> None:
    assert [row["record_id"] for row in find_examples(RECORDS, ("c", "b"))] == ["c:polyps", "b:polyps"]
    with pytest.raises(DataError, match=r"\[card\] examples: z: not in this release"):
        find_examples(RECORDS, ("a", "z"))


def test_the_sheet_is_the_same_bytes_each_time() -> None:
    buffer = BytesIO()
    Image.new("RGB", (30, 20), (120, 40, 40)).save(buffer, "PNG")
    objects = pl.DataFrame(schema={"record_id": pl.String, "object_id": pl.String, "rle": pl.String})
    rows = find_examples(RECORDS, ("a", "b"))
    first = draw_examples(rows, objects, lambda _name: buffer.getvalue())
    assert first == draw_examples(rows, objects, lambda _name: buffer.getvalue())
    with Image.open(BytesIO(first)) as sheet:
        assert (sheet.format, sheet.size) == ("JPEG", (520, 276))
