"""A simulated release in every dialect: paths open, counts agree, objects come back, hostile rows stop it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pycocotools.coco import COCO
from typer.testing import CliRunner

from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.release.export.dialect_rows import read_contents, read_dialect_pictures, read_items
from medmultipoints.data_lake.release.export.dialects import export_dialect, missing_splits
from medmultipoints.data_lake.release.read.released_tables import read_parquet, splits_of
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.dialects.conversations.answers import Unsupported
from medmultipoints.transforms.dialects.conversations.prompts import restate
from medmultipoints.transforms.dialects.frames import PIXELS, Size
from medmultipoints.transforms.dialects.registry import DIALECTS, Conversation, Layout
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import changed
from tests.transforms.dialects.decoders.registry import decode_entry, decode_files


@pytest.fixture(scope="session")
def masked(tables: Tables) -> Tables:
    """The tiny tables with run-length codes of real masks, each the whole of its box."""
    sizes = dict(tables.images.select("sample_id", pl.concat_list("width", "height")).iter_rows())
    codes = []
    for row in tables.objects.iter_rows(named=True):
        x1, y1, x2, y2 = (round(row[name]) for name in ("x1", "y1", "x2", "y2"))
        block = np.ones((y2 - y1, x2 - x1), np.uint8)
        codes.append(encode_rle(block, x1, y1, *sizes[row["sample_id"]]) if row["rle"] is not None else None)
    return changed(tables, objects=tables.objects.with_columns(rle=pl.Series(codes, dtype=pl.String)))


@pytest.fixture
def release(tmp_path: Path, masked: Tables) -> Path:
    """A sound tiny release."""
    return write_release(tmp_path / "release", masked)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def entries(folder: Path, form: Conversation) -> Iterator[dict[str, object]]:
    for path in sorted(folder.glob("*.json*")):
        if path.stem not in ("export", "dataset_info"):
            text = path.read_text()
            yield from json.loads(text) if form.listed else map(json.loads, text.splitlines())


def picture_paths(entry: dict[str, object]) -> list[str]:
    found = entry.get("images") or entry["image"]
    found = [found] if isinstance(found, str) else found
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("name", [name for name, one in DIALECTS.items() if isinstance(one.form, Conversation)])
def test_every_entry_opens_its_picture_and_states_what_the_release_states(
    simulated: Path, tmp_path: Path, name: str
) -> None:
    form = DIALECTS[name].form
    assert isinstance(form, Conversation)
    report = export_dialect(simulated, tmp_path / "out", name)
    manifest = read_manifest(simulated)
    items = {one.instruction_id: one for split in splits_of(manifest) for one in read_items(simulated, manifest, split)}
    found = list(entries(tmp_path / "out", form))
    assert len(found) == report.entries == len({entry["instruction_id"] for entry in found})
    assert report.entries + sum(report.left_out.values()) == len(items)
    opened = {path: Image.open(tmp_path / "out" / path).size for entry in found for path in picture_paths(entry)}
    shown = {path for entry in found for path in items[str(entry["instruction_id"])].pictures}
    assert shown >= opened.keys()
    assert len(opened) == report.images == len(list((tmp_path / "out/images").iterdir()))
    for entry in found:
        item = items[str(entry["instruction_id"])]
        size = Size(*opened[picture_paths(entry)[0]])
        facts = decode_entry(name, entry, item.size)
        if form.resize:
            assert size.width % 28 == size.height % 28 == 0
        else:
            assert size == item.size
        assert all(
            0 <= edge <= item.size[place % 2] + 1e-6 for mark in facts.marks for place, edge in enumerate(mark.numbers)
        )


@pytest.mark.parametrize("name", [name for name, one in DIALECTS.items() if isinstance(one.form, Layout)])
def test_every_layout_gives_back_the_objects_of_its_pictures(simulated: Path, tmp_path: Path, name: str) -> None:
    form = DIALECTS[name].form
    assert isinstance(form, Layout)
    report = export_dialect(simulated, tmp_path / "out", name)
    files, manifest = contents(tmp_path / "out"), read_manifest(simulated)
    pictures = objects = 0
    for split in splits_of(manifest):
        released = read_dialect_pictures(simulated, manifest, split)
        paths = form.place(released, split).paths
        sizes = {paths[one.sample_id]: one.size for one in released if one.sample_id in paths}
        if not sizes:
            continue
        marks = decode_files(name, files, split, sizes)
        assert marks.keys() == sizes.keys()
        for one in released:
            path = paths.get(one.sample_id)
            if path is not None:
                held = sorted(thing.label for thing in one.objects if form.holds(thing))
                assert sorted(mark.name for mark in marks[path]) == held
                size = Image.open(BytesIO(files[path])).size
                assert size == ((1024, 1024) if form.rendering == "square png" else one.size)
                pictures, objects = pictures + 1, objects + len(held)
    assert (report.images, report.entries) == (pictures, objects)
    assert pictures > 0


@pytest.mark.parametrize("name", [name for name, one in DIALECTS.items() if isinstance(one.form, Layout)])
def test_inspect_reads_the_objects_of_an_export_again(simulated: Path, tmp_path: Path, name: str) -> None:
    """Exports are sources, too: of each label as many objects come back as were written."""
    form = DIALECTS[name].form
    assert isinstance(form, Layout)
    export_dialect(simulated, tmp_path / "out", name)
    manifest, written = read_manifest(simulated), Counter[str]()
    for split in splits_of(manifest):
        released = read_dialect_pictures(simulated, manifest, split)
        paths = form.place(released, split).paths
        held = (one for one in released if one.sample_id in paths)
        written.update(thing.label for one in held for thing in one.objects if form.holds(thing))
    found = inspect_source(open_source("again", tmp_path / "out", tmp_path / "cache"), {}, accept=True)
    assert dict(found.objects) == dict(written)


def test_pycocotools_gives_back_every_box_mask_and_absence(simulated: Path, tmp_path: Path) -> None:
    export_dialect(simulated, tmp_path / "out", "coco")
    manifest = read_manifest(simulated)
    compared = 0
    for split in splits_of(manifest):
        loaded = COCO(str(tmp_path / f"out/annotations/instances_{split}.json"))
        objects = {row["object_id"]: row for row in read_parquet(simulated, manifest, "objects", split).to_dicts()}
        assert len(loaded.imgs) == read_parquet(simulated, manifest, "images", split).height
        for annotation in loaded.anns.values():
            row = objects.pop(annotation["object_id"])
            x, y, width, height = annotation["bbox"]
            assert (x, y, x + width, y + height) == pytest.approx(
                (row["x1"], row["y1"], row["x2"], row["y2"]), abs=1e-9
            )
            assert loaded.cats[annotation["category_id"]]["name"] == row["label"]
            if row["rle"] is not None:
                mask = loaded.annToMask(annotation)
                assert mask.sum() == annotation["area"] == row["area_px"]
                assert np.argwhere(mask.any(axis=0))[0, 0] == row["x1"]
            compared += 1
        assert not objects
    assert compared > 50


@pytest.mark.parametrize("name", ["coco", "yolo", "mot", "sa-med2d", "swift", "llama-factory"])
def test_the_same_release_gives_the_same_files(simulated: Path, tmp_path: Path, name: str) -> None:
    export_dialect(simulated, tmp_path / "a", name)
    export_dialect(simulated, tmp_path / "b", name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("name", ["coco", "yolo", "mot"])
def test_one_split_has_the_class_numbers_of_the_whole(simulated: Path, tmp_path: Path, name: str) -> None:
    whole = export_dialect(simulated, tmp_path / "whole", name)
    report = export_dialect(simulated, tmp_path / "one", name, "test")
    assert report.splits == ("test",)
    assert 0 < report.images < whole.images
    one, all_files = contents(tmp_path / "one"), contents(tmp_path / "whole")
    shared = [path for path in one if path not in ("export.json", "data.yaml")]
    assert all(one[path] == all_files[path] for path in shared)


def test_swift_shows_the_model_pictures_of_the_size_it_reckons_with(simulated: Path, tmp_path: Path) -> None:
    export_dialect(simulated, tmp_path / "out", "swift")
    mark = json.loads((tmp_path / "out/export.json").read_text())
    assert mark["resize"] == {"factor": 28, "min_pixels": 3136, "max_pixels": 1003520}


def test_llama_factory_finds_every_file_of_its_index(simulated: Path, tmp_path: Path) -> None:
    export_dialect(simulated, tmp_path / "out", "llama-factory")
    index = json.loads((tmp_path / "out/dataset_info.json").read_text())
    assert set(index) == {"demo_test", "demo_train", "demo_validation"}
    assert all((tmp_path / "out" / entry["file_name"]).is_file() for entry in index.values())


def test_every_prompt_can_be_restated(simulated: Path) -> None:
    manifest = read_manifest(simulated)
    for split in splits_of(manifest):
        for one in read_items(simulated, manifest, split):
            assert "{" in one.prompt.request
            assert "JSON" not in one.prompt.ask
            for name in ("qwen-vl-1000", "llava"):
                try:
                    assert "pixel" not in json.dumps(DIALECTS[name].form.encode(one))  # type: ignore[union-attr]
                    assert restate(one.prompt, PIXELS, one.size).removeprefix(one.prompt.ask).strip()
                except Unsupported:
                    assert one.task not in PUBLISHED


def test_a_full_folder_and_a_file_are_refused(release: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("keep")
    (tmp_path / "file").write_text("x")
    for name, message in (("full", "not empty"), ("file", "is a file")):
        with pytest.raises(UsageError, match=message):
            export_dialect(release, tmp_path / name, "coco")
    assert contents(tmp_path / "full") == {"mine.txt": b"keep"}


def test_an_empty_folder_is_taken(release: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert export_dialect(release, tmp_path / "out", "yolo").images > 0


def test_an_export_without_a_split_that_training_needs_says_so(release: Path, tmp_path: Path) -> None:
    """The release has the splits train and test."""
    said = "training needs the split validation, which is not in this export: give it a share in [splits] fractions"
    whole = export_dialect(release, tmp_path / "whole", "yolo").missing
    assert whole == f"{said} of the recipe and build again"
    assert export_dialect(release, tmp_path / "other", "coco").missing is None
    part = replace(DIALECTS["yolo"], needs=("train",))
    assert "export without --split" in str(missing_splits(part, ("test",), read_manifest(release)))
    assert missing_splits(DIALECTS["yolo"], ("train", "val"), read_manifest(release)) is None


def test_a_release_with_nothing_for_the_dialect_says_so(release: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing for it: 1 not a frame of a video"):
        export_dialect(release, tmp_path / "out", "mot", "test")
    assert not (tmp_path / "out").exists()


def test_unknown_dialects_and_splits_are_named(release: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="swift-objects"):
        export_dialect(release, tmp_path / "out", "pascal")
    with pytest.raises(UsageError, match="it has test, train"):
        export_dialect(release, tmp_path / "out", "coco", "dev")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("images", "image_file", "../../evil.jpg"),
        ("images", "image_sha256", "../../evil"),
        ("objects", "x1", float("nan")),
        ("objects", "x2", -5.0),
        ("objects", "rle", "not a code"),
    ],
)
def test_a_hostile_row_leaves_nothing_behind(
    tmp_path: Path, masked: Tables, name: str, table: str, column: str, value: object
) -> None:
    hostile = changed(masked, **{table: getattr(masked, table).with_columns(pl.lit(value).alias(column))})
    folder = write_release(tmp_path / "release", hostile)
    try:
        export_dialect(folder, tmp_path / "a/b/out", name)
    except DataError:
        assert not (tmp_path / "a/b/out").exists()
    written = {path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(folder)}
    assert all(path.is_relative_to(tmp_path / "a/b/out") for path in written)


@pytest.mark.parametrize("name", ["coco", "yolo", "mot", "sa-med2d", "swift"])
def test_a_picture_that_no_record_holds_stops_the_export(tmp_path: Path, masked: Tables, name: str) -> None:
    images = masked.images.with_columns(sample_id=pl.col("sample_id") + "x")
    objects = masked.objects.with_columns(sample_id=pl.col("sample_id") + "x")
    folder = write_release(tmp_path / "release", changed(masked, images=images, objects=objects))
    with pytest.raises(DataError):
        export_dialect(folder, tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


def test_the_contents_are_those_of_all_splits(release: Path) -> None:
    contents_of_one = read_contents(release, read_manifest(release), ("test",))
    assert contents_of_one.labels == ("cluster", "instrument", "normal", "pinhead", "polyps")


def test_the_command_names_all_dialects_and_writes_one(release: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["export", "--dialect", "list", "--json"])
    assert [row["name"] for row in json.loads(run.stdout)["dialects"]] == list(DIALECTS)
    run = CliRunner().invoke(
        app, ["export", str(release), "--to", str(tmp_path / "out"), "--dialect", "coco", "--json"]
    )
    assert run.exit_code == 0
    assert json.loads(run.stdout)["entries"] == 5
    digest = hashlib.sha256((tmp_path / "out/annotations/instances_train.json").read_bytes()).hexdigest()
    again = CliRunner().invoke(app, ["export", str(release), "--to", str(tmp_path / "again"), "--dialect", "coco"])
    assert again.exit_code == 0
    assert "left out" not in again.stdout
    assert hashlib.sha256((tmp_path / "again/annotations/instances_train.json").read_bytes()).hexdigest() == digest
