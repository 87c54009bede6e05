"""Releases compared on disk, and what show says of one."""

from operator import itemgetter
from pathlib import Path

import orjson
import pytest

from medmultipoints.data_lake.release.read.compare import compare_releases
from medmultipoints.data_lake.release.read.show import describe_release
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import OBJECTS, make_tables


def test_the_same_content_proposes_the_same_version(release: Path, tmp_path: Path, tables: Tables) -> None:
    again = write_release(tmp_path / "again", tables)
    found = compare_releases(release, again)
    assert (found.proposed_version, found.text) == ("1.0.0", "no difference")


def test_another_card_is_a_patch(release: Path, tmp_path: Path, tables: Tables) -> None:
    again = write_release(tmp_path / "again", tables, version="1.0.5")
    found = compare_releases(release, again)
    assert (found.proposed_version, found.diff.level) == ("1.0.1", "patch")
    assert "no row did" in found.text


def test_a_corrected_box_is_minor(release: Path, tmp_path: Path) -> None:
    objects = (("hyperkvasir/a", "polyps", [(2.0, 3.0, 11.0, 9.0)]), *other_objects())
    again = write_release(tmp_path / "again", make_tables(objects))
    found = compare_releases(release, again)
    assert found.proposed_version == "1.1.0"
    assert "minor: 1 box changed, sides by 1.0 px: hyperkvasir/a: polyps 0" in found.text


def other_objects() -> tuple[tuple[str, str, list[tuple[float, ...]]], ...]:
    return tuple(OBJECTS[1:])


def test_what_a_release_was_made_of_is_compared_too(release: Path, tmp_path: Path, tables: Tables) -> None:
    again = write_release(tmp_path / "again", tables, version="1.0.5")
    path = again / "manifest.json"
    said = '"image": "hyperkvasir/a", "action": "set_label", "label": "polyps", "reviewer": "R", "reason": "wrong"'
    relabelled = ", ".join(f'{{{said}, "object": "{one}"}}' for one in ("s:a:cluster:0", "s:b:cluster:1"))
    entries = f'"corrections": {{"entries": [{relabelled}]}}, "seed": 8'
    path.write_text(path.read_text().replace('"seed": 7', entries).replace("a" * 64, "b" * 64))
    lines = compare_releases(release, again).text.splitlines()
    names = ("hyperkvasir/a.zip", "kvasir_instrument/a.zip", "visem_tracking/a.zip")
    assert f"patch: 3 source files changed: {'; '.join(names)}" in lines
    assert "patch: 1 value of the recipe changed: seed (7 to 8)" in lines
    assert "patch: 2 decisions of reviewers added" in lines
    assert lines.count("  hyperkvasir/a: cluster → polyps, R: wrong") == 2


def test_releases_of_two_names_are_not_compared(release: Path, tmp_path: Path, tables: Tables) -> None:
    again = write_release(tmp_path / "again", tables)
    path = again / "manifest.json"
    path.write_text(path.read_text().replace('"name": "tiny"', '"name": "other"'))
    with pytest.raises(DataError, match="versions are per name"):
        compare_releases(release, again)


def test_show_tells_what_a_release_holds(release: Path) -> None:
    told = describe_release(release)
    assert (told["name"], told["version"], told["splits"], told["images"]) == ("tiny", "1.0.0", ["train", "test"], 4)
    assert {"split": "test", "label": "polyps", "records": 1, "images": 1, "objects": 2} in told["by_label"]
    assert [row["split"] for row in told["by_label"]] == sorted(
        (row["split"] for row in told["by_label"]), reverse=True
    )
    assert told["licences"] == ["CC-BY-4.0", "LicenseRef-research-only"]
    assert told["sources"] == [
        {"name": "hyperkvasir", "known": True},
        {"name": "kvasir_instrument", "known": False},
        {"name": "visem_tracking", "known": False},
    ]


def test_show_names_a_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a release"):
        describe_release(tmp_path)


def test_a_decision_that_changed_is_one_removed_and_one_added(tmp_path: Path, tables: Tables) -> None:
    paths = []
    for name, label in (("1.0.5", "polyps"), ("1.0.6", "instrument")):
        folder = write_release(tmp_path / name, tables, version=name)
        rows = (
            f'{{"image": "hyperkvasir/a", "action": "set_label", "object": "{"x" * 40}{one}", "label": "{label}"}}'
            for one in "ab"
        )
        path = folder / "manifest.json"
        path.write_text(
            path.read_text().replace('"seed": 7', f'"corrections": {{"entries": [{", ".join(rows)}]}}, "seed": 7')
        )
        paths.append(folder)
    text = compare_releases(*paths).text
    assert "2 decisions of reviewers added\n  hyperkvasir/a: label instrument" in text
    assert "2 decisions of reviewers removed\n  hyperkvasir/a: label polyps" in text


def test_tables_of_models_that_come_and_go_are_reported(release: Path, tmp_path: Path, tables: Tables) -> None:
    again = write_release(tmp_path / "again", tables, version="1.0.5")
    path = again / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    made = "predictions/train-00000-of-00001.parquet"
    manifest["files"] = sorted(
        [*manifest["files"], {"path": made, "bytes": 1, "sha256": "a" * 64}], key=itemgetter("path")
    )
    path.write_bytes(orjson.dumps(manifest))
    found = compare_releases(release, again)
    assert (found.text, found.proposed_version) == ("minor: 1 table of models added: predictions", "1.1.0")
    back = compare_releases(again, release)
    assert (back.text, back.proposed_version) == ("major: 1 table of models removed: predictions", "2.0.0")
