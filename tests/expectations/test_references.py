"""Rules over whole tables answer with the numbers behind them."""

import polars as pl
import pytest

from medmultipoints.expectations.references import accounting_holds, keys_unique, references_hold


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["a", "b"], (True, "2 values of id, all different")),
        ([], (True, "0 values of id, all different")),
        (["b", "a", "b", "a"], (False, "2 values of id occur more than once: a, b")),
        (["a", None], (False, "1 values of id are null")),
        (["a", "a", None, None], (False, "2 values of id are null; 1 values of id occur more than once: a")),
    ],
)
def test_keys_are_unique_and_given(keys: list[str | None], answer: tuple[bool, str]) -> None:
    """Copies are named in order, nulls counted."""
    assert keys_unique(pl.DataFrame({"id": keys}, schema={"id": pl.String}), "id") == answer


def test_long_lists_of_copies_are_cut() -> None:
    """Five are named."""
    frame = pl.DataFrame({"id": [f"{i}" for i in range(8)] * 2})
    assert keys_unique(frame, "id") == (False, "8 values of id occur more than once: 0, 1, 2, 3, 4 and 3 more")


@pytest.mark.parametrize(
    ("children", "answer"),
    [
        (["a", "a", None], (True, "1 values of sample_id all occur in id")),
        ([], (True, "0 values of sample_id all occur in id")),
        (["z", "a", "y", "z"], (False, "2 values of sample_id have no row with that id: y, z")),
    ],
)
def test_references_point_at_rows(children: list[str | None], answer: tuple[bool, str]) -> None:
    """Null refers to nothing; each lost value is named once."""
    child = pl.DataFrame({"sample_id": children}, schema={"sample_id": pl.String})
    assert references_hold(child, "sample_id", pl.DataFrame({"id": ["a", "b", None]}), "id") == answer


def test_accounting_closes() -> None:
    """in = used + dropped + rejected, and no part is negative."""
    assert accounting_holds(6, 3, 2, 1) == (True, "6 in = 3 used + 2 dropped + 1 rejected")
    assert accounting_holds(7, 3, 2, 1) == (False, "7 in != 3 used + 2 dropped + 1 rejected")
    assert not accounting_holds(3, 4, -1, 0)[0]
