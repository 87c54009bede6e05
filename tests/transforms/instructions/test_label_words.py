"""A label that the names file does not know is called by its own words."""

import pytest

from medmultipoints.transforms.instructions.naming.names import (
    Name,
    Names,
    add_labels,
    allowed_names,
    article_of,
    drop_labels,
)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("ulcer", Name("ulcer", "ulcers", "an")),
        ("gastric_ulcer", Name("gastric ulcer", "gastric ulcers", "a")),
        ("biopsy", Name("biopsy", "biopsies", "a")),
        ("bright_ray", Name("bright ray", "bright rays", "a")),
        ("mass", Name("mass", "masses", "a")),
        ("patch", Name("patch", "patches", "a")),
        ("nucleus", Name("nucleus", "nuclei", "a")),
        ("cell nucleus", Name("cell nucleus", "cell nuclei", "a")),
        ("sinus", Name("sinus", "sinuses", "a")),
        ("pancreas", Name("pancreas", "pancreases", "a")),
        ("metastasis", Name("metastasis", "metastases", "a")),
        ("necrosis", Name("necrosis", "necroses", "a")),
        ("crisis", Name("crisis", "crises", "a")),
        ("axis", Name("axis", "axes", "an")),
        ("colitis", Name("colitis", "colitides", "a")),
        ("cell_debris", Name("cell debris", "cell debris", "a")),
        ("iris", Name("iris", "irises", "an")),
        ("vertebra", Name("vertebra", "vertebrae", "a")),
        ("Platelets", Name("Platelets", "Platelets", "a")),
        ("rib_right_9", Name("rib right 9", "instances of rib right 9", "a")),
        ("heart_atrium_left", Name("heart atrium left", "instances of heart atrium left", "a")),
        ("C3", Name("C3", "instances of C3", "a")),
    ],
)
def test_the_words_of_a_label_are_its_name(names: Names, label: str, name: Name) -> None:
    """Underscores are blanks, the plural is the usual one, the article goes with the first sound."""
    for policy in ("audited", "published"):
        assert allowed_names(add_labels(names, [label]), policy, label, alone=False) == (name,)


def test_a_known_label_keeps_its_names(names: Names) -> None:
    """Adding our own labels changes nothing."""
    assert add_labels(names, ["polyps", "normal", "cluster"]) == names


def test_a_label_with_a_known_name_takes_its_forms(names: Names) -> None:
    """Sperm has no plural of its own, whoever brings the label."""
    (name,) = allowed_names(add_labels(names, ["sperm"]), "audited", "sperm", alone=True)
    assert name.plural == "sperm"


def test_a_label_takes_the_name_of_a_known_label_that_is_not_there(names: Names) -> None:
    """The name ``polyp`` then means the label ``polyp``, and an answer with it can be proved."""
    added = add_labels(names, ["polyp"]).by_policy
    assert all("polyps" not in own and own["polyp"][0].name.singular == "polyp" for own in added.values())
    both = add_labels(names, ["polyp", "polyps"]).by_policy
    assert all({"polyp", "polyps"} <= own.keys() for own in both.values())


def test_a_label_of_another_source_is_called_by_its_own_words(names: Names) -> None:
    """A normal cell is no sperm."""
    own = add_labels(drop_labels(names, {"normal"}), ["normal", "cluster"])
    assert allowed_names(own, "audited", "normal", alone=True) == (Name("normal", "normals", "a"),)
    assert allowed_names(own, "audited", "cluster", alone=True)[0].singular == "sperm cluster"


def test_adding_twice_is_adding_once(names: Names) -> None:
    """In whatever order."""
    once = add_labels(names, ["ulcer", "biopsy"])
    assert add_labels(once, ["biopsy", "ulcer"]) == once


@pytest.mark.parametrize(("word", "article"), [("apple", "an"), ("unit", "a"), ("hour", "an"), ("polyp", "a")])
def test_the_article_goes_with_the_sound(word: str, article: str) -> None:
    """Not with the letter."""
    assert article_of(word) == article
