"""croissant.json: every file with its real hash, every column of every table. mlcroissant itself is an acceptance."""

import hashlib
import json
from pathlib import Path

from medmultipoints.transforms.columns.tables import load_table


def read(release: Path) -> dict:
    return json.loads((release / "croissant.json").read_bytes())


def test_every_file_but_the_manifest_is_listed_with_its_hash(release: Path) -> None:
    objects = {entry["@id"]: entry for entry in read(release)["distribution"] if entry["@type"] == "cr:FileObject"}
    files = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    assert set(objects) == files - {"manifest.json", "croissant.json"}
    for path, entry in objects.items():
        assert entry["sha256"] == hashlib.sha256((release / path).read_bytes()).hexdigest()
        assert entry["contentSize"] == f"{(release / path).stat().st_size} B"


def test_collection_annotation_limits_and_personal_data_are_told_in_the_rai_vocabulary(release: Path) -> None:
    told = read(release)
    assert "http://mlcommons.org/croissant/RAI/1.0" in told["conformsTo"]
    assert told["rai:dataCollection"].startswith("No picture was taken for this dataset. Its images are those of ")
    assert "from masks" in told["rai:dataAnnotationProtocol"]
    assert told["rai:dataBiases"][0].startswith("images by source: ")
    assert told["rai:personalSensitiveInformation"] == [
        "Nothing that concerns a person was found.", "No text in the pictures was read."
    ]  # fmt: skip


def test_every_column_of_every_table_is_a_field(release: Path) -> None:
    sets = {entry["@id"]: entry for entry in read(release)["recordSet"]}
    assert list(sets) == ["splits", "records", "images", "objects", "instructions"]
    assert sets["splits"]["data"] == [
        {"splits/name": "train", "splits/url": "cr:TrainingSplit"},
        {"splits/name": "test", "splits/url": "cr:TestSplit"},
    ]
    fields = {field["name"]: field for field in sets["records"]["field"]}
    assert sorted(fields) == sorted(column.name for column in load_table("records").columns)
    assert fields["image"]["source"]["transform"] == {"jsonPath": "bytes"}
    assert (fields["bbox"]["dataType"], fields["bbox"]["arrayShape"]) == ("sc:Float", "-1,-1")
    assert fields["split"]["references"] == {"field": {"@id": "splits/name"}}


def test_references_lead_to_the_keys_of_other_record_sets(release: Path) -> None:
    sets = read(release)["recordSet"]
    keys = {entry["key"]["@id"] for entry in sets}
    found = {
        field["@id"]: field["references"]["field"]["@id"]
        for entry in sets
        for field in entry["field"]
        if "references" in field
    }
    assert {name: target for name, target in found.items() if target != "splits/name"} == {
        "records/sample_id": "images/sample_id",
        "objects/record_id": "records/record_id",
        "objects/sample_id": "images/sample_id",
        "instructions/record_id": "records/record_id",
    }
    assert set(found.values()) <= keys
    assert all("references" in entry["field"][0] for entry in sets[1:])  # what mlcroissant joins by: the inline splits


def test_licence_date_version_and_citations_are_stated(release: Path) -> None:
    stated = read(release)
    assert stated["version"] == "1.0.0"
    assert stated["datePublished"] == "2026-01-02"
    assert "https://spdx.org/licenses/CC-BY-4.0.html" in stated["license"]
    assert "creator" not in stated  # nobody is named in the recipe
