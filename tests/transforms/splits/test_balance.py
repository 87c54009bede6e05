"""A few groups are exchanged until no exchange helps."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from medmultipoints.transforms.splits.balance import MOST_GROUPS, balance

IMAGES = ""
HALVES = {"test": 0.5, "train": 0.5}


def imbalance(placed: dict[str, str], strata: dict[str, dict[str, int]], shares: dict[str, float]) -> float:
    """The sum that is to be small, all weights 1, counted here anew."""
    names = {name for counts in strata.values() for name in counts}
    total = {name: sum(counts.get(name, 0) for counts in strata.values()) for name in names}
    held = {
        (split, name): sum(strata[group].get(name, 0) for group in placed if placed[group] == split)
        for split, name in product(shares, names)
    }
    return sum((held[split, name] / total[name] - shares[split]) ** 2 / shares[split] for split, name in held)


def weights(strata: dict[str, dict[str, int]]) -> dict[str, float]:
    return dict.fromkeys({name for counts in strata.values() for name in counts}, 1.0)


def test_a_rare_label_is_brought_to_both_splits() -> None:
    """Both groups that hold it were in train."""
    strata = {name: {IMAGES: 10} | ({"rare": 5} if name in "ab" else {}) for name in "abcd"}
    placed = dict(zip("abcd", ("train", "train", "test", "test"), strict=True))
    found = balance(placed, list("abcd"), strata, HALVES, weights(strata), IMAGES)
    assert {found["a"], found["b"]} == {found["c"], found["d"]} == {"train", "test"}


def test_groups_that_are_not_free_stay() -> None:
    strata = {name: {IMAGES: 10} | ({"rare": 5} if name in "ab" else {}) for name in "abcd"}
    placed = dict(zip("abcd", ("train", "train", "test", "test"), strict=True))
    found = balance(placed, ["a"], strata, HALVES, weights(strata), IMAGES)
    assert {name: found[name] for name in "bcd"} == {name: placed[name] for name in "bcd"}


def test_many_groups_are_left_as_they_are() -> None:
    names = [f"{number}" for number in range(MOST_GROUPS + 1)]
    strata = {name: {IMAGES: 1} for name in names}
    placed = {name: "train" if number else "test" for number, name in enumerate(names)}
    assert balance(placed, names, strata, HALVES, weights(strata), IMAGES) == placed


counts = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=9)


@settings(deadline=None)
@given(counts, st.integers(1, 9), st.integers(0, 2**9))
def test_the_result_is_never_worse_and_no_exchange_improves_it(
    groups: list[tuple[int, int, int]], share: int, start: int
) -> None:
    """Whatever the start; a split that held something still does."""
    strata = {
        f"{number}": {name: count for name, count in zip((IMAGES, "a", "b"), group, strict=True) if count}
        for number, group in enumerate(groups)
    }
    shares = {"test": share / 10, "train": 1 - share / 10}
    placed = {name: "train" if start >> int(name) & 1 else "test" for name in strata}
    found = balance(placed, sorted(strata), strata, shares, weights(strata), IMAGES)
    assert imbalance(found, strata, shares) <= imbalance(placed, strata, shares) + 1e-9
    assert set(found.values()) >= set(placed.values())
    assert balance(found, sorted(strata), strata, shares, weights(strata), IMAGES) == found
