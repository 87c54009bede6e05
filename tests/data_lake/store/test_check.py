"""A lake names what is damaged in it, and a repair leaves what the next build makes again."""

import json
import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.check import find_faults, repair
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import (
    Receipt,
    StoredObject,
    link_object,
    parse_receipt,
    put_bytes,
    write_receipt,
)
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables

KEY = "a" * 64
OTHER_SHAPES = [
    '{"key": "a", "objects": {"t": 5}}',
    '{"key": "a", "objects": {"t": [{"sha256": "../x", "bytes": 1}]}}',
    '{"key": "a", "objects": {}, "counts": {"in": "many"}}',
    '{"key": "a", "objects": {}, "verdicts": [5]}',
    '{"key": "a", "objects": {}, "verdicts": [{"table": 5}]}',
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with a finished stage and a release whose files are copies of objects."""
    lake, release = Lake(tmp_path / "lake"), write_release(tmp_path / "release", make_tables())
    stored = [put_bytes(lake, path.read_bytes()) for path in sorted(release.rglob("*")) if path.is_file()]
    write_receipt(lake, "derive", Receipt(KEY, {"regions": tuple(stored[:2])}))
    shutil.copytree(release, lake.releases / "tiny" / "1.0.0")
    lake.runs.mkdir()
    (lake.runs / "20260101T000000000000-1.json").write_text(json.dumps({"started": "2026-01-01T00:00:00+00:00"}))
    return lake


def kinds(lake: Lake) -> list[str]:
    return [fault.kind for fault in find_faults(lake)]


def damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"x" + path.read_bytes()[1:])


def object_of(lake: Lake) -> Path:
    receipt = json.loads(next(lake.receipts.glob("derive/*.json")).read_bytes())
    sha256 = receipt["objects"]["regions"][0]["sha256"]
    return lake.objects / sha256[:2] / sha256


def test_a_sound_lake_has_no_faults(lake: Lake) -> None:
    assert kinds(lake) == []


def test_a_damaged_object_takes_its_receipts_with_it(lake: Lake) -> None:
    damage(object_of(lake))
    assert kinds(lake) == ["object", "receipt"]
    for fault in list(find_faults(lake)):
        repair(lake, fault)
    assert kinds(lake) == []
    assert list(lake.receipts.glob("derive/*.json")) == []


def test_a_missing_object_and_damaged_records_are_found(lake: Lake) -> None:
    object_of(lake).unlink()
    (lake.runs / "20260102T000000000000-1.json").write_text('{"started": 5}')
    (lake.receipts / "derive" / f"{'b' * 64}.json").write_text("{}")
    assert kinds(lake) == ["receipt", "receipt", "record of a run"]


def test_a_file_of_a_release_is_restored_from_its_object(lake: Lake) -> None:
    card, table = (lake.releases / "tiny/1.0.0" / name for name in ("README.md", "data/test-00000-of-00001.parquet"))
    before = card.read_bytes()
    damage(card)
    table.unlink()
    assert kinds(lake) == ["release", "release"]
    for fault in list(find_faults(lake)):
        repair(lake, fault)
    assert kinds(lake) == []
    assert card.read_bytes() == before


def test_a_file_of_a_release_without_a_sound_object_is_left_and_named(lake: Lake) -> None:
    """It is one file with its object: the damage is that of both, and only a build makes it again."""
    folder = lake.releases / "tiny/1.0.0"
    sha256 = next(f["sha256"] for f in json.loads((folder / "manifest.json").read_bytes())["files"])
    path = next(folder / f["path"] for f in json.loads((folder / "manifest.json").read_bytes())["files"])
    path.unlink()
    link_object(lake, sha256, path)
    damage(path)
    for fault in list(find_faults(lake)):
        repair(lake, fault)
    (left,) = find_faults(lake)
    assert (left.kind, left.repairable, left.path) == ("release", False, path)
    assert left.repair == "build it again, or get it from where it is published"


@pytest.mark.parametrize("content", ["{}", "[]", "5", "null", "{", '{"key": 5, "objects": {}}', *OTHER_SHAPES])
def test_receipts_of_another_shape_are_no_receipts(content: str) -> None:
    assert parse_receipt(content.encode()) is None
    assert parse_receipt(b'{"key": "a", "objects": {}}') == Receipt("a", {})
    assert StoredObject("a" * 64, 1).rows == 0


def test_reading_changes_nothing(lake: Lake) -> None:
    before = sorted((str(path), path.stat().st_mtime_ns) for path in lake.root.rglob("*"))
    kinds(lake)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in lake.root.rglob("*")) == before
