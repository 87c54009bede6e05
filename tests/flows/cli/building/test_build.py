"""The summary that ``build`` prints."""

import polars as pl

from medmultipoints.flows.cli.building.build import MOST_LABELS, label_table


def records(objects: dict[str, int]) -> pl.DataFrame:
    """One record per label with so many objects."""
    rows = [
        {"split": "train", "label": label, "image_sha256": label, "count": count} for label, count in objects.items()
    ]
    return pl.DataFrame(rows)


def test_every_label_is_shown_up_to_ten() -> None:
    names = [f"label {number:02}" for number in range(MOST_LABELS)]
    assert [row[0] for row in label_table(records(dict.fromkeys(names, 1)))[1]] == names


def test_of_more_labels_those_with_most_objects_are_shown_and_the_rest_added_up() -> None:
    """The label with most objects may be the last by name."""
    columns, rows = label_table(records({f"label {number:02}": 1_000 * number for number in range(1, MOST_LABELS + 3)}))
    assert ["label", "records", "images", "objects"] == columns
    assert ["label 12", "1", "1", "12,000"] == rows[0]
    assert ["3 other labels", "3", "3", "6,000"] == rows[-1]
    assert MOST_LABELS == len(rows)
