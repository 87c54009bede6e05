"""Where the two metric sets disagree, and why."""

import pytest

from medmultipoints.transforms.scoring.answers.items import Item
from medmultipoints.transforms.scoring.disagreements import REASONS, find_disagreements
from medmultipoints.transforms.scoring.metric_sets import scoring_report
from tests.transforms.scoring.questions import bounding, counting, fenced, pointing, truth

SQUARE = [0.0, 0.0, 10.0, 10.0]
FAR = [500.0, 500.0, 510.0, 510.0]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (counting(3, 3), {}),
        (counting(3, 4), {}),
        (counting(3, '{"counts": 3}'), {"parsing": 1}),
        (counting(3, "three"), {"unread": 1}),
        (counting(3, fenced({"label": "x"})), {"no_part": 1}),
        (counting(3, fenced({"count": "3"})), {"key": 1}),
        (counting(3, fenced([{"label": "x"}])), {"stopped": 1, "key": 1}),
        (pointing([[0.0, 0.0]], [[1.0, 0.0]]), {}),
        (pointing([[0.0, 0.0]] * 2, []), {"left_out": 2}),
        (pointing([], []), {}),
        (pointing([[0.0, 0.0], [50.0, 0.0], [90.0, 0.0]], [[1.0, 0.0]]), {"misses": 2}),
        (pointing([[0.0, 0.0]], [[1.0, 0.0], [2.0, 0.0], [99.0, 0.0]]), {"shared": 1}),
        (bounding([SQUARE, FAR], [SQUARE, SQUARE]), {"misses": 1, "shared": 1}),
        (Item(truth("cnt_and_point", points=[[0.0, 0.0]]), fenced({"count": 1, "point_2d": [[0, 0]]})), {"key": 1}),
    ],
)
def test_each_reason_is_found_where_it_holds_and_nowhere_else(item: Item, expected: dict[str, int]) -> None:
    """With the objects that are missed, or the answers that are too many."""
    assert expected == {row.reason: row.objects for row in find_disagreements([item])}


def test_items_are_counted_by_task_and_reason_with_examples() -> None:
    """The first three are named."""
    items = [counting(3, "three", item_id=str(number)) for number in range(5)]
    (row,) = find_disagreements(items)
    assert (row.task, row.reason, row.items, row.examples) == ("counting", "unread", 5, ("0", "1", "2"))
    assert REASONS["unread"] == row.why


def test_the_report_puts_counterparts_side_by_side() -> None:
    """A model that points at one of two objects: all is well by the published set, half by the strict one."""
    report = scoring_report([pointing([[0.0, 0.0], [90.0, 0.0]], [[0.0, 0.0]])])
    sides = {side["published_name"]: (side["published"], side["strict"]) for side in report["side_by_side"]}
    assert sides["matching_accuracy"] == (1.0, 2 / 3)
    assert sides["zero_cases"] == (0, 0.5)
    assert {"published", "strict", "side_by_side", "disagreements", "items"} == set(report)


@pytest.mark.parametrize(("sets", "absent"), [("published", "strict"), ("strict", "published")])
def test_one_set_alone_can_be_asked_for(sets: str, absent: str) -> None:
    """Then there is nothing to compare."""
    report = scoring_report([counting(1, 1)], sets)  # type: ignore[arg-type]
    assert sets in report
    assert not {absent, "side_by_side", "disagreements"} & set(report)
