"""Questions about single images: asked where the answer is certain, and every wrong answer is held."""

import json
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

from medmultipoints.flows.recipe.instructions import Task
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.all_tasks import TASKS
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.instructions.write import write_instructions
from tests.transforms.instructions.asked_words import UNWANTED, WANTED
from tests.transforms.instructions.stage import ask, picture, planted, reasons, shipped, tables

ROOT = Path(__file__).resolve().parents[3]

SPARSE = picture(
    "a",
    {
        "normal": {"1": (10, 200, 40, 240), "2": (300, 20, 340, 50), "3": (500, 400, 560, 460)},
        "cluster": {"4": (100, 100, 180, 170)},
    },
)
ALONE = picture("b", {"normal": {"1": (10.26, 200, 40, 240)}})
POLYPS = picture(
    "c", {"polyps": {"1": (10, 20, 110, 90)}}, labels_exhaustive=["polyps"], organ="Lower GI", finding="polyps"
)
ALL = [SPARSE, ALONE, POLYPS]
ASKED = ("presence", "referring", "classification", "label_path", "class_counts", "negation_pairs", "dialogue")


def answers(instructions: pl.DataFrame) -> list[Any]:
    return [json.loads(answer[8:-4]) for answer in instructions["answer"]]


@pytest.mark.parametrize("task", ASKED)
def test_every_answer_is_proved(task: str) -> None:
    """What is asked of scenes is proved from them, whatever the seed."""
    for seed in range(12):
        written = ask(ALL, task, seed=seed)
        assert written.height > 0
        assert set(reasons(ALL, written)) == {""}
        assert written["answer_rederived"].all()


def test_a_class_is_absent_only_where_that_is_certain() -> None:
    """Of a polyp image no class is certainly absent; of a frame every class without objects is."""
    written = ask(ALL, "presence", seed=3, absent=1.0)

    found = {row["label"]: row["present"] for row in answers(written)}
    assert found == {"pinhead sperm": False, "polyp": True} | {
        key: False for key in found if key not in ("pinhead sperm", "polyp")
    }


def test_no_class_is_absent_where_the_recipe_wants_none() -> None:
    """A share of 0 asks for classes that are there."""
    assert all(row["present"] for row in answers(ask(ALL, "presence", absent=0.0)))


def test_a_class_that_the_recipe_leaves_out_is_not_absent() -> None:
    """An image with unreleased objects of a label is never said to lack it."""
    others = {"a" * 64: ["pinhead"], "b" * 64: ["pinhead", "cluster"]}

    assert all(row["present"] for row in answers(ask(ALL, "presence", absent=1.0, other_labels=others)))


@pytest.mark.parametrize("gap", [31.9, 32.1])
def test_a_referent_is_unique_by_five_percent_of_the_side(gap: float) -> None:
    """Two objects whose centres lie nearer than 32 of 640 px apart have no leftmost."""
    near = picture("a", {"normal": {"1": (100, 100, 140, 140), "2": (100 + gap, 100, 140 + gap, 140)}})

    found = {ask([near], "referring", seed=seed).height for seed in range(5)}

    assert found == ({1} if gap >= 32 else {0})


@pytest.mark.parametrize(("times", "asked"), [(1.24, 0), (1.26, 1)])
def test_the_largest_is_a_quarter_larger_than_the_next(times: float, asked: int) -> None:
    """Two concentric objects differ in nothing but their size."""
    half = 20 * times**0.5
    both = picture("a", {"normal": {"1": (300, 220, 340, 260), "2": (320 - half, 240 - half, 320 + half, 240 + half)}})

    assert ask([both], "referring").height == asked
    assert ask([both | {"cut": ("1",)}], "referring").height == 0


WRONG = [
    ("presence", r'"present": true', '"present": false', {"presence_differs"}),
    ("presence", r'"counts": \d+', '"counts": 9', {"count_differs"}),
    ("presence", r"\[\[\d+\.\d", "[[7.7", {"boxes_differ"}),
    ("presence", r"\[\[[^]]+\]", "[", {"answer_shape_differs", "boxes_differ"}),
    ("referring", r'"bbox_2d": \[\d+\.\d', '"bbox_2d": [7.7', {"boxes_differ"}),
    ("referring", r'"label"', '"lable"', {"answer_shape_differs"}),
    ("classification", r'"organ": "[^"]+"', '"organ": "Esophagus"', {"organ_differs"}),
    ("classification", r'"finding": "[^"]+"', '"finding": "polyp"', {"finding_differs"}),
    ("classification", r'"a-class"', '"b-class"', {"classification_differs"}),
    ("label_path", r'\["[^"]+"', '["Esophagus"', {"path_differs"}),
    ("class_counts", r'"counts": 3\}', '"counts": 4}', {"count_differs"}),
    ("class_counts", r'"counts": (\d), "density"', '"counts": 40, "density"', {"count_differs"}),
    ("class_counts", r'"sparse"', '"crowded"', {"density_differs"}),
]


@pytest.mark.parametrize(("task", "pattern", "value", "expected"), WRONG)
def test_a_wrong_answer_is_held(task: str, pattern: str, value: str, expected: set[str]) -> None:
    """Whatever a task states, a wrong one of it is found, with the reason."""
    written = ask([SPARSE], task, absent=0.0)

    found = planted([SPARSE], written, answer=pl.col("answer").str.replace(pattern, value))

    assert found <= expected
    assert found


def test_a_wrong_absence_is_held() -> None:
    """An absence is wrong where it is not certain, though no object is there."""
    written = ask(ALL, "presence", absent=1.0).filter(pl.col("label") == "pinhead")
    unsure = [given | {"labels_exhaustive": ["normal"]} for given in ALL]

    assert set(reasons(unsure, written)) == {"absence_uncertain"}


def test_another_object_than_the_one_meant_is_held() -> None:
    """The box of a true object does not do where the phrase means another."""
    written = ask([SPARSE], "referring").filter(pl.col("label") == "normal")
    boxes = [[10.0, 200.0, 40.0, 240.0], [300.0, 20.0, 340.0, 50.0], [500.0, 400.0, 560.0, 460.0]]
    found = [
        planted([SPARSE], written, answer=pl.col("answer").str.replace(r"\[.*\]", json.dumps(box))).pop()
        for box in boxes
    ]

    assert sorted(found) == ["", "referent_not_unique", "referent_not_unique"]


@pytest.mark.parametrize(
    ("column", "old", "new", "reason"),
    [
        ("prompt", "<image> ", "<image>", "prompt_unfinished"),
        ("prompt", "<image> ", "<image><image> ", "prompt_unfinished"),
        ("prompt", "normal sperm", "sperm cluster", "prompt_names_differ"),
        ("prompt", "label", "labels", "prompt_shape_differs"),
        ("answer", "normal sperm", "sperm", "name_not_allowed"),
        ("image_file", ".jpg", ".png", "image_file_differs"),
        ("instruction_id", ":referring", ":presence", "instruction_id_differs"),
        ("split", "train", "test", "split_differs"),
        ("name", "normal sperm", "sperm", "name_differs"),
        ("label", "normal", "cluster", "label_differs"),
        ("record_id", "a:normal", "b:normal", "record_unknown"),
    ],
)
def test_a_row_that_is_not_what_it_says_is_held(column: str, old: str, new: str, reason: str) -> None:
    """Prompt, ids, files and names are held against the image as much as the answer is."""
    written = ask([SPARSE], "referring").filter(pl.col("label") == "normal")
    changes = pl.col(column).str.replace_all(old, new, literal=True)
    also = {"prompt": pl.col("prompt").str.replace_all(old, new, literal=True)} if column == "answer" else {}

    assert planted([SPARSE], written, **{column: changes} | also) == {reason}


def test_objects_that_an_answer_does_not_rest_on_are_held() -> None:
    """The ids beside an answer are derived again too."""
    written = ask([SPARSE], *ASKED)

    held = reasons([SPARSE], written.with_columns(object_ids=pl.lit(["x"])))

    assert set(held) == {"object_ids_differ"}


@pytest.mark.slow
def test_without_the_objects_nothing_is_proved() -> None:
    """A checker that is not given the objects never says that an answer holds."""
    written = ask([SPARSE], "classification")
    assert written["answer_rederived"].all()
    assert not ask_without_objects(written)


def ask_without_objects(written: pl.DataFrame) -> bool:
    records, _, images = tables([SPARSE])
    return bool(check_instructions(written, records, images, shipped()[1], policy="audited")["ok"].any())


def test_more_images_change_no_question() -> None:
    """Every choice is decided by the seed and the image, so others change nothing."""
    more = [picture(letter, {"normal": {"1": (5, 5, 30, 30), "2": (200, 200, 250, 250)}}) for letter in "defg"]
    shares = {"referring": 0.5}
    before = ask(ALL, *ASKED, shares=shares)
    after = ask([*more, *ALL], *ASKED, shares=shares)

    assert before.equals(after.filter(pl.col("image_sha256").is_in(before["image_sha256"].unique().implode())))
    assert 0 < after.height - before.height


def test_a_share_asks_fewer_of_the_same() -> None:
    """What half of a task asks is part of what all of it asks."""
    many = [picture(letter, SPARSE["things"]) for letter in "0123456789abcdef"]
    whole, half = (ask(many, "label_path", shares={"label_path": share}) for share in (1.0, 0.5))

    assert 0 < half.height < whole.height
    assert half.join(whole, on=half.columns[:1], how="anti").is_empty()


@pytest.mark.parametrize("task", TASK_NAMES[len(PUBLISHED) :])
def test_the_published_names_do_for_every_task(task: str) -> None:
    """Under the published policy a class has several names; whichever is drawn, the answer is proved."""
    from tests.transforms.instructions.test_region_questions import PICTURES
    from tests.transforms.instructions.test_stills import STILLS
    from tests.transforms.instructions.test_video_questions import FRAMES

    for seed in range(4):
        written = pl.concat([ask(given, task, seed=seed, policy="published") for given in (PICTURES, FRAMES, STILLS)])
        assert written["answer_rederived"].all()
        assert written.height > 0


def test_tasks_about_objects_need_the_objects() -> None:
    """The message says what to give."""
    templates, names = shipped()
    records, _, images = tables([SPARSE])
    with pytest.raises(UsageError, match="task presence: asks about objects. Give the objects table."):
        write_instructions(records, images, templates, names, tasks=["presence"], seed=1, policy="audited")


def test_every_task_has_its_parts() -> None:
    """A module of its name in the registry, words to lint by, a place in the docs; recipes may choose it."""
    assert {name: task.name for name, task in TASKS.items()} == {name: name for name in TASK_NAMES}
    assert set(WANTED) == set(UNWANTED) == set(TASK_NAMES)
    assert get_args(Task) == TASK_NAMES
    described = (ROOT / "docs/tasks.md").read_text("utf-8")
    assert [task for task in TASK_NAMES if f"`{task}`" not in described] == []


def test_published_tasks_are_one_of_many() -> None:
    """They come first, and are asked like all others."""
    assert tuple(name for name, task in TASKS.items() if task.published) == PUBLISHED == TASK_NAMES[: len(PUBLISHED)]
