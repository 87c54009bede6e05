"""The published metrics: by hand, and against a second computation on random cases."""

import random
from collections.abc import Iterator

import pytest

from medmultipoints.transforms.scoring.answers.items import PARTS, Item
from medmultipoints.transforms.scoring.detection import average_precisions
from medmultipoints.transforms.scoring.published_metrics import published_metrics
from tests.transforms.scoring import naive
from tests.transforms.scoring.questions import bounding, counting, fenced, pointing, truth

SQUARE = [0.0, 0.0, 10.0, 10.0]
HALF = [0.0, 0.0, 10.0, 5.0]
FAR = [500.0, 500.0, 510.0, 510.0]


def test_points_are_measured_to_the_nearest_true_point_and_averaged_by_item() -> None:
    """Item 1: distances 3 and 5 (both to one point); item 2: 20; item 3 says nothing and is left out."""
    items = [
        pointing([[0.0, 0.0], [900.0, 0.0]], [[3.0, 0.0], [0.0, 5.0]]),
        pointing([[0.0, 0.0]], [[0.0, 20.0]]),
        pointing([[0.0, 0.0]], []),
    ]
    found = published_metrics(items)["pointing"]
    assert found["point_mae"] == (4 + 20) / 2
    assert pytest.approx((17**0.5 + 20) / 2) == found["point_rmse"]
    assert found["matching_accuracy"] == (1 + 0) / 2
    assert found["zero_cases"] == 1


def test_ten_pixels_are_no_match() -> None:
    """The radius is exclusive."""
    found = published_metrics([pointing([[0.0, 0.0]], [[10.0, 0.0], [9.99, 0.0]])])["pointing"]
    assert found["matching_accuracy"] == 0.5


def test_an_empty_first_point_is_a_zero_case() -> None:
    """``[{"point_2d": []}]`` says nothing."""
    assert published_metrics([pointing([[0.0, 0.0]], [[]])])["pointing"]["zero_cases"] == 1


def test_counts_give_mae_and_mse() -> None:
    """Errors 1, -3 and -4, the last from an answer without a fence."""
    found = published_metrics([counting(2, 3), counting(5, 2), counting(4, '{"counts": 4}')])["counting"]
    assert (found["count_mae"], found["count_mse"]) == (8 / 3, 26 / 3)
    assert found["unreadable"] == 1


def test_iou_is_the_best_of_each_prediction_averaged_by_item_with_predictions() -> None:
    """Item 1: 1 and 0.5; item 2: 0; item 3 says nothing."""
    items = [bounding([SQUARE], [SQUARE, HALF]), bounding([SQUARE], [FAR]), bounding([SQUARE], [])]
    assert published_metrics(items)["bounding"]["iou"] == (0.75 + 0) / 2


def test_average_precision_depends_on_the_order_of_the_file() -> None:
    """One hit and one miss: a hit that comes first gives all 51 recall points up to 0.5 a precision of 1, else 1/2."""
    hit, miss = bounding([SQUARE], [SQUARE]), bounding([SQUARE], [FAR])
    assert pytest.approx(51 / 101) == published_metrics([hit, miss])["bounding"]["mAP"]
    assert pytest.approx(51 / 101 / 2) == published_metrics([miss, hit])["bounding"]["mAP"]


def test_thresholds_of_average_precision_are_inclusive() -> None:
    """An IoU of exactly 0.5 counts at 50 %, not at 75 %, and at one of ten thresholds."""
    found = published_metrics([bounding([SQUARE], [HALF])])["bounding"]
    assert pytest.approx((1.0, 0.0, 0.1)) == (found["mAP_50"], found["mAP_75"], found["mAP"])


def test_only_the_first_hundred_boxes_of_an_item_count() -> None:
    """The right box in place 101 is not seen, in place 100 it is."""
    late, last = [bounding([SQUARE], [FAR] * before + [SQUARE]) for before in (100, 99)]
    assert published_metrics([late])["bounding"]["mAP"] == 0
    assert pytest.approx(1 / 100) == published_metrics([last])["bounding"]["mAP"]


def test_nothing_to_average_gives_what_the_published_program_prints() -> None:
    """A model that says nothing has no distance at all, which is printed as 0."""
    found = published_metrics([pointing([[0.0, 0.0]], "no")])["pointing"]
    assert (found["point_mae"], found["matching_accuracy"], found["zero_cases"]) == (0, 0, 1)


def test_a_line_that_stops_the_published_program_counts_as_empty_and_is_reported() -> None:
    """Ragged points are an error there; the count beside them still holds."""
    item = Item(truth("cnt_and_point", points=[[0.0, 0.0]] * 2), fenced({"counts": 2, "point_2d": [[1.0, 2.0], [3.0]]}))
    found = published_metrics([item])["cnt_and_point"]
    assert (found["stopped"], found["zero_cases"], found["count_mae"]) == (1, 1, 0)


def test_a_point_where_nothing_is_true_stops_the_published_program() -> None:
    """It asks for the first of no true points; an answer of none is a zero case and nothing else."""
    found = published_metrics([pointing([], [[1.0, 2.0]]), pointing([], [])])["pointing"]
    assert (found["stopped"], found["zero_cases"]) == (1, 2)


def _random_case(draw: random.Random, task: str) -> Item:
    count = draw.choice([1, 1, 2, 3, 8])
    corners = [[draw.randint(0, 600), draw.randint(0, 400)] for _ in range(count)]
    boxes = [[x, y, x + draw.randint(5, 80), y + draw.randint(5, 80)] for x, y in map(tuple, corners)]
    points = [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes]
    said = [box for box in boxes if draw.random() < 0.8] + [
        draw.choice(boxes) for _ in range(draw.choice([0, 0, 1, 110]))
    ]
    said = [[side + draw.choice([0, 0, draw.uniform(-9, 9)]) for side in box] for box in said]
    draw.shuffle(said)
    said = [box for box in said if box[2] > box[0] and box[3] > box[1]]
    dots = [[(x1 + x2) / 2 + draw.choice([0, 6, 8]), (y1 + y2) / 2 + draw.choice([0, 6, 9])] for x1, y1, x2, y2 in said]
    places = {} if task == "counting" else {"points": points} if "point" in task else {"boxes": boxes}
    return Item(truth(task, count=count, **places), draw.choice(list(_responses(task, said, dots, len(said)))))


def _responses(task: str, boxes: list[list[float]], points: list[list[float]], count: int) -> Iterator[str]:
    key, places = ("point_2d", points) if "point" in task else ("bbox_2d", boxes)
    objects = [{key: place, "label": "x"} for place in places]
    combined = {"counts": count, key: places, "label": "x"}
    usual = {"counting": {"counts": count}, "pointing": objects, "bounding": objects}.get(task, combined)
    yield from [fenced(usual)] * 5
    yield fenced(usual).replace("json", "JSON") + " That is all."
    yield fenced(usual).strip("`")
    yield fenced(objects)
    yield fenced([])
    yield "Sure: " + fenced(usual)[:-9] + "```"
    if task != "bounding" and task != "pointing":
        yield fenced({"count": count, key: places} if task != "counting" else {"sperm_count": count})
    if task == "counting":
        yield fenced([{"count": count, "label": "x"}])
        yield fenced({"count": 1.5, "n": 3})
        yield fenced({"label": "x", "count": count, "recount": count + 1})


@pytest.mark.parametrize("block", range(10))
def test_five_hundred_random_cases_agree_with_a_second_computation(block: int) -> None:
    """Each metric of each task agrees to 1e-6, in the order of the file."""
    for seed in range(block * 50, block * 50 + 50):
        draw = random.Random(seed)
        task = list(PARTS)[seed % len(PARTS)]
        items = [_random_case(draw, task) for _ in range(draw.randint(1, 8))]
        cases = [(one.truth.count, one.truth.points, one.truth.boxes, one.response) for one in items]
        found = published_metrics(items)[task]
        for name, value in naive.published(task, cases).items():
            assert value == pytest.approx(found[name], abs=1e-6), (seed, task, name)


@pytest.mark.parametrize(("width", "reached"), [(50, 1), (60, 2), (70, 5), (75, 6), (80, 6), (90, 9), (95, 10)])
def test_thresholds_are_those_of_single_precision(width: int, reached: int) -> None:
    """An IoU of exactly 0.6 or 0.8 misses its threshold, one of 0.7, 0.9 or 0.95 passes it, as when published."""
    precisions = average_precisions([[(0, 0, 100, 100)]], [[(0, 0, width, 100)]])
    assert int((precisions > 0).sum()) == reached
