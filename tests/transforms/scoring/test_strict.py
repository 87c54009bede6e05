"""The strict metrics: by hand, against plain computations, and whatever the order."""

import json
import random
from itertools import permutations
from math import dist, isnan

import pytest

from medmultipoints.transforms.scoring.answers.items import Item
from medmultipoints.transforms.scoring.strict import strict_scores
from tests.transforms.scoring.questions import bounding, counting, fenced, pointing, truth

SQUARE = [0.0, 0.0, 10.0, 10.0]
HALF = [0.0, 0.0, 10.0, 5.0]
NEXT = [100.0, 0.0, 110.0, 10.0]
FAR = [500.0, 500.0, 510.0, 510.0]


def _boxed(points: list[list[float]], response: object, size: float) -> Item:
    """A pointing question about squares of a size, whose boxes are known."""
    boxes = [[x - size / 2, y - size / 2, x + size / 2, y + size / 2] for x, y in points]
    return pointing(points, response, boxes=boxes)


def test_points_match_one_to_one_within_radii_relative_to_the_object() -> None:
    """Objects of 40 px; answers 9 and 15 px from the first and none near the second: one hit, one extra, one missed."""
    scores = strict_scores([_boxed([[0.0, 0.0], [300.0, 0.0]], [[9.0, 0.0], [15.0, 0.0]], 40)]).overall
    assert tuple(scores[f"point_{name}_25"] for name in ("precision", "recall", "f1")) == (0.5, 0.5, 0.5)
    assert tuple(scores[f"point_{name}_50"] for name in ("precision", "recall", "f1")) == (0.5, 0.5, 0.5)
    assert pytest.approx((9 / 40 + 1) / 2) == scores["point_error"]


def test_the_radius_grows_with_the_object() -> None:
    """15 px off is far from an object of 20 px and near to one of 80 px."""
    for size, hits in ((20, (0, 0, 1)), (80, (1, 1, 1))):
        scores = strict_scores([_boxed([[0.0, 0.0]], [[15.0, 0.0]], size)]).overall
        assert hits == tuple(scores[f"point_recall_{radius}"] for radius in (25, 50, 100))


def test_objects_of_unknown_size_count_as_twenty_pixels_wide() -> None:
    """So that the middle radius is the published 10 px; the report tells how many there were."""
    scores = strict_scores([pointing([[0.0, 0.0]], [[10.0, 0.0]])])
    assert tuple(scores.overall[f"point_recall_{radius}"] for radius in (25, 50, 100)) == (0, 1, 1)
    assert scores.sizes_unknown == 1


def test_matching_is_optimal_not_greedy() -> None:
    """The second answer is nearest to the first object, but both objects can be matched."""
    item = _boxed([[0.0, 0.0], [10.0, 0.0]], [[4.0, 0.0], [-5.0, 0.0]], 12)
    assert strict_scores([item]).overall["point_recall_100"] == 1


def test_silence_is_punished() -> None:
    """No answer finds nothing and is as far off as can be."""
    scores = strict_scores([pointing([[0.0, 0.0]], []), bounding([SQUARE], []), counting(3, "?")]).overall
    zeros = ("point_f1_50", "point_precision_50", "box_f1_50", "box_iou", "mAP", "exact_count_accuracy")
    assert [scores[name] for name in zeros] == [0] * 6
    assert (scores["point_error"], scores["relative_count_error"], scores["count_mae"]) == (1, 1, 3)


def test_box_iou_is_over_all_true_and_predicted_boxes() -> None:
    """Matched 0.5, one extra, one missed: 0.5 over three objects; F1 at 50 % is 1 of 2 and 2."""
    scores = strict_scores([bounding([SQUARE, NEXT], [HALF, FAR])]).overall
    assert pytest.approx(0.5 / 3) == scores["box_iou"]
    assert tuple(scores[name] for name in ("box_precision_50", "box_recall_50", "box_f1_50", "box_f1_75")) == (
        0.5,
        0.5,
        0.5,
        0,
    )


def test_average_precision_without_scores_is_one_step() -> None:
    """Precision 1/2 up to the recall of 1/2: 51 of 101 points, whatever the order of the file."""
    hit, miss = bounding([SQUARE], [SQUARE], item_id="a"), bounding([SQUARE], [FAR], item_id="b")
    values = {strict_scores(order).overall["mAP_50"] for order in ([hit, miss], [miss, hit])}
    assert {0.5 * 51 / 101} == values


def test_repeating_a_box_costs_precision() -> None:
    """Ten times the same box is one hit and nine extras."""
    scores = strict_scores([bounding([SQUARE], [SQUARE] * 10)]).overall
    assert (scores["box_precision_50"], scores["box_recall_50"], scores["box_iou"]) == (0.1, 1, 0.1)


def test_counts_are_relative_and_by_density() -> None:
    """Errors of 1 in 2 and 10 in 40; density classes hold their own."""
    scores = strict_scores([counting(2, 3, item_id="a"), counting(40, 30, item_id="b"), counting(4, 4, item_id="c")])
    assert pytest.approx((0.5 + 0.25 + 0) / 3) == scores.overall["relative_count_error"]
    assert pytest.approx(1 / 3) == scores.overall["exact_count_accuracy"]
    by_density = {name: row["relative_count_error"] for name, row in scores.slices["density"].items()}
    assert by_density == {"2-5": 0.25, "31 and more": 0.25}


def test_absent_objects_must_be_denied_not_left_unanswered() -> None:
    """ "None" is right; a place is wrong; an answer that cannot be read is wrong too."""
    items = [
        pointing([], []),
        pointing([], [[1.0, 1.0]]),
        pointing([], "I cannot tell."),
        counting(0, 0),
        counting(0, 2),
        Item(truth("count_and_box"), fenced({"counts": 0, "bbox_2d": []})),
    ]
    scores = strict_scores(items).overall
    assert scores["absent_accuracy"] == 0.5
    assert scores["point_precision_50"] == 0


def test_labels_sources_and_videos_count_alike_in_macro_averages() -> None:
    """Three right answers of one label and a wrong one of another: 0.5; items without a video are in no video."""
    items = [counting(1, 1, label="polyps", source="a", item_id=str(n)) for n in range(3)]
    items.append(counting(1, 2, label="normal", source="b", video="11", item_id="x"))
    scores = strict_scores(items)
    assert scores.overall["exact_count_accuracy"] == 0.75
    assert 0.5 == scores.macro["label"]["exact_count_accuracy"] == scores.macro["source"]["exact_count_accuracy"]
    assert list(scores.slices["video"]) == ["11"]


def test_metrics_without_meaning_are_nan() -> None:
    """A counting question says nothing about boxes, and without absent objects there is no accuracy on them."""
    scores = strict_scores([counting(1, 1)]).overall
    assert all(isnan(scores[name]) for name in ("mAP", "box_f1_50", "point_f1_50", "point_error", "absent_accuracy"))


def _random_items(seed: int) -> list[Item]:
    draw = random.Random(seed)
    items = []
    for number in range(12):
        true = [[draw.uniform(0, 99), draw.uniform(0, 99)] for _ in range(draw.randint(0, 4))]
        said = [[x + draw.gauss(0, 9), y + draw.gauss(0, 9)] for x, y in true if draw.random() < 0.8]
        said += [[draw.uniform(0, 99), draw.uniform(0, 99)] for _ in range(draw.randint(0, 2))]
        known = {"item_id": str(number), "group": str(number % 5), "label": "ab"[number % 2]}
        squares = [[x - 10, y - 10, x + 10, y + 10] for x, y in true]
        items.append(pointing(true, said, boxes=squares, **known))
        boxes = [[x, y, x + 20, y + 20] for x, y in true]
        items.append(bounding(boxes, [[x, y, x + 20, y + 20] for x, y in said], **(known | {"item_id": f"b{number}"})))
    return items


@pytest.mark.parametrize("seed", range(20))
def test_hits_are_the_most_that_any_matching_reaches(seed: int) -> None:
    """Against all permutations: matched pairs, and the least total distance with a cut-off."""
    for item in _random_items(seed)[::2]:
        said = [tuple(map(float, point)) for point in _points(item)]
        true, size = list(item.truth.points), 20.0
        scores = strict_scores([item]).overall
        if not true:
            continue
        assert pytest.approx(_most(true, said, size / 2) / len(true)) == scores["point_recall_50"]
        assert pytest.approx(_least(true, said, size)) == scores["point_error"]


def _points(item: Item) -> list[list[float]]:
    return [entry["point_2d"] for entry in json.loads(item.response.split("\n")[1])]


def _assignments(true: list, said: list) -> list[list[tuple]]:
    few, many = sorted((true, said), key=len)
    return [list(zip(few, order, strict=True)) for order in permutations(many, len(few))]


def _most(true: list, said: list, radius: float) -> int:
    return max(sum(dist(a, b) <= radius for a, b in pairs) for pairs in _assignments(true, said))


def _least(true: list, said: list, size: float) -> float:
    longest = max(len(true), len(said))
    return min(
        (sum(min(dist(a, b) / size, 1) for a, b in pairs) + longest - len(pairs)) / longest
        for pairs in _assignments(true, said)
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_order_matters(seed: int) -> None:
    """Items shuffled and answers reversed: the same scores and intervals to the last bit."""
    items = _random_items(seed)
    mixed = [Item(item.truth, _reversed(item)) for item in items]
    random.Random(seed).shuffle(mixed)
    one, other = strict_scores(items), strict_scores(mixed)
    assert repr(one) == repr(other)


def _reversed(item: Item) -> str:
    return fenced(json.loads(item.response.split("\n")[1])[::-1])


def test_intervals_hold_the_value_and_narrow_with_more_groups() -> None:
    """Half the counts right: 0.5 lies inside; 200 groups say more than 20, copies of one group say nothing."""
    widths = []
    for groups in (20, 200):
        items = [counting(1, 1 + number % 2, item_id=str(number), group=str(number)) for number in range(groups)]
        low, high = strict_scores(items).intervals["exact_count_accuracy"]
        assert low < 0.5 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    alone = [counting(1, 1 + number % 2, item_id=str(number), group="a") for number in range(20)]
    assert all(isnan(end) for end in strict_scores(alone).intervals["exact_count_accuracy"])


def test_intervals_agree_with_theory() -> None:
    """100 groups, half of them right: the normal interval is 0.5 +- 0.098."""
    items = [counting(1, 1 + number % 2, item_id=str(number)) for number in range(100)]
    low, high = strict_scores(items).intervals["exact_count_accuracy"]
    assert pytest.approx((0.402, 0.598), abs=0.02) == (low, high)


def test_the_draw_depends_on_the_groups_alone() -> None:
    """The same groups with other sums are resampled alike: a metric that copies another has its interval."""
    items = [counting(1, 1 + number % 2, item_id=str(number)) for number in range(30)]
    first = strict_scores(items).intervals["exact_count_accuracy"]
    assert first == strict_scores(items[::-1]).intervals["exact_count_accuracy"]


def test_no_items_give_no_numbers() -> None:
    """Nothing is 0 or 1 by accident."""
    scores = strict_scores([])
    assert all(isnan(value) for value in scores.overall.values())
    assert (scores.items, scores.groups, scores.failures) == (0, 0, {})
