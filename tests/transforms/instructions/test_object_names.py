"""Each label has a name in every image, and never one that other objects could claim."""

from collections.abc import Callable

import polars as pl
import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.naming.names import Names, allowed_names, labels_present, parse_names

Tables = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]
LABELS = ("polyps", "instrument", "normal", "pinhead", "cluster")
FORMS = '[forms]\npolyp = { plural = "polyps", article = "a" }\n'


def _allowed(names: Names, policy: str, label: str, alone: bool) -> list[str]:
    return [name.singular for name in allowed_names(names, policy, label, alone)]


@pytest.mark.parametrize("policy", ["published", "audited"])
@pytest.mark.parametrize("alone", [True, False])
def test_each_label_has_a_name(names: Names, policy: str, alone: bool) -> None:
    """No label of the three sources is left without a name, alone or not."""
    assert all(_allowed(names, policy, label, alone) for label in LABELS)


@pytest.mark.parametrize("policy", ["published", "audited"])
def test_sperm_is_never_one_class_among_others(names: Names, policy: str) -> None:
    """Where another class shares the frame, normal sperm are called normal sperm."""
    assert _allowed(names, policy, "normal", alone=False) == ["normal sperm"]


def test_published_names_are_the_published_synonyms(names: Names) -> None:
    """Under the published policy a label alone in its frame may have each of its published names."""
    expected = {
        "polyps": ["polyp"],
        "instrument": ["instrument"],
        "normal": ["normal sperm", "sperm"],
        "pinhead": ["pinhead sperm", "pinhead"],
        "cluster": ["sperm cluster", "cluster"],
    }
    assert expected == {label: _allowed(names, "published", label, alone=True) for label in LABELS}


def test_an_unknown_label_has_no_name(names: Names) -> None:
    """A label or policy that the file does not know allows nothing."""
    assert _allowed(names, "audited", "unicorn", True) + _allowed(names, "other", "polyps", True) == []


def test_labels_present_are_those_with_objects(tables: Tables) -> None:
    """A count of zero is no presence; labels without a record are added by hand."""
    box = (0.0, 0.0, 2.0, 2.0)
    records, _ = tables([("a", "normal", [box]), ("a", "pinhead", []), ("b", "normal", [box])])

    expected = {"a" * 64: {"normal"}, "b" * 64: {"normal", "cluster"}}
    assert expected == labels_present(records, {"b" * 64: ["cluster"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[forms", "names file: not valid TOML"),
        ('[forms]\npolyp = { plural = "polyps", article = "the" }', "forms of polyp: expected plural"),
        ('[forms]\nfoot = { plural = "feet", article = "a" }', "foot: the plural must contain the name"),
        ('[forms]\n"a{b" = { plural = "a{bs", article = "a" }', "without brackets, quotes or breaks"),
        (FORMS + '[p]\npolyps = [{ name = "growth" }]', "p.polyps: growth has no entry under"),
        (FORMS + '[p]\npolyps = [{ name = "polyp", when = "often" }]', "p.polyps: expected name and, if wanted, when"),
        (FORMS + '[p]\npolyps = [{ name = "polyp", when = "alone" }]', "p.polyps: images exist that leave the label"),
    ],
)
def test_a_bad_names_file_is_refused(text: str, message: str) -> None:
    """The message names the entry and what is wrong with it."""
    with pytest.raises(UsageError, match=message):
        parse_names(text)
