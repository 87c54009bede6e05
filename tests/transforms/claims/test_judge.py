"""Sentences written for the test, judged as a person would who knows the pictures: no lie is judged true.

The verdicts in ``sentences.txt`` follow these rules, whatever the code does:

- A sentence is true if everything in it is known and so; false if one thing in it is known not to be so; else neither.
- What a hedge, a question, an unknown word or an unknown name says is not known.
- Absence and exact numbers are known only of labels that are annotated completely; one object is enough for "a".
- "A small polyp in the upper left" is one object that is both. "The small polyp" is the one that is small. "The polyp",
  where there are several, holds if it holds for all of them, fails if it fails for all, and else is not known. In a
  description of a given polyp, "the polyp" and "it" are that one.
- "Two polyps are small" gives the number of small ones. "Each", "both", "all", "they" and "the polyps" fail if one
  object fails; "they are not small" holds if none is, fails if all are.
- "Two of the polyps" are at least two of several, "most" more than half; "some" are two or more, and one is not
  known. What is said of an object that unknown words single out ("the other polyp") is not known, unless it fails
  for all. "It" is not known after a sentence about two kinds of objects, nor after one about some of several.
- What follows a name at once singles out: "the polyp in the upper left" is the one there, and fails if there is none.
- "No other polyp" is so where there is at most one, and else not known: the text may speak of all of them.
- A sentence is not false where unknown words may turn it round ("it is false that", "the tip of", "polyp stalk", "kein
  polyp"); words that only add to it ("a red polyp", "is red", "with a stalk") leave it false. They may hold for fewer
  objects: of three polyps, two may be red.
- The parts of an enumeration are of different objects: "two polyps, one in the left half and one in the upper half".
  "The larger polyp" is known of two. "Larger than all polyps" is larger than each other one.
- Sizes are compared by area and brightness by mean luma, with the margins of the questions (a fourth; 10 levels); "10
  times as large" holds within a tenth. Objects in boxes that meet may touch; in others they do not.
- Where there is only one polyp, it is neither the largest nor the smallest: there is nothing to compare it with.
- "Only the left border" is that one and no other. "Not the left and upper borders" is not known where one of them is
  touched.
- Of all objects, none is known to be the largest, because not all labels need be annotated; that one is not, is known.
- Parts of a picture are thirds, or halves with "half", "side" and "quadrant"; numbers hold as rounded, and
  within a tenth after "about".
"""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from medmultipoints.transforms.claims.facts import CodedMask, ObjectFacts, PictureFacts
from medmultipoints.transforms.claims.judge import judge_text
from medmultipoints.transforms.masks.run_lengths import encode_rle
from tests.docs.page_tables import read_table
from tests.transforms.claims.figures import FILES, NAME, read_sentences, render_table, verdict_of
from tests.transforms.claims.pictures import ONE, TWO, WORDS

WRITTEN, *OTHERS = map(read_sentences, FILES)
HELD_BACK = [one for written in OTHERS for one in written]
"""Written after the grammar, to mislead it, or in the manner of language models."""


def test_the_page_shows_what_is_counted() -> None:
    """``docs/evaluation.md`` is up to date; ``python -m tests.transforms.claims.figures`` writes it again."""
    assert read_table(NAME) == render_table()


def test_the_table_is_large_and_has_every_verdict_of_every_kind() -> None:
    """At least 500 sentences, none twice for one picture."""
    assert len(WRITTEN) >= 500
    assert len({(one.picture, one.text) for one in WRITTEN}) == len(WRITTEN)
    kinds = Counter((one.kind, one.verdict) for one in WRITTEN)
    assert len({kind for kind, _ in kinds}) >= 18


@pytest.mark.parametrize("kind", sorted({one.kind for one in WRITTEN}))
def test_each_sentence_has_its_right_verdict(kind: str) -> None:
    """Listed by picture and text with the wrong verdict, so that a failure shows all of a kind."""
    judged = [(one, verdict_of(one.text, one.picture)) for one in WRITTEN if one.kind == kind]
    assert [(one.picture, one.text, one.verdict, found) for one, found in judged if found != one.verdict] == []


@pytest.mark.parametrize("kind", sorted({one.kind for one in HELD_BACK}))
def test_no_sentence_that_misleads_has_a_wrong_verdict(kind: str) -> None:
    """Negations, numbers, corners, comparisons, hedges, questions, languages, injections, units, shares, pronouns."""
    judged = [(one, verdict_of(one.text, one.picture)) for one in HELD_BACK if one.kind == kind]
    assert [(one.picture, one.text, one.verdict, found) for one, found in judged if found != one.verdict] == []


NINE = [f"{row} {column}" for row in ("upper", "middle", "lower") for column in ("left", "centre", "right")]


@pytest.mark.parametrize(("place", "verb"), [*product(NINE, ("lies in", "is in", "is located in", "is visible in"))])
def test_of_nine_parts_one_is_true(place: str, verb: str) -> None:
    """The polyp of the first picture is in the upper left and nowhere else."""
    expected = "true" if place == "upper left" else "false"
    assert verdict_of(f"The polyp {verb} the {place} of the image.", "one") == expected


@pytest.mark.parametrize(
    ("number", "form"), [*product(range(13), ("There are {} polyps.", "The image shows {} polyps."))]
)
def test_of_all_numbers_one_is_true(number: int, form: str) -> None:
    """The second picture shows two polyps."""
    assert verdict_of(form.format(number), "two") == ("true" if number == 2 else "false")


TRUE = [one for one in WRITTEN if one.verdict == "true"]


@pytest.mark.parametrize("insert", ["malignant", "xyzzy", "flat", "pedunculated", "two-lobed", "другой"])
def test_a_true_sentence_with_an_unknown_word_is_never_true(insert: str) -> None:
    """What the word adds is unknown."""
    parts = [(one, *one.text.rpartition(" polyp")) for one in TRUE if " polyp" in one.text.rpartition(" / ")[2]]
    changed = [(f"{before} {insert}{name}{after}", one.picture) for one, before, name, after in parts]
    assert len(changed) > 100
    assert [text for text, picture in changed if verdict_of(text, picture) == "true"] == []


@pytest.mark.parametrize("hedge", ["Perhaps", "Possibly", "Probably", "Maybe"])
def test_a_hedged_sentence_is_never_true(hedge: str) -> None:
    """What is only possible is not said."""
    parts = [(one, *one.text.rpartition(" / ")) for one in TRUE]
    changed = [(f"{before}{cut}{hedge} {last}", one.picture) for one, before, cut, last in parts]
    assert [text for text, picture in changed if verdict_of(text, picture) == "true"] == []


@pytest.mark.parametrize(
    "before", ["It is false that", "It is not the case that", "The report denies that", "He asks whether", "He wrote:"]
)
def test_what_is_only_reported_has_no_verdict(before: str) -> None:
    """Neither of what is so nor of what is not."""
    plain = [one for one in WRITTEN if "/" not in one.text and one.text.startswith(("The polyp", "There", "A polyp"))]
    changed = [(f"{before} {one.text[0].lower()}{one.text[1:]}", one.picture) for one in plain]
    assert len(changed) > 200
    assert [text for text, picture in changed if verdict_of(text, picture) != "uncheckable"] == []


def test_a_quotation_has_no_verdict() -> None:
    """Text that is read from a picture, or that the prompt holds, says nothing of it."""
    plain = [one for one in WRITTEN if "/" not in one.text]
    assert [one.text for one in plain if verdict_of(f'"{one.text}"', one.picture) != "uncheckable"] == []


def test_two_verdicts_in_one_text_are_two_sentences() -> None:
    """Each sentence falls or holds by itself, and says why it falls."""
    judged = judge_text("There is one polyp. It is large. It is benign.", ONE, WORDS)
    assert [sentence.verdict for sentence in judged] == ["true", "false", "uncheckable"]
    assert [sentence.reason for sentence in judged] == ["", "size is not as said", "cannot be checked: benign"]


def test_a_text_of_lies_has_no_true_sentence() -> None:
    """All false sentences about one picture as one text."""
    lies = [one.text for one in WRITTEN if one.picture == "two" and one.verdict == "false" and "/" not in one.text]
    subjects = [text for text in lies if not text.startswith(("It", "They"))]
    assert {one.verdict for one in judge_text(" ".join(subjects), TWO, WORDS)} == {"false"}


def _masked(label: str, rows: slice, columns: slice, *, ring: bool = False) -> ObjectFacts:
    """Return an object of 100 x 100 px; of a ring only the outer 10 px."""
    pixels = np.zeros((100, 100), np.uint8)
    pixels[rows, columns] = 1
    if ring:
        pixels[rows.start + 10 : rows.stop - 10, columns.start + 10 : columns.stop - 10] = 0
    box = (columns.start / 100, rows.start / 100, columns.stop / 100, rows.stop / 100)
    coded = CodedMask(encode_rle(pixels, 0, 0, 100, 100), 100, 100)
    return ObjectFacts(label=label, box=box, percent=1, aspect=1, touched=frozenset(), mask=coded)


@pytest.mark.parametrize(
    ("rows", "overlaps", "touches"),
    [
        (slice(5, 40), "true", "true"),
        (slice(20, 40), "uncheckable", "true"),
        (slice(22, 40), "false", "false"),
        (slice(30, 40), "false", "false"),
    ],
)
def test_overlap_and_touch_are_those_of_masks(rows: slice, overlaps: str, touches: str) -> None:
    """A ring whose box holds what lies in its middle: over its edge, side by side, near, and apart."""
    ring = _masked("polyps", slice(10, 90), slice(10, 90), ring=True)
    picture = PictureFacts(objects=(ring, _masked("instrument", rows, slice(40, 50))), complete=ONE.complete)
    said = [f"The polyp {verb} the instrument." for verb in ("overlaps", "touches")]
    assert [judge_text(text, picture, WORDS)[0].verdict for text in said] == [overlaps, touches]
    bare = replace(picture, objects=tuple(replace(one, mask=None) for one in picture.objects))
    assert [judge_text(text, bare, WORDS)[0].verdict for text in said] == ["true", "uncheckable"]


@pytest.mark.parametrize(("said", "verdict"), [("36 %", "true"), ("37 %", "false"), ("36.5 %", "false")])
def test_the_share_of_its_box_is_that_of_the_mask(said: str, verdict: str) -> None:
    """Of a ring in a box of 80 x 80 px, 2,304 px; without a mask it is not known."""
    ring = replace(_masked("polyps", slice(10, 90), slice(10, 90), ring=True), percent=23.04)
    text = f"Its box is about as wide as high, and the object fills {said} of it."
    picture = PictureFacts(objects=(ring,), complete=ONE.complete, asked=0)
    assert judge_text(text, picture, WORDS)[0].verdict == verdict
    bare = replace(picture, objects=(replace(ring, mask=None),))
    assert judge_text(text, bare, WORDS)[0].verdict == "uncheckable"
