"""Labels compared with a model: each difference has its name, from the labels' point of view."""

import numpy as np
import polars as pl
import pytest

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.witnesses.doubt_rows import doubt_rows
from medmultipoints.transforms.witnesses.doubts import Marked, compare_picture, filled_box


def marked(name: str, x1: int, y1: int, x2: int, y2: int, label: str = "polyps") -> Marked:
    box = Box(x1, y1, x2, y2)
    return Marked(name, label, box, filled_box(box, 100, 100))


LEFT, RIGHT, WHOLE = (10, 10, 30, 40), (32, 10, 52, 40), (10, 10, 52, 40)


@pytest.mark.parametrize(
    ("kind", "labelled", "predicted"),
    [
        ("agrees", [marked("a", *LEFT)], [marked("0", 11, 10, 31, 40)]),
        ("shifted", [marked("a", *LEFT)], [marked("0", 22, 10, 42, 40)]),
        ("extra", [marked("a", *LEFT)], []),
        ("missing", [], [marked("0", *LEFT)]),
        ("merged", [marked("a", *WHOLE)], [marked("0", *LEFT), marked("1", *RIGHT)]),
        ("split", [marked("a", *LEFT), marked("b", *RIGHT)], [marked("0", *WHOLE)]),
        ("wrong_class", [marked("a", *LEFT)], [marked("0", *LEFT, label="instrument")]),
    ],
)
def test_each_difference_has_its_name(kind: str, labelled: list[Marked], predicted: list[Marked]) -> None:
    (doubt,) = compare_picture(labelled, predicted, [0.85] * len(predicted))
    assert kind == doubt.kind
    assert [one.name for one in labelled] == [one.name for one in doubt.labelled]
    assert (0.85 if kind == "missing" else round(1 - doubt.overlap, 4)) == doubt.doubt


def test_every_object_of_both_sides_is_in_one_row() -> None:
    labelled = [marked("a", *LEFT), marked("b", 60, 60, 90, 90)]
    predicted = [marked("0", *LEFT), marked("1", 70, 5, 90, 25)]
    found = list(compare_picture(labelled, predicted, [0.9, 0.7]))
    assert ["agrees", "extra", "missing"] == [one.kind for one in found]
    names = sorted(one.name for doubt in found for one in (*doubt.labelled, *doubt.predicted))
    assert ["0", "1", "a", "b"] == names
    shared, total = 600, 600 + 900 + 600 + 400
    assert {round(2 * shared / total, 4)} == {one.agreement for one in found}


def test_a_box_is_filled_where_the_centres_of_pixels_lie_in_it() -> None:
    mask = filled_box(Box(1.5, 0.6, 3.5, 2.0), 5, 4)
    np.testing.assert_array_equal([[1, 1], [1, 2]], np.argwhere(mask))


def test_a_model_doubts_no_label_that_it_does_not_know() -> None:
    """An object of another class is no row, where the model sees nothing there."""
    mask = encode_rle(np.ones((4, 4), np.uint8), 2, 2, 16, 16)
    place = {"sample_id": "one", "x1": 2.0, "y1": 2.0, "x2": 6.0, "y2": 6.0, "rle": mask}
    objects = pl.DataFrame([place | {"object_id": label, "label": label} for label in ("polyps", "normal")])
    said = dict.fromkeys(("source", "image_sha256", "split", "model", "model_sha256", "prediction_id"), "m")
    sides = {"width": 16, "height": 16, "original_width": 16, "original_height": 16, "scale": 1.0}
    lists = {"labels": [], "rles": [], "bbox": [], "score_bins": []}
    placed = pl.DataFrame([said | sides | lists | {"sample_id": "one"}])
    rows = doubt_rows(placed, objects, frozenset(), {"m": frozenset({"polyps"})})
    assert [("extra", "polyps", ["polyps"])] == [(row["kind"], row["label"], row["object_ids"]) for row in rows]
