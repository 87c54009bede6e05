"""Sources of one's own from recipe to verified release: real samples against truths of independent code."""

import hashlib
import io
import json
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.checks.verify import verify_release
from tests.flows.small_builds import build, make_sources

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


def test_pictures_in_a_table_of_the_hub_keep_their_bytes_if_they_are_jpeg_or_png(tmp_path: Path) -> None:
    """A picture of another format becomes a PNG."""
    made = [noise(64, "JPEG"), noise(65, "PNG"), noise(66, "BMP")]
    objects = {"bbox": [[8.0, 8.0, 20.0, 16.0]], "category": ["polyp"]}
    rows = [{"image": {"bytes": data, "path": f"p{at}"}, "objects": objects} for at, data in enumerate(made)]
    (tmp_path / "hub").mkdir()
    pl.DataFrame(rows).write_parquet(tmp_path / "hub/train-00000-of-00001.parquet")
    source = '[sources.hub]\npath = "hub"\nlicence = "MIT"\naccept = true\n'
    images = table(release_of(tmp_path, source), "images").sort("width")
    kept = [hashlib.sha256(data).hexdigest() for data in made[:2]]
    assert images["stored_sha256"].to_list()[:2] == images["image_sha256"].to_list()[:2] == kept
    assert images["image_origin"].to_list() == ["embedded", "embedded", "converted"]
    assert images["image_file"].str.split(".").list.last().to_list() == ["jpg", "png", "png"]


def noise(width: int, kind: str) -> bytes:
    """A picture of noise in a file format."""
    held = io.BytesIO()
    Image.effect_noise((width, 48), 90).convert("RGB").save(held, kind)
    return held.getvalue()
