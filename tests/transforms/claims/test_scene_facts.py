"""The names by which texts about a released picture may call its objects."""

from collections.abc import Mapping
from importlib.resources import files

import pytest

from medmultipoints.transforms.claims.facts import ObjectFacts, PictureFacts, Vocabulary
from medmultipoints.transforms.claims.judge import judge_text
from medmultipoints.transforms.claims.scene_facts import scene_vocabulary
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Choice, Name, Names, add_labels, parse_names
from medmultipoints.transforms.instructions.scenes import Scene

NAMES = parse_names(files("medmultipoints.transforms.instructions").joinpath("names.toml").read_text("utf-8"))
SCENE = Scene(
    sample_id="a_source/a", image_sha256="a" * 64, image_file="a.png", split="train", source="a_source", organ="Colon",
    finding="", classification="", width=100, height=100, scale=1.0, certain=("instrument",), video_id=None,
    frame_index=None, fps=None, records={}, listed={}, objects=(),
)  # fmt: skip


def vocabulary(names: Names, shown: str = "instrument", organs: tuple[str, ...] = ()) -> Vocabulary:
    """The words for a picture with objects of one label."""
    return scene_vocabulary(SCENE, Lexicon(names, "audited", {SCENE.image_sha256: frozenset({shown})}), organs)


def named(forms: Mapping[str, str]) -> Names:
    """Names of labels, each with a regular plural."""
    return Names((), {"audited": {label: (Choice(Name(one, f"{one}s", "a")),) for label, one in forms.items()}})


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("There is one instrument.", "true"),
        ("There is one surgical instrument.", "true"),
        ("The instrument touches the lower border.", "true"),
        ("The instrument is a surgical instrument.", "true"),
        ("There are two instruments.", "false"),
        ("There is no instrument.", "false"),
        ("The instrument touches the upper border.", "false"),
        ("There is one blunt instrument.", "uncheckable"),
        ("There is one tool.", "uncheckable"),
        ("There is one surgical.", "uncheckable"),
        ("It is normal.", "uncheckable"),
    ],
)
def test_the_label_is_a_name_where_a_name_ends_with_it(text: str, verdict: str) -> None:
    """The label ``instrument`` is called "surgical instrument"."""
    one = ObjectFacts(
        label="instrument", box=(0.4, 0.5, 0.6, 1.0), percent=9.0, aspect=0.4, touched=frozenset({"lower"})
    )
    picture = PictureFacts(objects=(one,), complete=frozenset({"instrument"}), asked=0)
    judged = judge_text(text, picture, vocabulary(NAMES))
    assert [sentence.verdict for sentence in judged] == [verdict]


def test_a_label_is_no_name_where_another_label_or_an_organ_may_be_meant() -> None:
    """Nor is one that is not the noun of its name, or a noun that is not the label."""
    assert vocabulary(named({"instrument": "surgical instrument"})).plural["instruments"] == "instrument"
    two = {"instrument": "surgical instrument", "other": "blunt instrument"}
    assert "instrument" not in vocabulary(named(two)).singular
    assert vocabulary(named({"instrument": "surgical instrument", "other": "instrument"})).singular == {
        "surgical instrument": "instrument",
        "instrument": "other",
    }
    assert "colon" not in vocabulary(named({"colon": "descending colon"}), organs=("Colon",)).singular
    shipped = vocabulary(NAMES, "normal")
    assert shipped.singular["cluster"] == "cluster"
    assert {"normal", "surgical"}.isdisjoint(shipped.singular)
    assert shipped.singular["sperm"] == "normal"
    assert "sperm" not in vocabulary(NAMES, "pinhead").singular


def test_a_label_with_its_own_words_has_no_further_name() -> None:
    """A side or a number has no plural of its own."""
    added = vocabulary(add_labels(NAMES, ["rib_right_9"]))
    assert "rib right 9" in added.singular
    assert "rib right 9" not in added.plural
