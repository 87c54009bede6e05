"""Where the time of a stage goes."""

import pytest

from medmultipoints.flows.engine.running.timings import NO_TIMES, Span, covered, stage_times


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(0, 2)], 2),
        ([(0, 2), (1, 3)], 3),
        ([(5, 6), (0, 2)], 3),
        ([(0, 9), (2, 3)], 9),
    ],
)
def test_time_in_which_shards_run_side_by_side_counts_once(spans: list[tuple[float, float]], seconds: float) -> None:
    assert covered(Span(start, end, 0) for start, end in spans) == seconds


def test_work_and_storing_of_shards_add_up_and_what_nobody_worked_in_is_waiting() -> None:
    times = stage_times([Span(10, 14, 1), Span(11, 15, 0.5)], mapping=6, finishing=3, stored=0.5)
    assert (times.work, times.storing, times.validation, times.waiting) == (6.5, 2.0, 2.5, 1)


def test_a_stage_that_is_kept_takes_no_time() -> None:
    assert set(NO_TIMES.to_json().values()) == {0.0}
