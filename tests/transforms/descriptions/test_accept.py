"""Which sentences of a reply are kept."""

import json

import pytest

from medmultipoints.transforms.descriptions.accept import Accepted, AcceptPolicy, accept_reply
from medmultipoints.transforms.descriptions.description_rows import describe_texts, refusal_rows
from medmultipoints.transforms.descriptions.prompting import write_prompt
from tests.transforms.claims.pictures import MANY, ONE, TWO, WORDS
from tests.transforms.claims.test_scene_facts import SCENE

DROP, MARK = AcceptPolicy("drop", 0), AcceptPolicy("mark", 0)


def accept(*region: str, picture=TWO, policy: AcceptPolicy = DROP, **parts: list[str]) -> Accepted:
    """Judge a reply with these sentences."""
    return accept_reply(json.dumps({"region": list(region)} | parts), "answered", picture, WORDS, policy)


def kept(accepted: Accepted) -> list[str]:
    """The texts that are kept."""
    return [one.text for one in accepted.kept]


def test_false_sentences_fall_and_uncheckable_ones_fall_or_are_marked() -> None:
    """True ones stay under both policies."""
    said = ("There are two polyps.", "There are three polyps.", "The mucosa is pale.")
    assert kept(accept(*said)) == ["There are two polyps."]
    marked = accept(*said, policy=MARK)
    assert [(one.text, one.verdict) for one in marked.kept] == [(said[0], "true"), (said[2], "uncheckable")]


def test_a_sentence_that_means_something_else_without_the_one_before_it_falls() -> None:
    """ "It" was the instrument; without that sentence it would be the polyp, of which the same is false."""
    said = ("There is a small polyp.", "The instrument is large and made of steel.", "It touches the right border.")
    judged = accept(*said)
    assert [one.verdict for one in judged.sentences] == ["true", "uncheckable", "true"]
    assert kept(judged) == ["There is a small polyp."]
    assert kept(accept(*said, policy=MARK)) == list(said)


def test_it_never_means_what_another_part_is_about() -> None:
    """Parts are judged apart."""
    judged = accept("The instrument is large.", relations=["It touches the right border."])
    assert [one.verdict for one in judged.sentences] == ["true", "uncheckable"]


def test_a_sentence_names_the_objects_that_it_rests_on() -> None:
    """Also the second of a relation; all that a number counts; none for an organ."""
    said = ("There are three polyps.", "The largest polyp is smaller than the instrument.", "This is the colon.")
    assert [one.objects for one in accept(*said, picture=MANY).kept] == [(0, 1, 2), (0, 3), ()]


def test_a_repeated_sentence_is_kept_once() -> None:
    """In any part; "it" may be another object; the share is that of all sentences."""
    said = ("There are three polyps.", "There are three polyps", "there are three polyps.")
    judged = accept(*said, relations=[said[0], "The instrument is small."], picture=MANY)
    assert kept(judged) == [said[0]]
    assert [one.repeated for one in judged.sentences] == [False, True, True, True, False]
    assert judged.share == 0.2
    other = ("The leftmost polyp is visible.", "It is medium-sized.", "The instrument is visible.", "It is large.")
    assert kept(accept(*other)) == list(other)
    rows = [row["reason"] for row in refusal_rows(SCENE, judged, "")]
    assert rows == ["repeated"] * 3 + ["false_claim"]


@pytest.mark.parametrize(("least", "reason"), [(0.0, ""), (0.5, ""), (0.6, "too_much_lost")])
def test_a_text_that_loses_too_much_falls_whole(least: float, reason: str) -> None:
    """Half of it is false."""
    judged = accept("There is one polyp.", "There are two polyps.", picture=ONE, policy=AcceptPolicy("drop", least))
    assert judged.reason == reason
    assert len(judged.kept) == (0 if reason else 1)
    assert len(judged.kept) + len(judged.lost) == 2


def test_a_text_of_which_no_sentence_is_left_is_said_to_keep_nothing() -> None:
    """Whatever share the recipe asks for; a reply in the right form without sentences is one, too."""
    for said in (("There is one polyp.", "The mucosa is pale."), ()):
        judged = accept(*said)
        assert (judged.reason, judged.kept, judged.share) == ("nothing_kept", (), 0.0)
    rows = [row["reason"] for row in refusal_rows(SCENE, accept("There is one polyp.", "The mucosa is pale."), "")]
    assert rows == ["false_claim", "nothing_kept"]


def test_without_a_reply_the_card_says_nothing() -> None:
    """No model was asked."""
    import polars as pl

    from medmultipoints.transforms.columns.tables import schema_of

    tables = [pl.DataFrame(schema=schema_of(name)) for name in ("descriptions", "refused_sentences")]
    assert describe_texts(*tables) is None


def test_the_prompt_numbers_no_region() -> None:
    """The grammar knows objects by class and place, so a number would make every sentence uncheckable."""
    prompt = write_prompt(MANY, {"polyps": "polyp", "instrument": "surgical instrument"}, ())
    assert prompt.count("\n- polyp: from ") == 3
    assert prompt.count("\n- surgical instrument: from ") == 1
    assert "region 1" not in prompt
