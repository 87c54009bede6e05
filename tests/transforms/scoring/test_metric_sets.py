"""Models that do not look at the picture: the strict set punishes them, the published one shows its flaws."""

import pytest

from tests.docs.page_tables import read_table
from tests.transforms.scoring.degenerate import MODELS, NAME, render_table, scores_of

BLIND = [
    "finds nothing, in good JSON",
    "writes no JSON",
    "the picture's centre for everything",
    "one true object, thirty times",
]


def test_the_page_shows_what_the_code_computes() -> None:
    """``docs/evaluation.md`` is up to date; ``python -m tests.transforms.scoring.degenerate`` writes it again."""
    assert read_table(NAME) == render_table()


@pytest.mark.parametrize("name", BLIND)
def test_the_strict_set_punishes_every_blind_model(name: str) -> None:
    """Next to nothing is right: no F1, IoU or mAP above 0.1, counts exact at most where the constant happens to be."""
    scores = scores_of(MODELS[name])
    assert max(scores[f"strict {metric}"] for metric in ("point_f1_50", "box_f1_50", "box_iou", "mAP_50")) < 0.1
    assert scores["strict exact_count_accuracy"] < 0.1
    assert scores["strict point_error"] > 0.85


def test_the_published_set_gives_full_marks_for_one_object_an_image() -> None:
    """No distance, every match, IoU 1, although most objects are missed; repeating it changes nothing."""
    for name in ("one true object, no other", "one true object, thirty times"):
        scores = scores_of(MODELS[name])
        assert scores["published point_mae"] == 0
        assert scores["published matching_accuracy"] == scores["published iou"] == 1
        assert scores["strict point_f1_50"] < 0.3


def test_the_published_set_prints_no_distance_for_a_silent_model() -> None:
    """Left out of the mean, so that the mean of nothing, 0, looks perfect."""
    assert scores_of(MODELS["finds nothing, in good JSON"])["published point_mae"] == 0


def test_a_missing_fence_is_no_wrong_answer() -> None:
    """Published: everything is missing; strict: everything is right."""
    scores = scores_of(MODELS["the truth, without the fence"])
    assert scores["published matching_accuracy"] == 0
    assert [scores[f"strict {name}"] for name in ("exact_count_accuracy", "point_f1_50", "box_f1_50", "mAP_50")] == [
        1
    ] * 4


def test_the_truth_is_perfect_under_both() -> None:
    """Where there is something to find; the images without objects are zero cases of the published set."""
    scores = scores_of(MODELS["the truth"])
    assert [scores[f"published {name}"] for name in ("count_mae", "point_mae", "iou", "mAP_50")] == pytest.approx(
        [0, 0, 1, 1]
    )
    assert [scores[f"strict {name}"] for name in ("point_error", "point_f1_50", "box_iou", "mAP_50")] == [0, 1, 1, 1]
