"""Random samples to check: drawn by name, with a bound that is right."""

import pytest
from scipy.stats import binom

from medmultipoints.transforms.review.sampling import check_statement, draw_order, most_wrong


def test_another_record_moves_no_other_in_the_draw() -> None:
    names = [f"r{n}" for n in range(50)]
    assert draw_order(names, 1) == [one for one in draw_order([*names, "new"], 1) if one != "new"]
    assert draw_order(names, 1) != draw_order(names, 2)


@pytest.mark.parametrize(("looked_at", "wrong"), [(200, 1), (59, 0), (30, 12)])
def test_the_bound_is_where_so_few_wrong_ones_have_a_chance_of_5_percent(looked_at: int, wrong: int) -> None:
    assert binom.cdf(wrong, looked_at, most_wrong(looked_at, wrong)) == pytest.approx(0.05)


def test_the_statement() -> None:
    right, wrong = [f"r{n}" for n in range(199)], ["w"]
    assert check_statement(3000, right, wrong) == "200 of 3,000 looked at, 1 wrong: at most 2.4 %, one-sided 95 %"
    assert "at most 0.0 %" in check_statement(199, right, [])
    assert "at most 100.0 %" in check_statement(10, [], [])
