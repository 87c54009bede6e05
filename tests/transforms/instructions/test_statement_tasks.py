"""Pairs of statements and dialogues: proved by the grammar of claims, and no wrong one is accepted."""

import json
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.tasks.dialogue import TURNS
from tests.transforms.instructions.stage import ask, picture, reasons

POLYP = {"polyps": {"1": (0, 40, 110, 110)}}
LONE = picture("a", POLYP, labels_exhaustive=["polyps"], organ="Lower GI", finding="polyps")
OTHER = picture("a", POLYP, labels_exhaustive=["polyps", "pinhead"], organ="Lower GI", finding="polyps")
NEAR = picture("d", {"polyps": {"1": (10, 20, 110, 90)}}, labels_exhaustive=["polyps"], finding="polyps")
SEVERAL = picture("b", {"normal": {"1": (10, 200, 40, 240), "2": (300, 20, 340, 50), "3": (500, 400, 560, 460)}})
OPEN = picture("c", {"polyps": {"1": (10, 20, 110, 90)}}, labels_exhaustive=[], organ="Lower GI", finding="polyps")


def _given(row: pl.DataFrame) -> list[str]:
    prompt = row["prompt"].item()
    found = json.JSONDecoder().raw_decode(prompt[prompt.index('{"') :])[0]
    return list(next(iter(found.values())))


def _answered(row: pl.DataFrame, content: Any) -> pl.DataFrame:
    return row.with_columns(answer=pl.lit(write_fenced(json.dumps(content))))


def test_half_of_the_statements_are_made_up() -> None:
    """As many hold as do not, each attribute once on both sides."""
    for seed in range(20):
        for row in ask([LONE, SEVERAL], "negation_pairs", seed=seed).iter_rows(named=True):
            holds = json.loads(row["answer"][8:-4])["holds"]
            assert 2 * sum(holds) == len(holds) >= 2


@pytest.mark.slow
def test_a_lone_object_has_place_size_and_borders() -> None:
    """All borders that it touches are named."""
    texts = {text for seed in range(40) for text in _given(ask([LONE], "negation_pairs", seed=seed))}
    assert {
        "The polyp lies in the upper left of the image.",
        "The polyp is medium-sized (1 to 10 % of the image).",
    } <= texts
    assert "The polyp touches the left border of the image." in texts
    near = {text for seed in range(40) for text in _given(ask([NEAR], "negation_pairs", seed=seed))}
    assert not any("touches" in text for text in near)  # 10 of 640 px away: neither touched nor clear


@pytest.mark.parametrize("task", ["negation_pairs", "dialogue"])
def test_nothing_is_asked_where_nothing_is_certain(task: str) -> None:
    """A class that is not annotated completely may have more objects."""
    assert ask([OPEN], task).height == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_wrong_verdict_is_found(seed: int) -> None:
    """Whichever statement it is about; so are statements without their counterparts, and too few verdicts."""
    row = ask([LONE], "negation_pairs", seed=seed)
    holds = json.loads(row["answer"].item()[8:-4])["holds"]
    for place in range(len(holds)):
        wrong = [not one if at == place else one for at, one in enumerate(holds)]
        assert reasons([LONE], _answered(row, {"holds": wrong})) == ["verdict_differs"]
    assert reasons([LONE], _answered(row, {"holds": holds[1:]})) == ["given_differs"]
    texts = _given(row)
    true = json.dumps({"statements": [text for text, one in zip(texts, holds, strict=True) if one]})
    alone = row.with_columns(prompt=pl.col("prompt").str.replace(json.dumps({"statements": texts}), true, literal=True))
    assert reasons([LONE], _answered(alone, {"holds": [True] * (len(texts) // 2)})) == ["statements_unpaired"]


def test_an_unclear_statement_is_no_statement() -> None:
    """What the grammar does not know has no answer."""
    row = ask([LONE], "negation_pairs", seed=1)
    first = _given(row)[0]
    odd = row.with_columns(prompt=pl.col("prompt").str.replace(first, "The polyp is benign.", literal=True))
    assert reasons([LONE], odd) == ["statement_unclear"]


def test_a_dialogue_goes_from_presence_to_borders() -> None:
    """Of several objects their number alone; of a class that is absent, that there is none."""
    lone = ask([LONE], "dialogue", seed=3)
    turns = json.loads(lone["answer"].item()[8:-4])["turns"]
    assert [turn["question"] for turn in turns][1:] == [TURNS[kind] for kind in ("count", "place", "size", "border")]
    several = json.loads(ask([SEVERAL], "dialogue", absent=0.0)["answer"].item()[8:-4])["turns"]
    assert [turn["answer"] for turn in several] == ["A sperm is visible.", "There are exactly 3 sperm."]
    none = json.loads(ask([OTHER], "dialogue", absent=1.0)["answer"].item()[8:-4])["turns"]
    assert [turn["answer"] for turn in none] == ["There is no pinhead sperm.", "There are exactly 0 pinhead sperm."]


@pytest.mark.parametrize(
    ("turn", "answer", "reason"),
    [
        (0, "There is no polyp.", "answer_untrue"),
        (1, "There are exactly 2 polyps.", "answer_untrue"),
        (2, "The polyp lies in the lower right of the image.", "answer_untrue"),
        (2, "The polyp is medium-sized (1 to 10 % of the image).", "answer_to_another_question"),
        (1, "There is no pinhead sperm.", "answer_to_another_question"),
        (0, "There is no pinhead sperm.", "classes_differ"),
        (3, "The polyp is perhaps small.", "statement_unclear"),
        (3, "It is medium-sized.", "statement_unclear"),
    ],
)
def test_answers_that_disagree_are_found(turn: int, answer: str, reason: str) -> None:
    """Untrue, to another question, of another class, hedged."""
    row = ask([OTHER], "dialogue", seed=3, absent=0.0)
    content = json.loads(row["answer"].item()[8:-4])
    content["turns"][turn]["answer"] = answer
    assert reasons([OTHER], _answered(row, content)) == [reason]


def test_turns_may_not_be_left_out_or_changed() -> None:
    """The answer repeats the questions of the prompt, from presence on."""
    row = ask([LONE], "dialogue", seed=3)
    turns = json.loads(row["answer"].item()[8:-4])["turns"]
    assert reasons([LONE], _answered(row, {"turns": turns[:-1]})) == ["given_differs"]
    assert reasons([LONE], _answered(row, {"turns": turns[::-1]})) == ["given_differs"]
