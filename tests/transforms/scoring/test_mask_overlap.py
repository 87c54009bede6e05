"""Overlap of masks: exact where it is exact, 0 where nothing can be read."""

import json

import numpy as np
import pytest

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.scoring.mask_overlap import read_mask, score_mask, total_overlap

TRUTH = np.zeros((20, 30), bool)
TRUTH[5:15, 10:20] = True


def answer(mask: np.ndarray) -> str:
    return json.dumps(
        {"label": "polyp", "rle": {"size": [20, 30], "counts": encode_rle(mask.astype(np.uint8), 0, 0, 30, 20)}}
    )


def test_the_true_mask_scores_one_and_half_of_it_two_thirds() -> None:
    half = TRUTH.copy()
    half[10:] = False
    assert (score_mask("a", TRUTH, answer(TRUTH)).dice, score_mask("a", TRUTH, answer(TRUTH)).iou) == (1.0, 1.0)
    found = score_mask("a", TRUTH, f"The mask is ```json\n{answer(half)}\n```")
    assert (round(found.dice, 4), found.iou, found.unread) == (0.6667, 0.5, False)


def test_a_polygon_is_read_where_there_is_no_code() -> None:
    corners = [[10, 5], [20, 5], [20, 15], [10, 15]]
    assert score_mask("a", TRUTH, json.dumps({"polygon": corners})).iou == 1.0


@pytest.mark.parametrize(
    "response",
    [
        "",
        "no mask",
        "[1, 2]",
        '{"rle": {"size": [30, 20], "counts": "0"}}',
        '{"rle": {"size": [20, 30], "counts": "@@"}}',
        '{"rle": 3}',
        '{"polygon": [[1, 2], [3, 4]]}',
        '{"polygon": [[1, "x"], [3, 4], [5, 6]]}',
        '{"polygon": [[1, NaN], [3, 4], [5, 6]]}',
    ],
)
def test_what_is_no_mask_of_the_picture_is_unread_and_scores_nothing(response: str) -> None:
    assert read_mask(response, 20, 30) is None
    assert score_mask("a", TRUTH, response).unread


def test_means_count_unread_answers_as_zero() -> None:
    scores = [score_mask("a", TRUTH, answer(TRUTH)), score_mask("b", TRUTH, "nothing")]
    found = total_overlap(scores)
    assert (found["masks"], found["unread"], found["dice"], found["iou_50"]) == (2, 1, 0.5, 0.5)
    assert found["intervals"]["dice"] == [0.0, 1.0]
