"""What to label next: pictures that models disagree about, and among those what is unlike the rest."""

import time

import numpy as np
import pytest

from medmultipoints.transforms.witnesses import label_next
from medmultipoints.transforms.witnesses.label_next import Unlabelled, disagreement, order_of_labelling


def test_disagreement_is_one_minus_the_mean_dice_of_pairs() -> None:
    whole, half, none = np.ones((2, 4), np.bool_), np.zeros((2, 4), np.bool_), np.zeros((2, 4), np.bool_)
    half[:, :2] = True
    assert 0.0 == disagreement([whole, whole], [])
    assert round(1 - (8 / 12 + 0 + 0) / 3, 4) == disagreement([whole, half, none], [])
    assert 0.3 == disagreement([whole], [0.9, 0.7])
    assert 0.0 == disagreement([none], [])


POLYPS = frozenset({"polyps"})


def test_of_two_alike_one_comes_late_and_what_is_labelled_comes_last() -> None:
    pictures = [
        Unlabelled("a", 0.5, 0, POLYPS),
        Unlabelled("b", 0.5, 1, POLYPS),  # one bit from a
        Unlabelled("c", 0.4, 2**64 - 1, POLYPS),
        Unlabelled("d", 0.9, 2**32 - 1, POLYPS),  # labelled already
        Unlabelled("e", 0.0, 2**63, POLYPS),
    ]
    labelled = {"polyps": [2**32 - 1]}
    found = order_of_labelling(pictures, labelled)
    assert ["a", "c", "b"] == [one.name for one in found][:3]
    assert {"d", "e"} == {one.name for one in found[3:]}
    assert found == order_of_labelling(pictures[::-1], labelled)


def test_a_picture_labelled_with_another_class_is_not_near() -> None:
    pictures = [Unlabelled("a", 0.5, 0, POLYPS), Unlabelled("b", 0.5, 2**64 - 1, frozenset({"sperm"}))]
    found = order_of_labelling(pictures, {"sperm": [0], "polyps": [2**64 - 1]})
    assert [("a", 1.0), ("b", 1.0)] == [(one.name, one.distance) for one in found]
    found = order_of_labelling(pictures, {"sperm": [2**64 - 1], "polyps": [1]})
    assert [("a", round(1 / 64, 4)), ("b", 0.0)] == [(one.name, one.distance) for one in found]


def test_beyond_the_spread_places_every_picture_follows_once_by_the_same_product(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    pictures = [
        Unlabelled(f"{place:03}", round(float(rng.random()), 1), int(rng.integers(2**63)), POLYPS)
        for place in range(60)
    ]
    whole = order_of_labelling(pictures, {})
    monkeypatch.setattr(label_next, "MOST_SPREAD", 10)
    found = order_of_labelling(pictures, {})
    assert whole[:10] == found[:10]
    products = [one.disagreement * one.distance for one in found[10:]]
    assert sorted(products, reverse=True) == products
    assert sorted(one.name for one in whole) == sorted(one.name for one in found)


@pytest.mark.slow
def test_thirty_thousand_pictures_are_ordered_in_seconds() -> None:
    rng = np.random.default_rng(4)
    rows = zip(rng.random(30_000).round(4).tolist(), rng.integers(2**63, size=30_000).tolist(), strict=True)
    pictures = [Unlabelled(f"{place:05}", part, code, POLYPS) for place, (part, code) in enumerate(rows)]
    start = time.process_time()
    assert len(order_of_labelling(pictures, {})) == 30_000
    assert time.process_time() - start < 30
