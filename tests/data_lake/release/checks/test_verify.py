"""A sound release passes every check; each kind of damage fails the check that is for it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.data_lake.release.checks.picture_bytes import check_pictures
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.released_tables import Picture, read_pictures, read_tables
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.instructions.write import write_instructions
from medmultipoints.transforms.records import TONE_COLUMNS
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import PICTURES, changed, make_tables, picture


def failing(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify_release(folder).checks if not check.ok}


def test_a_sound_release_passes_every_check(release: Path) -> None:
    report = verify_release(release)
    assert report.ok and len(report.checks) == 36
    unproved = [check.name for check in report.checks if not check.proved]
    assert unproved == [
        "packages",
        "findings",
        "origins",
        "expectations.json",
        "leakage.json",
    ]  # the tiny release has no such files


def test_the_tables_read_back_are_those_written(release: Path, tables: Tables) -> None:
    read = read_tables(release, read_manifest(release))
    assert read.records.sort("record_id").equals(tables.records)
    assert read.images.sort("sample_id").equals(tables.images)
    assert read.objects.sort("object_id").equals(tables.objects)


def test_an_extra_file_is_found(release: Path) -> None:
    (release / "data/notes.txt").write_text("x")
    assert failing(release) == {"no_file_missing_or_extra": "data/notes.txt is not in the manifest"}


def test_a_signature_beside_the_manifest_is_allowed(release: Path) -> None:
    (release / "manifest.json.sig").write_text("x")
    assert failing(release) == {}


def test_what_clients_of_the_hub_leave_in_a_copy_is_no_part_of_it(release: Path) -> None:
    for name in (".gitattributes", ".git/HEAD", ".cache/huggingface/download/README.md.metadata"):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text("x")
    assert failing(release) == {}


def test_a_missing_file_is_found(release: Path) -> None:
    (release / "README.md").unlink()
    assert failing(release) == {
        "no_file_missing_or_extra": "README.md is missing",
        "file_hashes": "README.md is missing",
    }


def test_a_changed_byte_is_found(release: Path) -> None:
    card = release / "README.md"
    card.write_bytes(card.read_bytes().replace(b"Tiny", b"Tinz"))
    assert list(failing(release)) == ["file_hashes"]
    assert "README.md has sha256" in failing(release)["file_hashes"]


def test_a_truncated_table_is_found_without_a_traceback(release: Path) -> None:
    path = release / "objects/train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:100])
    found = failing(release)
    assert "objects/train-00000-of-00001.parquet has 100 bytes" in found["file_hashes"]
    assert "objects/train-00000-of-00001.parquet cannot be read" in found["tables_readable"]


def test_a_changed_picture_byte_is_found(release: Path) -> None:
    path = release / "data/test-00000-of-00001.parquet"
    data, image = path.read_bytes(), PICTURES["hyperkvasir/b"]
    path.write_bytes(data.replace(image, image[:-3] + b"\x00" + image[-2:]))
    found = failing(release)
    assert list(found) == ["file_hashes", "pictures"]
    assert "bytes hash to" in found["pictures"]


def test_a_damaged_manifest_is_the_only_finding(release: Path) -> None:
    (release / "manifest.json").write_text("{")
    assert list(failing(release)) == ["manifest"]


@pytest.mark.parametrize(
    ("change", "name", "detail"),
    [
        (lambda m: m | {"manifest_root": "0" * 64}, "manifest_root", "the manifest says 000"),
        (lambda m: m | {"logical_digest": "0" * 64}, "logical_digest", "the manifest says 000"),
        (
            lambda m: m | {"accounting": [m["accounting"][0] | {"in": 6}]},
            "accounting",
            "index: in 6 != used 4 + 0 + 1",
        ),
        (
            lambda m: m | {"accounting": [m["accounting"][0] | {"reasons": []}]},
            "accounting",
            "index: 1 rejected, but the reasons sum to 0",
        ),
        (
            lambda m: m | {"accounting": []},
            "quarantine",
            "index rejected mask_without_image: 1 row in quarantine/exclusions.parquet, 0 in the manifest",
        ),
        (lambda m: m | {"accounting": m["accounting"][:2]}, "totals", "the accounting lacks the stage instruct"),
        (
            lambda m: m | {"accounting": [s | {"rows": s["rows"] + 1} for s in m["accounting"]]},
            "totals",
            "record rows: ",
        ),
        (
            lambda m: m | {"files": [file for file in m["files"] if file["path"] != "quarantine/exclusions.parquet"]},
            "quarantine",
            "nothing says what was left out",
        ),
        (lambda m: m | {"recipe": {}}, "answers", "recipe.boxes.policy is missing"),
    ],
)
def test_a_wrong_manifest_is_found(release: Path, change: Callable, name: str, detail: str) -> None:
    path = release / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
    assert detail in failing(release)[name]


@pytest.mark.parametrize(
    ("name", "rows", "detail"),
    [
        ("specks", {"sample_id": [1]}, "quarantine/specks.parquet: column sample_id has the type Int64"),
        ("redactions", {"kinds": ["date"]}, "quarantine/redactions.parquet: column kinds has the type String"),
        ("joins", {"pair_id": [None]}, "quarantine/joins.parquet: column pair_id"),
        ("strange", {"a": [1]}, "quarantine/strange.parquet is not a table of a release"),
    ],
)
def test_every_table_of_the_quarantine_is_looked_into(
    release: Path, name: str, rows: dict[str, list[Any]], detail: str
) -> None:
    file = release / "quarantine" / f"{name}.parquet"
    pl.DataFrame(rows).write_parquet(file)
    manifest = json.loads((release / "manifest.json").read_bytes())
    entry = {"path": f"quarantine/{name}.parquet", "bytes": file.stat().st_size, "sha256": file_sha256(file)}
    manifest["files"] = sorted([*manifest["files"], entry], key=lambda one: one["path"])
    (release / "manifest.json").write_text(json.dumps(manifest))
    assert detail in failing(release)["quarantine"]


def set_first(frame: pl.DataFrame, column: str, value: object) -> pl.DataFrame:
    rows = frame.to_dicts()
    rows[0][column] = value
    return pl.DataFrame(rows, schema=frame.schema)


CASES: dict[str, tuple[str, Callable[[Tables], Tables]]] = {
    "a box moved in the objects table": (
        "objects",
        lambda t: changed(t, objects=t.objects.with_columns(pl.col("x1") + 0.01)),
    ),
    "an object gone": ("objects", lambda t: changed(t, objects=t.objects.head(4))),
    "an object of no record": (
        "references",
        lambda t: changed(t, objects=set_first(t.objects, "record_id", "f" * 64 + ":polyps")),
    ),
    "a count that is not the number of boxes": (
        "counts",
        lambda t: changed(t, records=t.records.with_columns(pl.col("count") + 1)),
    ),
    "a record whose image is gone": ("references", lambda t: changed(t, images=t.images.head(3))),
    "a scale that is not the image's": (
        "sizes",
        lambda t: changed(t, records=t.records.with_columns(pl.lit(0.5).alias("scale"))),
    ),
    "an untouched picture with another hash than its source": (
        "sizes",
        lambda t: changed(t, images=t.images.with_columns(pl.lit("a" * 64).alias("stored_sha256"))),
    ),
    "a group in two splits": (
        "splits_disjoint",
        lambda t: changed(t, images=t.images.with_columns(pl.lit("one").alias("group_id"))),
    ),
    "a zero count where absence is not certain": (
        "absence",
        lambda t: changed(t, images=t.images.with_columns(pl.lit([], pl.List(pl.String)).alias("labels_exhaustive"))),
    ),
    "an image twice": ("keys_unique", lambda t: changed(t, images=pl.concat([t.images, t.images.head(1)]))),
    "an answer with another count": (
        "answers",
        lambda t: changed(
            t, instructions=t.instructions.with_columns(pl.col("answer").str.replace('"counts": 1', '"counts": 2'))
        ),
    ),
    "a picture under another extension": (
        "pictures",
        lambda t: changed(t, images=t.images.with_columns(pl.col("image_file").str.replace("jpg", "png"))),
    ),
    "a brightness that the picture does not have": (
        "pictures",
        lambda t: changed(t, objects=t.objects.with_columns(pl.col("luma") + 0.01)),
    ),
    "a roughness that is not stated": (
        "pictures",
        lambda t: changed(
            t, objects=t.objects.with_columns(pl.lit(None, pl.Float64).alias(name) for name in TONE_COLUMNS)
        ),
    ),
    "a brightness of an object without a mask": (
        "pictures",
        lambda t: changed(t, objects=t.objects.with_columns(pl.col(name).fill_null(9.0) for name in TONE_COLUMNS)),
    ),
    "a mask of another picture": (
        "pictures",
        lambda t: changed(t, objects=t.objects.with_columns(rle=pl.col("rle") + "0")),
    ),
    "a stated size that is not that of the bytes": (
        "pictures",
        lambda t: changed(t, images=t.images.with_columns(pl.col("stored_bytes") + 1)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_release_whose_tables_disagree_is_found(tmp_path: Path, tables: Tables, case: str) -> None:
    """Hashes and manifest are right here: only the content is wrong."""
    name, change = CASES[case]
    wrong = change(tables)
    found = failing(write_release(tmp_path / "release", wrong))
    assert name in found, found


def test_a_name_that_tells_apart_from_a_label_left_out_is_right(tmp_path: Path) -> None:
    """The release does not hold the cluster that made the writer say "normal sperm" and not "sperm"."""
    tables = make_tables()
    others = dict.fromkeys(tables.records["image_sha256"], ("cluster",))
    instructions = write_instructions(
        tables.records, tables.images, load_templates(), load_names(), seed=7, policy="audited", other_labels=others
    )
    assert '"label": "normal sperm"' in " ".join(instructions["answer"])
    assert failing(write_release(tmp_path / "release", changed(tables, instructions=instructions))) == {}


def test_rows_in_the_file_of_another_split_are_found(tmp_path: Path, tables: Tables) -> None:
    folder = write_release(tmp_path / "release", tables)
    data = {name: (folder / f"objects/{name}-00000-of-00001.parquet").read_bytes() for name in ("train", "test")}
    (folder / "objects/train-00000-of-00001.parquet").write_bytes(data["test"])
    assert failing(folder)["files_hold_their_split"] == (
        "objects/train-00000-of-00001.parquet holds rows of the split test"
    )


def test_a_picture_of_another_pixel_size_is_found(release: Path, tables: Tables) -> None:
    pictures = read_pictures(release, read_manifest(release))
    wrong = [replace(one, width=41) for one in pictures]
    assert "decodes to (40, 30), img_size is (41, 30)" in " ".join(check_pictures(wrong, tables.images, tables.objects))


def test_a_picture_that_ends_early_is_found(tables: Tables) -> None:
    data = picture(10)[:400]
    sha256 = hashlib.sha256(data).hexdigest()
    one = Picture("r", "hyperkvasir/a", sha256, sha256, 40, 30, data)
    assert "cannot be decoded" in " ".join(check_pictures([one], tables.images, tables.objects))
