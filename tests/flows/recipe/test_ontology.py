"""The ontology of a recipe: words of sources become labels, parents become hierarchies, other labels are asked."""

from pathlib import Path

import polars as pl
import pytest

from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.data_lake.toml_files import read_toml
from medmultipoints.flows.recipe.ontology import parts_of, read_ontology, with_ontology
from medmultipoints.transforms.compose.label_terms import (
    describe_terms,
    fill_facts,
    note_terms,
    plurals_of,
    released_terms,
)
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.naming.names import allowed_names
from medmultipoints.transforms.sources.declaration.model import Declaration
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


def test_a_label_that_the_ontology_lacks_can_be_left_out(tmp_path: Path) -> None:
    files = MemoryMembers({f"a/{s.stem}.xml": voc_xml(s, 0, 0) for s in SCENES} | pictures())
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


def test_the_ontology_says_more_of_labels(tmp_path: Path) -> None:
    """A picture whose objects share an organ has it, where its source says none; plurals are those given."""
    text = """
[nidus]
plural = "nidi"
organ = "brain"
[haemorrhage]
organ = "brain"
codes = { snomed = "50960005" }
[tooth]
organ = "jaw"
[lung]
"""
    terms = released_terms({"ontology": {n: t.model_dump() for n, t in read_ontology(written(tmp_path, text)).items()}})
    records = pl.DataFrame(
        {
            "sample_id": ["a", "a", "b", "b", "c", "d"],
            "label": ["nidus", "haemorrhage", "nidus", "tooth", "lung", "nidus"],
            "count": [1, 1, 1, 1, 1, 1],
            "organ": ["unknown"] * 5 + ["head"],
            "modality": [None] * 6,
        },
        schema_overrides={"modality": pl.String},
    )
    images = records.unique("sample_id", maintain_order=True).drop("label", "count")
    filled, pictures_of = fill_facts(records, images, terms)
    assert filled["organ"].to_list() == ["brain", "brain", "unknown", "unknown", "unknown", "head"]
    assert pictures_of["organ"].to_list() == ["brain", "unknown", "unknown", "head"]
    (name,) = allowed_names(load_names(["nidus"], plurals_of({"ontology": terms})), "audited", "nidus", alone=True)
    assert name.plural == "nidi"
    assert describe_terms(terms)[0]["codes"] == "snomed 50960005"
    assert note_terms(terms, {"nidus", "haemorrhage", "lung"}) == [
        "1 label of the ontology without an object in the release: tooth"
    ]


def test_a_table_in_braces_and_again_is_explained(tmp_path: Path) -> None:
    """TOML's own words name no remedy."""
    file = tmp_path / "recipe.toml"
    file.write_text("[sources.x]\nread = { format = 'voc' }\n[sources.x.read.labels]\na = 'b'\n", "utf-8")
    with pytest.raises(UsageError, match=r"\[sources\.x\.read\.labels\] at line 3.*write all keys there"):
        read_toml(file, "recipe", absent="")


def test_labels_of_other_scripts_match_in_both_unicode_forms(tmp_path: Path) -> None:
    """File names of some systems and labels of some tools are in NFD."""
    terms = read_ontology(written(tmp_path, '["läsion"]\nsynonyms = ["ulcère"]\nplural = "läsionen"\n'))
    read = with_ontology({"read": {"format": "voc"}}, terms)["read"]
    declaration = Declaration.model_validate(read)
    found = [declaration.release_label(label) for label in ("La\u0308sion", "LÄSION", "ulce\u0300re")]
    assert found == ["läsion"] * 3
    with pytest.raises(UsageError, match="is in the Unicode form NFD"):
        read_ontology(written(tmp_path, '["la\u0308sion"]\n'))
