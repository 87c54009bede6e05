"""Numbers in label files are plain decimals."""

import pytest

from medmultipoints.transforms.regions.decimals import is_whole, parse_decimal
from medmultipoints.transforms.regions.tracks import LabelProblem, join_tracks, parse_labels, parse_tracked

CLASSES = ("normal", "cluster", "pinhead")


@pytest.mark.parametrize("text", ["0", "1", "0.5", ".5", "1.", "1e-3", "-0.25", "+2E+1", "0000.1"])
def test_decimals_are_read(text: str) -> None:
    assert parse_decimal(text) == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "0.1_25",
        "1_0",
        "\u0660.\u0665",
        "\uff10.\uff15",
        "nan",
        "inf",
        "-Infinity",
        "0x1p-2",
        "1,5",
        "",
        " ",
        "1e",
        "--1",
        "½",
        "1.2.3",
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        parse_decimal(text)
    if text.strip():
        with pytest.raises(LabelProblem, match="label_row_invalid|label_field_count"):
            parse_labels(f"0 {text} 0.5 0.1 0.1\n".encode(), CLASSES)


@pytest.mark.parametrize(
    "row", ["0.5 0.5 1.0000001 0.2", "1.000001 0.5 0.2 0.2", "-0.000001 0.5 0.2 0.2", "0.5 0.5 1 1.000002"]
)
def test_values_beyond_the_frame_by_less_than_their_step_are_clipped(row: str) -> None:
    labels, tracked = parse_labels(f"0 {row}\n".encode(), CLASSES), parse_tracked(f"t 0 {row}\n".encode(), CLASSES)
    ((x1, y1, x2, y2),) = join_tracks(labels, tracked, 640, 480).boxes
    assert 0 <= x1 < x2 <= 640
    assert 0 <= y1 < y2 <= 480


@pytest.mark.parametrize(
    "row", ["0.5 0.5 1.00001 0.2", "1.1 0.5 0.2 0.2", "-0.1 0.5 0.2 0.2", "0.5 0.5 0 0.2", "0.5 0.5 -0.1 0.2"]
)
def test_values_further_out_are_rejected(row: str) -> None:
    with pytest.raises(LabelProblem, match="label_row_invalid"):
        parse_labels(f"0 {row}\n".encode(), CLASSES)


@pytest.mark.parametrize("text", ["0", "7", "0012", "9" * 18])
def test_whole_numbers_are_ascii_digits(text: str) -> None:
    assert is_whole(text)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1_0", "\u0661", "\u00b2", "\uff11", "9" * 19, "9" * 5000])
def test_other_texts_are_no_whole_numbers(text: str) -> None:
    """``isdigit`` takes some of them, and ``int`` fails on two of those."""
    assert not is_whole(text)
