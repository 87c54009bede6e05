"""Every record gets one instruction per task; seeds are per row, so no row depends on another."""

import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.jsonl import jsonl
from medmultipoints.transforms.instructions.naming.names import Names
from medmultipoints.transforms.instructions.prompts import Templates, parse_templates
from medmultipoints.transforms.instructions.write import write_instructions

Tables = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]
Row = tuple[Any, ...]

TABLE = Path(__file__).resolve().parents[3] / "transforms/columns/tables/instructions.toml"
BOX = (10.0, 20.0, 30.5, 41.25)
GOLDEN_TEMPLATES = parse_templates(
    {
        "counting": """
task = "counting"
asks = ['How many {names} are there?']
requests = ['Give fenced JSON: {"counts": 1, "label": "{name}"}']
"""
    }
)
coordinate = st.integers(0, 400_000).map(lambda number: float(number) / 640)
box = st.tuples(coordinate, coordinate).map(lambda at: (at[0], at[1], at[0] + 7.3, at[1] + 5.9))
rows = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from(["normal", "pinhead", "cluster", "polyps"]),
        st.lists(box, max_size=4),
    ),
    max_size=12,
    unique_by=lambda row: (row[0], row[1]),
)


def test_columns_and_types_are_the_declared_ones(tables: Tables, templates: Templates, names: Names) -> None:
    """Exactly the columns of the table declaration, in its order and types, also without any record."""
    declared = tomllib.loads(TABLE.read_text("utf-8"))["columns"]
    types = {"string": pl.String, "int64": pl.Int64, "bool": pl.Boolean, "list<string>": pl.List(pl.String)}
    for given_rows in ([], [("a", "polyps", [BOX])]):
        written = write_instructions(*tables(given_rows), templates, names, seed=1, policy="audited")
        assert {name: types[column["type"]] for name, column in declared.items()} == dict(written.schema)


def test_golden_line(tables: Tables, names: Names) -> None:
    """The line of a small record, to the byte."""
    records, images = tables([("a", "polyps", [BOX, (0.0, 0.0, 2.0, 2.0)])])

    written = write_instructions(
        records, images, GOLDEN_TEMPLATES, names, tasks=["counting"], seed=42, policy="published"
    )

    sha256 = "a" * 64
    assert b"".join(jsonl(written)).decode() == (
        '{"messages":[{"role":"user","content":"<image> How many polyps are there? Give fenced JSON: '
        '{\\"counts\\": 1, \\"label\\": \\"polyp\\"}","task":"counting","source":"a-class"},'
        '{"role":"assistant","content":"```json\\n{\\"counts\\": 2, \\"label\\": \\"polyp\\"}\\n```"}],'
        f'"images":["images/{sha256}.jpg"],"instruction_id":"{sha256}:polyps:counting","record_id":"{sha256}:polyps"}}\n'
    )


@settings(max_examples=40, deadline=None)
@given(rows, st.sampled_from(["published", "audited"]), st.integers(0, 3))
def test_every_instruction_is_derived_again(
    tables: Tables, templates: Templates, names: Names, rows: list[Row], policy: str, seed: int
) -> None:
    """Whatever the records, each has five instructions, unique, sorted, and each answer holds."""
    records, images = tables(rows)

    written = write_instructions(records, images, templates, names, seed=seed, policy=policy)

    assert written.height == 5 * records.height == written["instruction_id"].n_unique()
    assert written["instruction_id"].is_sorted()
    assert written["answer_rederived"].all()


@settings(max_examples=40, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_input_is_irrelevant(
    tables: Tables, templates: Templates, names: Names, rows: list[Row], order: random.Random
) -> None:
    """Shuffled records and images give the same table."""
    records, images = tables(rows)
    mixed, pictures = (frame[order.sample(range(frame.height), frame.height)] for frame in (records, images))

    first = write_instructions(records, images, templates, names, seed=7, policy="published")

    assert first.equals(write_instructions(mixed, pictures, templates, names, seed=7, policy="published"))


@settings(max_examples=40, deadline=None)
@given(rows, rows)
def test_another_record_changes_no_row(
    tables: Tables, templates: Templates, names: Names, rows: list[Row], added: list[Row]
) -> None:
    """Records of other images leave each existing instruction as it was."""
    more = [(letter.upper(), label, boxes) for letter, label, boxes in added]

    before = write_instructions(*tables(rows), templates, names, seed=7, policy="published")
    after = write_instructions(*tables([*rows, *more]), templates, names, seed=7, policy="published")

    assert before.equals(after.join(before.select("instruction_id"), on="instruction_id", how="semi"))


def test_a_class_that_joins_the_image_changes_the_name_only_where_it_must(
    tables: Tables, templates: Templates, names: Names
) -> None:
    """Labels without a record count as present: "sperm" goes, and nothing else changes."""
    records, images = tables([("a", "normal", [BOX])])
    joined = {"a" * 64: ["pinhead"]}

    alone = write_instructions(records, images, templates, names, seed=1, policy="audited")
    shared = write_instructions(records, images, templates, names, seed=1, policy="audited", other_labels=joined)

    assert {"sperm"} == set(alone["name"])
    assert {"normal sperm"} == set(shared["name"])
    assert alone["template"].equals(shared["template"])


def test_seed_and_task_vary_the_template(tables: Tables, templates: Templates, names: Names) -> None:
    """Over many records, nearly every template and both published names are drawn."""
    records, images = tables([(chr(0x100 + i), "pinhead", [BOX]) for i in range(600)])

    written = write_instructions(records, images, templates, names, seed=3, policy="published")
    other = write_instructions(records, images, templates, names, seed=4, policy="published")

    drawn = written.filter(pl.col("task") == "counting")["template"].n_unique()
    assert drawn > 0.9 * len(templates.by_task["counting"])
    assert {"pinhead", "pinhead sperm"} == set(written["name"])
    assert not written["template"].equals(other["template"])


@pytest.mark.parametrize(
    ("tasks", "label", "message"),
    [
        (["guessing"], "polyps", "task guessing: unknown task. Choose from pointing, bounding"),
        (["pointing"], "polyps", "task pointing: no templates. Add its template file."),
        (["counting"], "unicorn", "label unicorn: no name under box policy audited. Add it to the names file."),
    ],
)
def test_unknown_tasks_and_labels_are_refused(
    tables: Tables, names: Names, tasks: list[str], label: str, message: str
) -> None:
    """The message says what is unknown and what to do."""
    records, images = tables([("a", label, [BOX])])
    with pytest.raises(UsageError, match=message):
        write_instructions(records, images, GOLDEN_TEMPLATES, names, tasks=tasks, seed=1, policy="audited")
