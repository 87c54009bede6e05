"""Labels that are words of prompts, too, get all of their questions, and so do the labels next to them."""

from collections.abc import Callable, Sequence

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.naming.alike_labels import find_alike
from medmultipoints.transforms.instructions.naming.names import MARKS, Names, add_labels
from medmultipoints.transforms.instructions.own_words import own_words
from medmultipoints.transforms.instructions.prompts import Templates
from medmultipoints.transforms.instructions.write import write_instructions

Tables = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]
BOXES = [(10.0, 20.0, 30.0, 40.0), (100.0, 50.0, 120.0, 80.0)]
WORDS = (
    "A", "object", "point", "count", "I", "box", "none", "image", "mark", "all", "back`tick", '"quoted"', "a\\b", "1",
    "x:y", "[x]", "other", "and", "the", "bounding box", "\u017fs", "İ", "ß", "as",
)  # fmt: skip


def verdicts(
    labels: Sequence[str], tables: Tables, templates: Templates, names: Names, **changes: pl.Expr
) -> list[str]:
    """The checker's reasons for the published questions about two images, each with objects of all labels."""
    records, images = tables([(letter, label, BOXES) for letter in "abcd" for label in labels])
    named = add_labels(names, labels)
    written = write_instructions(records, images, templates, named, seed=5, policy="audited").with_columns(**changes)
    assert written.height == 4 * len(labels) * len(PUBLISHED)
    return check_instructions(written, records, images, named, policy="audited")["reason"].to_list()


@pytest.mark.parametrize("word", WORDS)
def test_a_label_that_is_a_word_of_prompts_destroys_no_question(
    word: str, tables: Tables, templates: Templates, names: Names
) -> None:
    assert {""} == set(verdicts([word, "cyst"], tables, templates, names))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12))
@example("in")
def test_any_label_gets_all_questions_or_is_refused_by_name(
    tables: Tables, templates: Templates, names: Names, label: str
) -> None:
    """A build refuses labels with marks of prompts, and labels that differ in case and separators alone."""
    if not MARKS.search(label) and not find_alike(names, [label, "cyst"]):
        assert {""} == set(verdicts([label, "cyst"], tables, templates, names))


@pytest.mark.parametrize("label", ["{label}", "{}", "<image>", 'a {"b'])
def test_a_label_with_marks_of_prompts_gets_no_question(
    label: str, tables: Tables, templates: Templates, names: Names
) -> None:
    """Its prompts cannot be told from unfinished ones; that is why a build refuses it first."""
    assert MARKS.search(label)
    assert "" not in verdicts([label], tables, templates, names)


def test_a_prompt_about_another_class_is_held_if_one_of_both_is_a_word_of_prompts(
    tables: Tables, templates: Templates, names: Names
) -> None:
    """The words of the question must have the name that the answer has."""
    for labels in (["object", "cyst"], ["cyst", "object"]):
        ask, example = (pl.col("prompt").str.extract(r'(?s)^(.*?)(\[?\{".*)$', part) for part in (1, 2))
        asked = ask.str.replace_all(rf"\b{labels[0]}(s?)\b", f"{labels[1]}$1") + example
        mixed = pl.when(pl.col("label") == labels[0]).then(asked).otherwise("prompt")
        found = verdicts(labels, tables, templates, names, prompt=mixed)
        assert found.count("prompt_names_differ") == 4 * len(PUBLISHED)


def test_the_own_words_are_those_between_placeholders() -> None:
    assert "bounding box around every \ufffc in" in own_words()
    assert "{" not in own_words().replace('{"', "")
