"""What an answer says beside places and counts: whether anything is there, and what it is called."""

import json
import warnings
from itertools import permutations

import pytest

from medmultipoints.transforms.scoring.answers.items import BOXES, COUNT, Item, Truth
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant
from medmultipoints.transforms.scoring.answers.truths import truth_from_value
from medmultipoints.transforms.scoring.metric_sets import scoring_report
from medmultipoints.transforms.scoring.strict import strict_scores
from tests.transforms.scoring.questions import bounding, fenced, pointing

BOX = (1.0, 2.0, 30.0, 40.0)
PRESENCE = Truth("a", "presence", (COUNT, BOXES), 1, boxes=(BOX,))
BOTH = {"counts": 1, "bbox_2d": [list(BOX)], "label": "polyp"}


@pytest.mark.parametrize(
    "said",
    [
        {"present": True, "counts": 0, "bbox_2d": []},
        {"present": True, "counts": 2, "bbox_2d": []},
        {"present": True, "counts": 0},
        {"present": False} | BOTH,
        {"present": False, "counts": 2},
        {"present": False, "bbox_2d": list(BOX)},
        [{"present": False} | BOTH],
    ],
)
def test_a_contradiction_is_wrong(said: object) -> None:
    """Whatever is true: nothing of the answer counts."""
    answer = read_tolerant(PRESENCE, fenced(said))
    assert (answer.failure, answer.count, answer.boxes) == ("contradiction", None, None)
    absent = Truth("a", "presence", (COUNT, BOXES), 0)
    scores = strict_scores([Item(PRESENCE, fenced(said)), Item(absent, fenced(said))])
    assert (scores.overall["exact_count_accuracy"], scores.overall["absent_accuracy"]) == (0, 0)
    assert scores.failures == {"contradiction": 2}


@pytest.mark.parametrize(
    "said", [{}, {"counts": 0}, {"bbox_2d": []}, {"counts": 0, "bbox_2d": []}, {"counts": None, "bbox_2d": None}]
)
def test_not_present_without_places_is_a_clear_none(said: dict[str, object]) -> None:
    """It needs no count of 0 beside it."""
    answer = read_tolerant(PRESENCE, json.dumps({"present": False} | said))
    assert (answer.failure, answer.count, answer.boxes) == ("", 0, ())


def test_presence_that_agrees_changes_nothing() -> None:
    """And without places it is no answer to where."""
    assert read_tolerant(PRESENCE, fenced({"present": True} | BOTH)) == read_tolerant(PRESENCE, fenced(BOTH))
    assert read_tolerant(PRESENCE, fenced({"present": True})).failure == "boxes_missing"
    assert read_tolerant(PRESENCE, fenced({"present": False, "bbox_2d": "none"})).failure == "bad_boxes"


def test_a_name_counts_where_the_object_is_found() -> None:
    """Two found of three, one of them called by its name; the third has no say."""
    true = [{"bbox_2d": [100.0 * n, 0.0, 100.0 * n + 50, 50.0], "label": "polyp"} for n in range(3)]
    known = truth_from_value(Truth("a", "bounding", (), 0), true)
    assert known is not None
    beside = {"bbox_2d": [0, 900, 9, 909], "label": "polyp"}
    said = [true[0] | {"label": " Polyp"}, true[1] | {"label": "banana"}, beside]
    for ordered in permutations(said):
        assert strict_scores([Item(known, fenced(list(ordered)))]).overall["label_accuracy"] == 0.5
    nameless = [{"bbox_2d": entry["bbox_2d"]} for entry in true]
    assert strict_scores([Item(known, fenced(nameless))]).overall["label_accuracy"] == 0


def test_names_of_points_and_of_molmo_are_held_against_theirs() -> None:
    """The point within half its object's size is the one that is named."""
    true = {"counts": 2, "point_2d": [[10.0, 10.0], [90.0, 90.0]], "label": "normal sperm"}
    known = truth_from_value(Truth("a", "cnt_and_point", (), 0, image_size=(100, 100)), true)
    assert known is not None
    tag = '<points x1="10" y1="10" x2="90" y2="90" alt="{}">x</points>'
    for name, share in (("normal sperm", 1.0), ("banana", 0.0)):
        for said in (fenced(true | {"label": name}), tag.format(name)):
            assert strict_scores([Item(known, said)]).overall["label_accuracy"] == share


def test_every_task_has_its_own_row_with_its_number_of_items() -> None:
    """Those that were not published, too."""
    report = scoring_report([Item(PRESENCE, fenced(BOTH)), bounding([list(BOX)], [])] * 2)
    rows = report["strict"]["slices"]["task"]
    assert {task: row["items"] for task, row in rows.items()} == {"bounding": 2, "presence": 2}


def test_huge_numbers_are_scored_without_a_warning() -> None:
    """1e308 is valid JSON, and too large to square."""
    huge = [1e308, -1e308, 1.7e308, 1e308]
    boxes = [bounding([list(BOX)], [box]) for box in (huge, [0, 0, *huge[2:]])]
    items = [*boxes, pointing([[1.0, 2.0]], [huge[:2], huge[2:]])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = scoring_report(items * 2)
    assert report["strict"]["overall"]["box_f1_50"]["value"] == 0
