"""What a sentence says, and which of its words the grammar does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.claims.claim_types import Claim, Mention
from medmultipoints.transforms.claims.parsing.grammar import parse_sentence, split_sentences
from medmultipoints.transforms.claims.parsing.predicates import COLUMNS, NUMBERS, ROWS, SIZE_NAMES, SUPERLATIVES
from medmultipoints.transforms.claims.parsing.word_classes import GRAMMAR, HEDGES, NEGATIONS
from tests.transforms.claims.pictures import WORDS

SMALL = Claim(kind="size", value="small")
KNOWN = sorted({
    *GRAMMAR, *NEGATIONS, *NUMBERS, *COLUMNS, *ROWS, *SIZE_NAMES, *SUPERLATIVES, *WORDS.singular, *WORDS.plural,
    "it", "its", "they", "both", "each", "touches", "border", "covers", "2", "%", "above", "overlaps", ",", ";",
    "brighter than its surroundings", "in the upper left", "wider than high", "of the image", "colon",
})  # fmt: skip


def test_a_text_is_cut_into_sentences() -> None:
    """Behind marks before a capital letter, and at line breaks; numbers stay whole."""
    text = "It covers 1.5 % of the image. Is it small? Yes!\nIt is.\n\n..."
    assert split_sentences(text) == ("It covers 1.5 % of the image.", "Is it small?", "Yes!", "It is.")


def test_what_is_said_of_a_certain_object_is_one_claim() -> None:
    """All of it must hold for the same object."""
    parsed, subject = parse_sentence("A small polyp lies in the upper left.", WORDS)
    place = Claim(kind="place", value="upper left", numbers={"halves": False})
    assert parsed.claims == (Claim(kind="presence", about=Mention("polyps", "a", (SMALL, place))),)
    assert subject == Mention("polyps", "the", (SMALL,))


def test_a_denial_is_that_of_what_follows() -> None:
    """Only the next thing that is said is denied."""
    parsed, _ = parse_sentence("It is not small.", WORDS)
    assert parsed.claims == (Claim(kind="size", value="small", denied=True),)
    assert parse_sentence("It is not small and wider than high.", WORDS)[0].unread == ("not",)


@pytest.mark.parametrize(
    ("determiner", "numbers"),
    [
        ("one", {"least": 1, "most": 1}),
        ("exactly 3", {"least": 3, "most": 3}),
        ("at least two", {"least": 2}),
        ("more than two", {"least": 3}),
        ("at most 7", {"most": 7}),
        ("fewer than 7", {"most": 6}),
        ("several", {"least": 2}),
    ],
)
def test_numbers_are_bounds(determiner: str, numbers: dict[str, int]) -> None:
    """Exact ones, and those that leave one side open."""
    parsed, _ = parse_sentence(f"There are {determiner} polyps.", WORDS)
    assert parsed.claims == (Claim(kind="count", about=Mention("polyps", "a"), numbers=numbers),)
    assert parsed.unread == ()


@given(st.lists(st.sampled_from(KNOWN), max_size=14), st.integers(0, 14), st.sampled_from(["zyx", "3.7", "≥", "é"]))
def test_an_unknown_word_stays_unread_wherever_it_is(words: list[str], at: int, unknown: str) -> None:
    """No order of known words hides it."""
    parsed, _ = parse_sentence(" ".join([*words[:at], unknown, *words[at:]]), WORDS)
    assert parsed.unread


@given(st.lists(st.sampled_from(KNOWN), max_size=14), st.sampled_from(sorted(HEDGES)))
def test_a_hedge_leaves_no_claim(words: list[str], hedge: str) -> None:
    """Wherever the sentence has it."""
    assert parse_sentence(f"{hedge} {' '.join(words)}", WORDS)[0].claims == ()


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Without an error; a text of no known word has no claim."""
    for sentence in split_sentences(text):
        parse_sentence(sentence, WORDS)
