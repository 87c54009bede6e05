"""CSV tables and label tables: what is read, and what is said of what is wrong."""

from pathlib import Path

import pytest

from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.sources.builtin.csv_rows import read_csv_rows
from medmultipoints.transforms.sources.builtin.findings import CLASSES, canonical_finding
from medmultipoints.transforms.sources.builtin.image_labels import parse_image_labels

HEADER = b"Video file,Organ,Finding,Classification"
POLYP = b"Lower GI,polyps,pathological-findings"


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
