"""Sources of one's own from recipe to verified release: real samples against truths of independent code."""

import hashlib
import io
import json
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.certificate import check_leakage
from medmultipoints.data_lake.release.write.manifest import ClaimedManifest, read_manifest
from medmultipoints.transforms.errors import UsageError
from tests.faults.tiny_sources import draw, instrument, make_instruments, zip_bytes
from tests.flows.small_builds import build, make_sources
from tests.transforms.sources.formats.layouts import pictures
from tests.transforms.sources.inspecting.test_same_places import COCO, authors_json, masks

HEAD = """
name = "own"
version = "1.0.0"
title = "Own"
release_date = "2026-11-21"
[splits]
fractions = { train = 0.7, test = 0.3 }
[instructions]
tasks = ["pointing", "bounding", "counting"]
[validation]
max_rejected_fraction = 0.6
"""

SOURCES = {
    "bccd-voc": 'read = { boxes = { frame = "inclusive-1" } }',
    "ct-brain-tumour": 'read = { format = "cvat" }',
    "nuclei-instances": 'read = { masks = { label = "nucleus" } }',
    "ct-liver-dicom-seg": "",
}


@pytest.fixture
def samples(real: Path) -> Path:
    """The folder of real samples with truths; the test skips where it is absent."""
    folder = real / "samples"
    if not folder.is_dir():
        pytest.skip("no samples beside the real data")
    return folder


def release_of(folder: Path, text: str, sources: dict[str, str] | None = None) -> Path:
    """A verified release of the recipe."""
    recipe = folder / "own.toml"
    recipe.write_text(HEAD + text)
    release = Path(build(str(recipe), folder / "lake", sources or {}).release.path)
    report = verify_release(release)
    assert [check for check in report.checks if not check.ok] == []
    return release


def table(release: Path, name: str) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(path) for path in sorted(release.glob(f"{name}/*.parquet")))


def boxes_of(release: Path, label: str, member: str) -> list[tuple[float, ...]]:
    """The boxes of a label in the picture whose file has that name."""
    images = table(release, "images").filter(pl.col("member").str.ends_with(f"/{member}")).select("sample_id")
    found = table(release, "objects").join(images, on="sample_id").filter(pl.col("label") == label)
    return sorted(found.select("x1", "y1", "x2", "y2").rows())


@pytest.mark.real
@pytest.mark.parametrize("name", SOURCES)
def test_a_release_holds_the_truth_less_what_is_in_quarantine(samples: Path, tmp_path: Path, name: str) -> None:
    source = f'[sources.own]\npath = "{samples / name}"\nlicence = "MIT"\naccept = true\n{SOURCES[name]}\n'
    release = release_of(tmp_path, source)
    truth = json.loads((samples / "truth" / f"{name}.json").read_text())["images"]
    lost = pl.read_parquet(release / "quarantine" / "exclusions.parquet").filter(pl.col("verdict") == "rejected")
    expected = released = 0
    for picture, facts in truth.items():
        for label, objects in facts["objects"].items():
            found = boxes_of(release, label, picture)
            true = sorted(tuple(one["box"]) for one in objects)
            expected, released = expected + len(true), released + len(found)
            near = [one for one in true if any(max(map(lambda a, b: abs(a - b), one, box)) <= 0.01 for box in found)]
            assert len(near) == len(found), (picture, label)
    assert expected == released + lost.height


@pytest.mark.real
def test_masks_and_boxes_alone_live_in_one_audited_release(samples: Path, tmp_path: Path) -> None:
    text = "[sources.kvasir_instrument]\n" + "".join(
        f'[sources.{name}]\npath = "{samples / folder}"\nlicence = "MIT"\naccept = true\n{SOURCES[folder]}\n'
        for name, folder in (("cells", "bccd-voc"), ("tumours", "ct-brain-tumour"))
    )
    given = {"kvasir_instrument": make_sources(tmp_path / "simulated")["kvasir_instrument"]}
    release = release_of(tmp_path, text, given)
    records = table(release, "data").explode("evidence").group_by("source").agg(pl.col("evidence").unique())
    expected = {"kvasir_instrument": ["mask"], "cells": ["box"], "tumours": ["polygon"]}
    assert expected == dict(records.iter_rows())
    assert table(release, "data")["image_sha256"].n_unique() > 60


def test_masks_and_boxes_of_one_folder_are_evidence_of_the_same_objects(tmp_path: Path) -> None:
    """Each object once, known by its mask; a box that fits none is quarantined, and its label is not counted there."""
    boxes = json.loads(authors_json()["boxes.json"])
    boxes["cell_001"]["bbox"][0]["xmin"] = 8
    boxes["cell_004"]["bbox"][:2] = [{"label": "cell", "xmin": 5, "ymin": 60, "xmax": 55, "ymax": 86}]
    for name, data in {**pictures(), **masks(), "boxes.json": json.dumps(boxes).encode()}.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(data)
    read = 'masks = { label = "cell", object = "component" }\nalso.json.boxes.frame = "edges"\n'
    source = f'[sources.own]\npath = "own"\nlicence = "MIT"\n[sources.own.read]\nformat = "masks"\n{read}'
    release = release_of(tmp_path, source)
    objects = table(release, "objects")
    assert (9, ["mask"]) == (objects.height, objects["evidence"].unique().to_list())
    lost = pl.read_parquet(release / "quarantine/exclusions.parquet").filter(pl.col("verdict") == "rejected")
    assert [("own/cell_004#boxes.json#cell_004/0", "evidence_conflict")] == lost.select("key", "reason").rows()
    found = pl.read_parquet(release / "quarantine/disagreements.parquet").filter(pl.col("kind") == "shifted")
    assert [("own/cell_001", [8.0, 0.0, 30.0, 25.0])] == found.select("sample_id", "source_box").rows()
    asked = table(release, "instructions").filter(pl.col("task") == "counting").select("record_id")
    counted = table(release, "data").join(asked, on="record_id")["stem"]
    assert ["cell_001", "cell_002", "cell_003"] == sorted(counted)


@pytest.mark.parametrize(
    ("head", "known", "said"),
    [
        ('ontology = "words.toml"\n', "", r"the ontology lacks 3 labels of own\. Add names or synonyms there, "),
        ("", 'known = ["rbc"]\n', r"known lacks 3 labels of own\. Add them there, "),
    ],
)
def test_labels_of_annotations_and_masks_that_an_ontology_lacks_are_asked_at_once(
    tmp_path: Path, head: str, known: str, said: str
) -> None:
    """Those of masks are not asked only after all masks are read."""
    for name, data in {**pictures(), **masks(classes=True), **COCO}.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(data)
    (tmp_path / "words.toml").write_text("[rbc]\n")
    values = 'values = { 1 = "rbc", 2 = "wbc", 3 = "platelet", 4 = "clot" }, object = "component", kind = "classes"'
    read = f'format = "coco"\n{known}also.masks = {{ annotations = "masks/{{stem}}.png", masks = {{ {values} }} }}\n'
    source = f'[sources.own]\npath = "own"\nlicence = "MIT"\n[sources.own.read]\n{read}'
    recipe = tmp_path / "own.toml"
    recipe.write_text(f"{head}{HEAD}{source}")
    with pytest.raises(UsageError, match=said) as caught:
        build(str(recipe), tmp_path / "lake", {})
    lines = [line.partition(" = ")[::2] for line in str(caught.value).splitlines() if "…" in line]
    assert ["platelet", "wbc", "clot"] == [label.strip().strip('"') for label, _ in lines]
    assert ["in 1 place", "in 3 places", "if it occurs in a mask"] == [said.partition("; ")[2] for _, said in lines]


def test_pictures_in_a_table_of_the_hub_keep_their_bytes_if_they_are_jpeg_or_png(tmp_path: Path) -> None:
    """A picture of another format becomes a PNG."""
    made = [noise(64, "JPEG"), noise(65, "PNG"), noise(66, "BMP")]
    objects = {"bbox": [[8.0, 8.0, 20.0, 16.0]], "category": ["polyp"]}
    rows = [{"image": {"bytes": data, "path": f"p{at}"}, "objects": objects} for at, data in enumerate(made)]
    (tmp_path / "hub").mkdir()
    pl.DataFrame(rows).write_parquet(tmp_path / "hub/train-00000-of-00001.parquet")
    source = '[sources.hub]\npath = "hub"\nlicence = "MIT"\naccept = true\n'
    release = release_of(tmp_path, source)
    images = table(release, "images").sort("width")
    kept = [hashlib.sha256(data).hexdigest() for data in made[:2]]
    assert images["stored_sha256"].to_list()[:2] == images["image_sha256"].to_list()[:2] == kept
    assert images["image_origin"].to_list() == ["embedded", "embedded", "converted"]
    assert images["image_file"].str.split(".").list.last().to_list() == ["jpg", "png", "png"]
    assert check_leakage(release, read_manifest(release)).problems == ()
    for file in release.glob("images/*.parquet"):
        pl.read_parquet(file).with_columns(luma_blake3=pl.lit("0" * 64)).write_parquet(file)
    found = check_leakage(release, read_manifest(release, ClaimedManifest)).problems
    wrong = [said for said in found if "luma_blake3 is not that of its picture" in said]
    assert ["hub/p0", "hub/p1"] == [said.partition(":")[0] for said in wrong]


def noise(width: int, kind: str) -> bytes:
    """A picture of noise in a file format."""
    held = io.BytesIO()
    Image.effect_noise((width, 48), 90).convert("RGB").save(held, kind)
    return held.getvalue()


PAIRS = """
[sources.tools]
path = "tools"
licence = "MIT"
organ = "Stomach"
policy = "{policy}"
[sources.tools.read]
format = "pairs"
images = "**/images/*"
annotations = ["**/masks/*", "**/bboxes.json"]
labels = {{ instrument = "surgical tool" }}
masks = {{ label = "surgical tool" }}
splits = {{ lists = "**/{{split}}.txt", use = ["train", "test"] }}
"""


@pytest.mark.parametrize(("policy", "left"), [("published", 15), ("audited", 16)])
def test_pairs_of_ones_own_are_read_as_those_of_the_catalogue(tmp_path: Path, policy: str, left: int) -> None:
    """Their boxes are one pixel wider than the masks, which the audit finds; a pair without a mask is rejected."""
    files = make_instruments(["a1", "b2", "c3", "d4", "e5"])
    del files[instrument("e5", "masks")]
    for name, data in files.items():
        (tmp_path / "tools" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tools" / name).write_bytes(data)
    release = release_of(tmp_path, PAIRS.format(policy=policy))
    objects = table(release, "objects")
    assert set(objects["label"]) == {"surgical tool"}
    assert objects["x1"].to_list() == [left] * 4
    images = table(release, "images")
    assert set(images.select("organ", "official_split").rows()) == {("Stomach", "train")}
    lost = pl.read_parquet(release / "quarantine" / "exclusions.parquet").filter(pl.col("verdict") == "rejected")
    assert lost["reason"].to_list() == ["mask_missing"]


def test_names_in_paths_are_in_no_file_of_a_release_with_hashed_groups(tmp_path: Path) -> None:
    """Used pictures, a rejected one, a missing one and a file outside the dataset; the second build changes nothing."""
    rows = ["image,label,x1,y1,x2,y2"]
    for who in ("Zora Quandt", "Yorick Pfaff", "Xenia Vogt"):
        (tmp_path / "own" / who).mkdir(parents=True)
        for at in range(2):
            (tmp_path / "own" / who / f"Scan {who} {at}.jpg").write_bytes(draw(f"{who}{at}"))
            rows.append(f"{who}/Scan {who} {at}.jpg,cyst,4,4,20,20")
    (tmp_path / "own/Xenia Vogt/broken.jpg").write_bytes(draw("x")[:300])
    (tmp_path / "own/Xenia Vogt/letter.txt").write_bytes(b"x")
    rows += ["Xenia Vogt/broken.jpg,cyst,4,4,20,20", "Xenia Vogt/gone.jpg,cyst,4,4,20,20"]
    (tmp_path / "own/boxes.csv").write_text("\n".join(rows))
    read = 'boxes.frame = "edges"\ngroups = { group = "{folder}", hash = true }\n'
    source = f'[sources.own]\npath = "own"\nlicence = "MIT"\n[sources.own.read]\n{read}'
    release = release_of(tmp_path, source)
    found = {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}
    assert [] == [path for path, data in found.items() if any(n in data for n in (b"Quandt", b"Pfaff", b"Vogt"))]
    assert 6 == table(release, "images").height
    assert release == release_of(tmp_path, source)


BROKEN = """broken_sources = "leave-out"
[sources.own]
path = "own"
licence = "MIT"
accept = true
[sources.own.read]
boxes.frame = "edges"
[sources.other]
path = "{path}"
licence = "MIT"
accept = true
[sources.other.read]
images = "pictures/{{who}}/{{stem}}.jpg"
groups = {{ group = "{{who}}", hash = true }}
"""


@pytest.mark.parametrize("path", ["other", "other.zip"])
def test_a_source_with_hashed_groups_that_cannot_be_read_is_left_out_without_a_name(tmp_path: Path, path: str) -> None:
    """Its paths fit no pattern, or its archive is cut: nothing tells where the names are."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.jpg").write_bytes(draw("a"))
    (tmp_path / "own/boxes.csv").write_text("image,label,x1,y1,x2,y2\na.jpg,cyst,4,4,20,20")
    (tmp_path / "other/Zora Quandt").mkdir(parents=True)
    (tmp_path / "other/Zora Quandt/b.jpg").write_bytes(draw("b"))
    (tmp_path / "other.zip").write_bytes(zip_bytes([("Zora Quandt/b.jpg", draw("b"))])[:-30])
    release = release_of(tmp_path, BROKEN.format(path=path))
    assert [] == [file for file in release.rglob("*") if file.is_file() and b"Quandt" in file.read_bytes()]
    left = pl.read_parquet(release / "quarantine" / "exclusions.parquet").filter(reason="source_broken")
    (reason,) = left["detail"]
    assert reason.startswith('it cannot be read. validation.broken_sources = "stop" shows why')
