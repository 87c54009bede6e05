"""The numbers behind the charts of an evaluation."""

from medmultipoints.transforms.scoring.charts import count_dots, metric_bars
from medmultipoints.transforms.scoring.metric_sets import scoring_report
from tests.transforms.scoring.questions import counting, pointing


def test_counts_are_grouped_and_placed_on_square_root_scales() -> None:
    """What is unread or far beyond the true counts is told, not drawn."""
    found = count_dots([counting(4, 4), counting(4, 4), counting(1, 9), counting(1, "many"), counting(1, 11)])
    assert found is not None
    assert [(dot.true, dot.said, dot.number) for dot in found.dots] == [(1, 9, 1), (4, 4, 2)]
    assert (found.most, found.unread, found.beyond) == (10, 1, 1)
    assert found.dots[1].x == found.dots[1].y == 0.4**0.5
    assert [tick for tick, _ in found.ticks] == [0, 1, 2, 5, 10]


def test_without_counting_questions_there_is_no_chart_of_counts() -> None:
    """Nothing is drawn empty."""
    assert count_dots([pointing([[0.0, 0.0]], [])]) is None


def test_bars_are_the_metrics_between_0_and_1() -> None:
    """Errors without a bound are left to the table; one group has no interval."""
    bars = metric_bars(scoring_report([counting(2, 3)])["strict"])
    assert [(bar.name, bar.lower_is_better, bar.value, bar.low) for bar in bars] == [
        ("unread_rate", True, 0.0, None),
        ("exact_count_accuracy", False, 0.0, None),
    ]
