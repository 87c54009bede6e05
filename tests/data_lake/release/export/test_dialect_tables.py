"""Instructions in dialects as tables: they hold what an export writes, and what differs is found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from medmultipoints.data_lake.release.checks.card_check import card_problems
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.export.dialect_lines import FORMS, WITH_PICTURES, translate
from medmultipoints.data_lake.release.export.dialect_tables import dialect_schema, write_dialect_rows
from medmultipoints.data_lake.release.export.dialects import export_dialect
from medmultipoints.data_lake.release.read.compare import compare_releases
from medmultipoints.data_lake.release.read.released_tables import dialects_in, read_lines, read_tables
from medmultipoints.data_lake.release.write.files import hash_file
from medmultipoints.data_lake.release.write.manifest import manifest_bytes, manifest_root, read_manifest
from medmultipoints.flows.recipe.instructions import Dialect
from medmultipoints.transforms.dialects.conversations.columns import to_row
from medmultipoints.transforms.diff.releases import Tables
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import PICTURES

NAMES = sorted(FORMS)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, tables: Tables) -> Path:
    """A sound tiny release with its instructions in every dialect; it is not to be changed."""
    return write_release(tmp_path_factory.mktemp("sound") / "dialects", tables, dialects=NAMES)


@pytest.fixture
def release(tmp_path: Path, sound: Path) -> Path:
    """A copy of the sound release."""
    return Path(shutil.copytree(sound, tmp_path / "dialects"))


def failing(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify_release(folder).checks if not check.ok}


def test_a_recipe_may_ask_for_every_dialect_of_conversations() -> None:
    assert sorted(get_args(Dialect)) == NAMES


def test_a_sound_release_in_every_dialect_passes(release: Path) -> None:
    assert failing(release) == {}
    assert set(dialects_in(file.path for file in read_manifest(release).files)) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_holds_what_an_export_writes(release: Path, tmp_path: Path, name: str) -> None:
    lines = read_lines(release, read_manifest(release)).filter(pl.col("dialect") == name)
    report = export_dialect(release, tmp_path / "out", name)
    assert lines.height == report.entries > 0
    for (split,), part in lines.partition_by("split", as_dict=True).items():
        text = (tmp_path / "out" / FORMS[name].path(str(split))).read_text()
        entries = json.loads(text) if FORMS[name].listed else [json.loads(line) for line in text.splitlines()]
        rows = [to_row(entry, FORMS[name].columns) for entry in entries]
        assert rows == [json.loads(line) for line in part["line"]]


@pytest.mark.parametrize("name", NAMES)
def test_datasets_loads_each_config_with_its_pictures_paths(release: Path, tmp_path: Path, name: str) -> None:
    from datasets import Features, load_dataset

    loaded = load_dataset(str(release), f"instructions_{name}", cache_dir=str(tmp_path / "cache"))
    stored = set(read_tables(release, read_manifest(release)).images["image_file"])
    for part in loaded.values():
        assert part.features == Features.from_arrow_schema(dialect_schema(name))
        for row in part:
            paths = row.get("images") or row["image"]
            if name in WITH_PICTURES:
                assert paths and all(isinstance(one, Image.Image) for one in paths)
                continue
            assert stored.issuperset([paths] if isinstance(paths, str) else paths)


def test_entries_about_one_picture_share_its_bytes_in_the_file(release: Path) -> None:
    """What TRL trains on is not larger than the pictures, however many questions there are."""
    path = release / "instructions_trl/train-00000-of-00001.parquet"
    file = pq.ParquetFile(path)
    (place,) = [
        n for n in range(file.metadata.num_columns) if file.schema.column(n).path == "images.list.element.bytes"
    ]
    shown = [one["bytes"] for row in file.read(columns=["images"])["images"].to_pylist() for one in row]
    assert len(shown) > len(set(shown)) > 1
    assert file.metadata.row_group(0).column(place).total_compressed_size < sum(map(len, set(shown))) + 500


def test_a_picture_of_a_dialect_that_is_not_the_released_one_is_found(release: Path) -> None:
    manifest = read_manifest(release)
    path = "instructions_trl/train-00000-of-00001.parquet"
    lines = read_lines(release, manifest).filter(pl.col("dialect") == "trl", pl.col("split") == "train")
    other = next(iter(PICTURES.values()))
    write_dialect_rows(release / path, lines, "trl", name=path, read_picture=lambda _path: other)
    assert "is not the released picture" in failing(release)["pictures_of_dialects"]


def restate(folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Write the entries of one file anew, changed, with a manifest that lists the new file."""
    manifest = read_manifest(folder)
    path = "instructions_swift-objects/train-00000-of-00001.parquet"
    lines = read_lines(folder, manifest).filter(pl.col("dialect") == "swift-objects", pl.col("split") == "train")
    write_dialect_rows(folder / path, change(lines), "swift-objects", name=path, read_picture=PICTURES.__getitem__)
    files = [hash_file(folder / file.path, file.path) for file in manifest.files]
    told = manifest.model_dump(mode="json", by_alias=True)
    told["files"] = [{"path": one.path, "bytes": one.bytes, "sha256": one.sha256} for one in files]
    told["manifest_root"] = manifest_root(files)
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest.model_validate_json(json.dumps(told))))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda rows: rows.with_columns(pl.col("line").str.replace("user", "system")), "not what its instruction"),
        (lambda rows: rows[1:], "the entry is missing"),
        (lambda rows: pl.concat([rows, rows[:1]]), "the entry occurs twice"),
    ],
)
def test_verify_finds_every_entry_that_is_another(
    release: Path, change: Callable[[pl.DataFrame], pl.DataFrame], found: str
) -> None:
    restate(release, change)
    problems = failing(release)
    assert problems.keys() == {"dialects", "logical_digest", "described_files"}
    assert found in problems["dialects"]


def test_what_has_no_form_is_counted_or_verify_says_so(release: Path) -> None:
    path = release / "manifest.json"
    told = json.loads(path.read_text())
    stage = next(stage for stage in told["accounting"] if stage["name"] == "translate")
    reason = next(one for one in stage["reasons"] if one["reason"] == "no_form_in_paligemma")
    assert reason["count"] > 0
    reason["count"] += 1
    stage["in"], stage["dropped"] = stage["in"] + 1, stage["dropped"] + 1
    path.write_text(json.dumps(told))
    assert failing(release).keys() == {"inputs", "quarantine", "dialects", "card_numbers"}


def test_every_instruction_is_an_entry_or_left_out(tables: Tables) -> None:
    lines, left_out = translate(tables.instructions, tables.images, tables.records, NAMES)
    keys = {(row["dialect"], row["instruction_id"]) for row in lines.iter_rows(named=True)}
    lost = {(one.dialect, one.instruction_id) for one in left_out}
    assert not keys & lost
    assert keys | lost == {(name, one) for name in NAMES for one in tables.instructions["instruction_id"]}


def test_the_card_is_one_that_the_hub_reads_and_counts_what_is_left_out(release: Path) -> None:
    manifest, text = read_manifest(release), (release / "README.md").read_text()
    assert list(card_problems(text, [file.path for file in manifest.files])) == []
    lines = read_lines(release, manifest)
    for name in NAMES:
        rows = lines.filter(pl.col("dialect") == name).height
        (row,) = [
            one for one in text.splitlines() if one.startswith(f"| `instructions_{name}` | ") and "(config)" not in one
        ]
        left_out = manifest_count(release, name)
        assert row.endswith(f"| {rows:,} | {left_out:,} |")


def manifest_count(folder: Path, dialect: str) -> int:
    reason = f"no_form_in_{dialect}".replace("-", "_").replace(".", "_")
    stages = read_manifest(folder).accounting
    return sum(one.count for stage in stages for one in stage.reasons if one.reason == reason)


def test_a_dialect_that_comes_is_minor_and_one_that_goes_is_major(tmp_path: Path, tables: Tables) -> None:
    without = write_release(tmp_path / "without", tables, "1.0.0")
    having = write_release(tmp_path / "having", tables, "1.0.0", dialects=["llava"])
    come, gone = compare_releases(without, having), compare_releases(having, without)
    assert (come.proposed_version, gone.proposed_version) == ("1.1.0", "2.0.0")
    assert "minor: 1 dialect of instructions added: llava" in come.text
    assert "major: 1 dialect of instructions removed: llava" in gone.text


def test_an_entry_that_changes_alone_is_reported(release: Path, sound: Path) -> None:
    restate(release, lambda rows: rows.with_columns(pl.col("line").str.replace("user", "system")))
    assert "entries of dialects changed, their instructions did not" in compare_releases(sound, release).text
