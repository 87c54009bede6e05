"""The checker passes what is right and names what is wrong."""

from collections.abc import Callable

import polars as pl
import pytest

from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.jsonl import jsonl, read_jsonl
from medmultipoints.transforms.instructions.naming.names import Names
from medmultipoints.transforms.instructions.prompts import Templates
from medmultipoints.transforms.instructions.write import write_instructions

Tables = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]

ROWS = [
    ("a", "normal", [(10.0, 20.0, 30.5, 41.25), (100.0, 50.0, 120.0, 80.0)]),
    ("a", "pinhead", [(5.0, 6.0, 25.0, 36.0)]),
    ("b", "normal", [(1.0, 2.0, 3.0, 4.0)]),
    ("c", "polyps", []),
]
A, B, C = (letter * 64 for letter in "abc")


@pytest.fixture(scope="module")
def built(tables: Tables, templates: Templates, names: Names) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Instructions, records and images of four records."""
    records, images = tables(ROWS)
    return write_instructions(records, images, templates, names, seed=5, policy="audited"), records, images


def _reason(built: tuple[pl.DataFrame, ...], names: Names, instruction_id: str, column: str, old: str, new: str) -> str:
    instructions, records, images = built
    here = pl.col("instruction_id") == instruction_id
    before = instructions.filter(here)[column].item()
    assert old in before, f"{old} is not in {before}"
    edited = instructions.with_columns(
        pl.when(here).then(pl.lit(before.replace(old, new))).otherwise(pl.col(column)).alias(column)
    )
    if column == "instruction_id":
        here = pl.col(column) == before.replace(old, new)
    verdicts = check_instructions(edited, records, images, names, policy="audited")
    assert verdicts.filter(~here)["ok"].all(), "an untouched row is held"
    row = verdicts.filter(here).row(0, named=True)
    assert row["ok"] == (row["reason"] == "")
    return str(row["reason"])


@pytest.mark.parametrize(
    ("key", "old", "new", "reason"),
    [
        (f"{A}:normal:counting", '"counts": 2', '"counts": 3', "count_differs"),
        (f"{A}:normal:counting", '"counts": 2', '"counts": 2.0', "answer_shape_differs"),
        (f"{A}:normal:counting", '"counts": 2', '"counts": "2"', "answer_shape_differs"),
        (f"{A}:normal:counting", '"counts"', '"count"', "answer_shape_differs"),
        (f"{A}:normal:counting", '{"counts": 2', '{"counts": 9, "counts": 2', "answer_shape_differs"),
        (
            f"{A}:normal:counting",
            '{"counts": 2, "label": "normal sperm"}',
            '{"label": "normal sperm", "counts": 2}',
            "answer_shape_differs",
        ),
        (f"{A}:normal:counting", "normal sperm", "sperm", "label_differs"),
        (f"{B}:normal:counting", '"counts": 1', '"counts": true', "answer_shape_differs"),
        (f"{A}:normal:counting", "```json\n", "```\n", "answer_shape_differs"),
        (f"{A}:normal:counting", "\n```", "\n``` There are two.", "answer_shape_differs"),
        (f"{A}:normal:counting", '"}', '"', "answer_shape_differs"),
        (f"{A}:normal:pointing", "[20.2, 30.6]", "[20.2, 30.7]", "points_differ"),
        (f"{A}:normal:pointing", "[20.2, 30.6]", "[20.25, 30.625]", "points_differ"),
        (f"{A}:normal:pointing", "[20.2, 30.6]", "[30.6, 20.2]", "points_differ"),
        (f"{A}:normal:pointing", "[20.2, 30.6]", "[20.2]", "answer_shape_differs"),
        (f"{A}:normal:pointing", "[20.2, 30.6]", "[NaN, 30.6]", "answer_shape_differs"),
        (f"{A}:normal:pointing", ', {"point_2d": [110.0, 65.0], "label": "normal sperm"}', "", "points_differ"),
        (f"{A}:normal:pointing", '65.0], "label": "normal sperm"', '65.0], "label": "pinhead sperm"', "label_differs"),
        (
            f"{A}:normal:cnt_and_point",
            "[[20.2, 30.6], [110.0, 65.0]]",
            "[[110.0, 65.0], [20.2, 30.6]]",
            "points_differ",
        ),
        (f"{A}:normal:cnt_and_point", '"counts": 2', '"counts": 1', "count_differs"),
        (f"{A}:normal:cnt_and_point", "[110.0, 65.0]", "[110.0, 65.0], [110.0, 65.0]", "points_differ"),
        (f"{A}:normal:bounding", "30.5, 41.2", "30.5, 41.25", "boxes_differ"),
        (f"{A}:normal:bounding", "10.0, 20.0, 30.5, 41.2", "10.0, 20.0, 20.5, 21.2", "boxes_differ"),
        (f"{A}:normal:bounding", "10.0, 20.0, 30.5, 41.2", "10, 20.0, 30.5, 41.2", "answer_shape_differs"),
        (f"{A}:normal:count_and_box", "[100.0, 50.0, 120.0, 80.0]", "[100.0, 50.0, 121.0, 80.0]", "boxes_differ"),
        (f"{A}:normal:count_and_box", ", [100.0, 50.0, 120.0, 80.0]", "", "boxes_differ"),
        (f"{C}:polyps:pointing", "[]", '[{"point_2d": [1.0, 2.0], "label": "polyp"}]', "points_differ"),
        (f"{C}:polyps:bounding", "[]", "{}", "answer_shape_differs"),
        (f"{C}:polyps:counting", '"counts": 0', '"counts": -1', "answer_shape_differs"),
    ],
)
def test_a_wrong_answer_is_held(
    built: tuple[pl.DataFrame, ...], names: Names, key: str, old: str, new: str, reason: str
) -> None:
    """Each planted fault in an answer is held with its reason, and no other row is."""
    assert reason == _reason(built, names, key, "answer", old, new)


@pytest.mark.parametrize(
    ("column", "old", "new", "reason"),
    [
        ("prompt", "normal sperm", "sperm", "name_not_allowed"),
        ("prompt", '"label": "normal sperm"', '"label": "sperm"', "prompt_names_differ"),
        ("prompt", "<image> ", "<image> Mind the pinhead sperm. ", "prompt_names_differ"),
        ("prompt", "<image> ", "", "prompt_unfinished"),
        ("prompt", "<image> ", "<image> <image> ", "prompt_unfinished"),
        ("prompt", "<image> ", "<image> {name} ", "prompt_unfinished"),
        ("prompt", '"counts"', '"count"', "prompt_shape_differs"),
        ("name", "normal sperm", "sperm", "name_differs"),
        ("label", "normal", "cluster", "label_differs"),
        ("split", "train", "test", "split_differs"),
        ("source", "a_source", "another", "source_differs"),
        ("classification", "a-class", "another", "classification_differs"),
        ("image_sha256", "a", "b", "image_sha256_differs"),
        ("image_file", ".jpg", ".png", "image_file_differs"),
        ("record_id", A, "d" * 64, "record_unknown"),
        ("record_id", A, B, "instruction_id_differs"),
        ("task", "counting", "guessing", "instruction_id_differs"),
        ("instruction_id", "counting", "pointing2", "instruction_id_differs"),
    ],
)
def test_a_wrong_row_is_held(
    built: tuple[pl.DataFrame, ...], names: Names, column: str, old: str, new: str, reason: str
) -> None:
    """A prompt of another name or shape, or a value that is not the record's, is held with its reason."""
    assert reason == _reason(built, names, f"{A}:normal:counting", column, old, new)


def test_boxes_keep_all_their_digits_under_the_published_policy_alone(
    built: tuple[pl.DataFrame, ...], templates: Templates, names: Names
) -> None:
    """Trainers are not taught the noise of float32, unless the published answers are to come out to the digit."""
    rounded, records, images = built
    exact = write_instructions(records, images, templates, names, seed=5, policy="published")
    for written, policy, other, box in (
        (rounded, "audited", "published", "[10.0, 20.0, 30.5, 41.2]"),
        (exact, "published", "audited", "[10.0, 20.0, 30.5, 41.25]"),
    ):
        bounding = written.filter(pl.col("instruction_id") == f"{A}:normal:bounding")
        assert box in bounding["answer"].item()
        assert check_instructions(bounding, records, images, names, policy=policy)["reason"].to_list() == [""]
        assert check_instructions(bounding, records, images, names, policy=other)["reason"].item() == "boxes_differ"


def test_a_zero_needs_certainty(built: tuple[pl.DataFrame, ...], names: Names) -> None:
    """A count of zero of a label whose absence is not certain is held."""
    instructions, records, images = built
    unsure = images.with_columns(labels_exhaustive=pl.lit(["normal"]))

    held = check_instructions(instructions, records, unsure, names, policy="audited").filter(~pl.col("ok"))

    assert {"absence_uncertain"} == set(held["reason"])
    assert all(key.startswith(f"{C}:polyps:") for key in held["instruction_id"])
    assert held.height == 5


def test_a_changed_record_is_noticed(built: tuple[pl.DataFrame, ...], names: Names) -> None:
    """Where the record moves by less than the rounding, boxes are held; by more, points too."""
    instructions, records, images = built
    moved = records.with_columns(bbox=pl.col("bbox").list.eval(pl.element().list.eval(pl.element() + 0.25)))

    held = check_instructions(instructions, moved, images, names, policy="audited").filter(~pl.col("ok"))

    assert {"boxes_differ"} == set(held["reason"])
    assert held.height == 6  # bounding and count_and_box of the three records with objects


def test_lines_read_back_hold(built: tuple[pl.DataFrame, ...], names: Names) -> None:
    """The columns that a JSON Lines file holds are enough to check it against the records."""
    instructions, records, images = built

    verdicts = check_instructions(read_jsonl(jsonl(instructions)), records, images, names, policy="audited")

    assert verdicts["ok"].all()
    assert verdicts["instruction_id"].equals(instructions["instruction_id"])
