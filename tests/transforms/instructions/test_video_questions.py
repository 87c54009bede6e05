"""Questions about frames of a video: asked where the tracks leave no doubt, and every wrong answer is held."""

import json
from typing import Any

import polars as pl
import pytest

from tests.transforms.instructions.stage import ask, frame, planted, reasons

FRAMES = [
    frame(letter, index, {"normal": normal, "cluster": {"c": (cluster, 300, cluster + 80, 380)}})
    for letter, index, cluster, normal in (
        ("a", 0, 300, {"n1": (10, 10, 30, 30), "n2": (200, 200, 220, 220)}),
        ("b", 10, 302, {"n1": (45, 10, 65, 30), "n2": (205, 200, 225, 220)}),
        ("c", 20, 304, {"n1": (80, 10, 100, 30), "n2": (210, 200, 230, 220), "n3": (500, 20, 520, 40)}),
        ("d", 30, 306, {"n1": (115, 50, 135, 70), "n3": (505, 20, 525, 40)}),
    )
]
TASKS = ("tracking", "appeared", "vanished", "moved_most", "same_class", "motion", "video_counts")


def contents(instructions: pl.DataFrame) -> list[Any]:
    return [json.loads(answer[8:-4]) for answer in instructions["answer"]]


def order(instructions: pl.DataFrame) -> list[str]:
    return ["".join(file[7] for file in files) for files in instructions["image_files"]]


@pytest.mark.parametrize("task", TASKS)
def test_every_answer_is_proved(task: str) -> None:
    """What is asked of frames is proved from them, whatever the seed; each picture has its placeholder."""
    for seed in range(5):
        written = ask(FRAMES, task, seed=seed)
        assert written.height > 0
        assert set(reasons(FRAMES, written)) == {""}
        shown = [prompt.count("<image>") for prompt in written["prompt"]]
        assert shown == written["image_files"].list.len().to_list()


def test_tracking_asks_for_what_moved_by_more_than_its_size() -> None:
    """n2 moves 5 px a frame and the cluster 2: neither is ever asked for."""
    written = ask(FRAMES, "tracking")

    assert order(written) == sorted(["ab", "ac", "ad", "bc", "bd", "cd"], key=lambda pair: (pair[1], pair[0]))
    assert {row["label"] for row in contents(written)} == {"normal sperm"}
    assert all(":normal:0" in object_id for ids in written["object_ids"] for object_id in ids)


def test_what_appears_is_asked_for_only_where_nothing_else_of_its_class_goes() -> None:
    """n3 is new in c. From b to d it comes while n2 goes: then a broken track could look like both."""
    assert order(ask(FRAMES, "appeared")) == ["ac", "bc"]
    assert order(ask(FRAMES, "vanished")) == ["cd"]


def test_nothing_appears_where_absence_is_not_certain() -> None:
    """In a frame whose normal sperm are not all annotated, one more may have been there before."""
    unsure = [FRAMES[0] | {"labels_exhaustive": ["cluster"]}, *FRAMES[1:]]

    assert order(ask(unsure, "appeared")) == ["bc"]


def test_the_farthest_leads_by_half_of_the_second() -> None:
    """n1 goes 35 px while n2 goes 5; where n2 goes 24 px instead, nothing is asked."""
    near = frame("b", 10, {"normal": {"n1": (45, 10, 65, 30), "n2": (224, 200, 244, 220)}})

    assert order(ask(FRAMES[:2], "moved_most")) == ["ab"]
    assert ask([FRAMES[0], near], "moved_most").is_empty()


def test_frames_too_far_apart_are_not_compared() -> None:
    """Beyond 100 frames nobody could follow."""
    late = [FRAMES[0], FRAMES[1] | {"frame_index": 101}]

    assert ask(late, *TASKS).is_empty()


def test_motion_is_measured_with_the_frame_rate_of_the_video() -> None:
    """30 frames at 50 per second are 0.6 s; n1 goes 35 + 35 + hypot(35, 40) px."""
    (row,) = [row for seed in range(20) for row in contents(ask(FRAMES, "motion", seed=seed)) if row["path_px"] > 100][
        :1
    ]

    path = 70 + (35**2 + 40**2) ** 0.5
    assert row["path_px"] == round(path, 1)
    assert row["mean_speed_px_per_s"] == round(path / 0.6, 1)
    assert ask([one | {"fps": None} for one in FRAMES], "motion").is_empty()


def test_counts_over_a_video_hold_every_class() -> None:
    """Classes without objects count too where their absence is certain."""
    (row,) = contents(ask(FRAMES, "video_counts"))

    assert [(one["label"], one["per_image"]) for one in row["classes"]] == [
        ("sperm cluster", [1, 1, 1, 1]),
        ("normal sperm", [2, 2, 3, 2]),
        ("pinhead sperm", [0, 0, 0, 0]),
    ]
    assert row["density"] == ["sparse"] * 4


WRONG = [
    *[
        (task, r'"bbox_2d": \[\d+\.\d', '"bbox_2d": [7.7', "boxes_differ")
        for task in ("tracking", "appeared", "vanished", "moved_most", "same_class")
    ],
    ("tracking", r"\[\d.*\]", "[210.0, 200.0, 230.0, 220.0]", "boxes_differ"),
    ("same_class", r", \{.*\}", "", "boxes_differ"),
    ("motion", r'"path_px": [\d.]+', '"path_px": 7.7', "path_px_differs"),
    ("motion", r'_s": [\d.]+', '_s": 7.7', "mean_speed_px_per_s_differs"),
    ("video_counts", r"\[\d, \d, \d, \d\]", "[5, 1, 1, 1]", "count_differs"),
    ("video_counts", r'"mean": [\d.]+', '"mean": 1.01', "count_differs"),
    ("video_counts", '"sparse"', '"dense"', "density_differs"),
    ("video_counts", "sperm cluster", "polyp", "prompt_names_differ"),
]


@pytest.mark.parametrize(("task", "pattern", "value", "reason"), WRONG)
def test_a_wrong_answer_is_held(task: str, pattern: str, value: str, reason: str) -> None:
    """Whatever a task states, a wrong one of it is found, with the reason."""
    written = ask(FRAMES, task)
    changed = written.with_columns(answer=pl.col("answer").str.replace(pattern, value))
    changed = changed.filter(changed["answer"] != written["answer"])

    assert changed.height > 0
    assert set(reasons(FRAMES, changed)) == {reason}


@pytest.mark.parametrize("task", TASKS)
def test_frames_in_another_order_are_held(task: str) -> None:
    """The order of the pictures is part of the question."""
    written = ask(FRAMES, task)

    assert planted(FRAMES, written, image_files=pl.col("image_files").list.reverse()) == {"image_files_differ"}
    assert planted(FRAMES, written, image_files=pl.col("image_files").list.head(1)) <= {
        "image_files_differ",
        "image_file_differs",
    }


@pytest.mark.parametrize("task", ["tracking", "same_class", "motion"])
def test_another_box_in_the_prompt_is_held(task: str) -> None:
    """The box that a prompt gives is that of an object."""
    changed = pl.col("prompt").str.replace(r'"bbox_2d": \[\d+', '"bbox_2d": [7')

    assert planted(FRAMES, ask(FRAMES, task), prompt=changed) == {"given_differs"}


def test_a_wrong_frame_rate_in_the_prompt_is_held() -> None:
    """Time is part of the question about motion."""
    changed = pl.col("prompt").str.replace("50 frames per", "25 frames per")

    assert planted(FRAMES, ask(FRAMES, "motion"), prompt=changed) == {"timing_differs"}


def test_more_frames_of_a_video_change_no_question() -> None:
    """A question depends on the frames it shows and on no other frame of the video."""
    before, after = ask(FRAMES[:2] + FRAMES[3:], *TASKS), ask(FRAMES, *TASKS)

    assert before.join(after, on=before.columns, how="anti", nulls_equal=True).is_empty()
    assert before.height < after.height
