"""The ontology of a recipe: words of sources become labels, parents become hierarchies, other labels are asked."""

from pathlib import Path

import pytest

from medmultipoints.flows.recipe.ontology import parts_of, read_ontology, with_ontology
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.formats import voc
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import pictures
from tests.transforms.sources.formats.layouts import voc as voc_xml
from tests.transforms.sources.formats.scenes import SCENES

TEXT = """
[cell]
codes = { snomed = "4421005" }
["red blood cell"]
parents = ["cell"]
synonyms = ["rbc", "erythrocyte"]
["white blood cell"]
parents = ["cell"]
synonyms = ["wbc"]
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "ontology.toml"
    file.write_text(text, "utf-8")
    return file


def declared(tmp_path: Path, **read: object) -> Declaration:
    terms = read_ontology(written(tmp_path, TEXT))
    table = {"read": {"format": "voc", "boxes": {"frame": "edges"}, **read}}
    return Declaration.model_validate(with_ontology(table, terms)["read"])


def test_words_of_a_source_become_labels(tmp_path: Path) -> None:
    """Synonyms, and names that differ in case and separators alone; what the source's own table says wins."""
    declaration = declared(tmp_path, labels={"wbc": "red blood cell"})
    words = ["erythrocyte", "Red_Blood-Cell", "RBC", "wbc", "cell"]
    assert [declaration.release_label(word) for word in words] == ["red blood cell"] * 4 + ["cell"]
    assert declaration.hierarchy == {"cell": ("red blood cell", "white blood cell")}
    assert parts_of({}) == {}


def test_a_label_that_the_ontology_lacks_is_asked(tmp_path: Path) -> None:
    """The error names each such label with the line that answers it."""
    files = MemoryMembers({f"a/{s.stem}.xml": voc_xml(s, 0, 0) for s in SCENES} | pictures())
    with pytest.raises(UsageError, match=r'(?s)1 of its labels.*read\.labels.*"platelet" = '):
        read_declared("s", declared(tmp_path), {}, files, voc.FORMAT.read)
    answered = declared(tmp_path, labels={"platelet": {"ignore": "out of scope"}})
    indexed = read_declared("s", answered, {}, files, voc.FORMAT.read)
    labels = {one.label for sample in indexed.samples for one in sample.annotations}
    assert labels == {"red blood cell", "white blood cell"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nsynonyms = ['x']\n[b]\nsynonyms = ['X']", "names both"),
        ("[a]\nparents = ['b']", "has no table"),
        ("[a]\nparents = ['b']\n[b]\nparents = ['a']", "part of itself"),
        ("[a]\nparent = ['b']", "parent"),
        ("[a", "not valid TOML"),
    ],
)
def test_a_wrong_ontology_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Words with two meanings, parents without a table, circles and unknown keys."""
    with pytest.raises(UsageError, match=said):
        read_ontology(written(tmp_path, text))
