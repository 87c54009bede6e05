"""What privacy policies make of whole builds: real pictures with burned-in text, frames whose files carry more."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.report import exclusions_of
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.metadata import find_metadata
from tests.faults.tiny_sources import frame, make_frames, write_frames

HK, VT = "hyperkvasir", "visem_tracking"
ZIP = "hyper-kvasir-segmented-images.zip"
PLAIN, BRACKETS, COMMENT, PLACE, OVER = "0652c533", "07fc8584", "4280dd71", "19adb424", "0d6e53f5"
"""Date and clock; date and timer; a number at the bottom; given a GPS position; a date that lies over the polyp."""


def with_gps(data: bytes) -> bytes:
    """The JPEG with an EXIF block that holds a place, a serial number and a name."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (59.0, 54.0, 0.0), 3: "E", 4: (10.0, 45.0, 0.0)})
    exif[0x013B], exif[0xA431] = "A Person", "SN1234"
    block = exif.tobytes()
    return data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block + data[2:]


@pytest.fixture
def pairs(real: Path, tmp_path: Path) -> Path:
    """Five real pairs; one of them has got metadata."""
    folder = tmp_path / "hk"
    folder.mkdir()
    wanted = (PLAIN, BRACKETS, COMMENT, PLACE, OVER)
    with (
        zipfile.ZipFile(real / "hyper-kvasir" / ZIP) as source,
        zipfile.ZipFile(folder / ZIP, "w") as kept,
    ):
        for name in source.namelist():
            data, stem = source.read(name), name.rpartition("/")[2]
            if name.endswith(".json"):
                data = json.dumps(
                    {key: one for key, one in json.loads(data).items() if key.startswith(wanted)}
                ).encode()
            elif not stem.startswith(wanted):
                continue
            elif stem.startswith(PLACE) and "/images/" in name:
                data = with_gps(data)
            kept.writestr(name, data)
    (folder / "image-labels.csv").write_bytes((real / "hyper-kvasir" / "image-labels.csv").read_bytes())
    return folder


def build(folder: Path, source: str, path: Path, readers: str, privacy: Mapping[str, str]) -> Outcome:
    recipe = folder / "private.toml"
    policy = "".join(f'{kind} = "{action}"\n' for kind, action in privacy.items())
    recipe.write_text(
        f'name = "private"\nversion = "1.0.0"\ntitle = "Private"\n[sources.{source}]\n[text]\nreaders = [{readers}]\n'
        f'[privacy]\n{policy}[instructions]\ntasks = ["bounding"]\n[validation]\nmax_rejected_fraction = 1.0\n'
    )
    request = BuildRequest(recipe=str(recipe), lake=str(folder / "lake"), sources={source: str(path)})
    return execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(2), Unwatched())


def pictures(outcome: Outcome) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """The released file and the row of each image, by the beginning of its stem."""
    files = (outcome.release.path / "data").glob("*.parquet")
    data = {row["stem"]: row["image"]["bytes"] for file in files for row in pl.read_parquet(file).iter_rows(named=True)}
    rows = outcome.table("released_images").iter_rows(named=True)
    return {row["stem"].partition("-")[0]: (data[row["stem"]], row) for row in rows if row["stem"] in data}


def kinds_held(outcome: Outcome) -> dict[str, tuple[str, str]]:
    rows = exclusions_of(outcome, "rejected").iter_rows(named=True)
    return {row["sample_id"].partition("/")[2][:8]: (row["reason"], row["detail"]) for row in rows if row["sample_id"]}


def check_verified(outcome: Outcome) -> None:
    assert [] == [check.name for check in verify_release(outcome.release.path).checks if not check.ok]


@pytest.mark.real
@pytest.mark.slow
def test_redacted_pictures_are_black_where_it_is_listed_and_as_they_were_elsewhere(pairs: Path, tmp_path: Path) -> None:
    """Objects, hashes and proofs hold; a date over a polyp holds the picture back."""
    outcome = build(tmp_path, HK, pairs, '"raster", "ocr"', dict.fromkeys(("date", "clock", "number", "gps"), "redact"))
    check_verified(outcome)
    assert kinds_held(outcome)[OVER][0] == "redaction_over_object"
    released = pictures(outcome)
    assert set(released) == {PLAIN, BRACKETS, COMMENT, PLACE}
    listed = pl.read_parquet(outcome.release.path / "quarantine" / "redactions.parquet")
    with zipfile.ZipFile(pairs / ZIP) as archive:
        sources = {name.rpartition("/")[2][:8]: archive.read(name) for name in archive.namelist() if "/images/" in name}
    for stem, (data, row) in released.items():
        changes = listed.row(by_predicate=pl.col("sample_id").str.contains(f"/{stem}"), named=True)
        assert (row["image_origin"], row["stored_sha256"]) == ("redacted", changes["stored_sha256"])
        assert [] == find_metadata(data)
        filled, before = decode_image(data).pixels, decode_image(sources[stem]).pixels
        outside = np.ones(filled.shape[:2], bool)
        for x1, y1, x2, y2 in changes["boxes"]:
            assert not filled[y1:y2, x1:x2].any()
            outside[y1:y2, x1:x2] = False
        assert np.array_equal(filled[outside], before[outside])
    comment = listed.row(by_predicate=pl.col("sample_id").str.contains(COMMENT), named=True)
    assert max(box[1] for box in comment["boxes"]) > 400, "the number at the bottom"
    (place,) = listed.filter(pl.col("sample_id").str.contains(PLACE))["kinds"].to_list()
    assert "gps" in place


@pytest.mark.real
@pytest.mark.slow
def test_only_pictures_of_the_kind_are_held_back(pairs: Path, tmp_path: Path) -> None:
    outcome = build(tmp_path, HK, pairs, '"raster", "ocr"', {"number": "quarantine", "gps": "quarantine"})
    check_verified(outcome)
    assert kinds_held(outcome) == {
        COMMENT: ("private", "the picture or its file has: number"),
        PLACE: ("private", "the picture or its file has: gps, number"),
    }
    assert {PLAIN, BRACKETS, OVER} == set(pictures(outcome))


@pytest.mark.real
@pytest.mark.slow
def test_a_kind_that_is_refused_stops_the_build(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds gps, which privacy\.gps = 'refuse' does not allow"):
        build(tmp_path, HK, pairs, "", {"gps": "refuse"})
    assert [] == list((tmp_path / "lake" / "releases").glob("*/*/manifest.json"))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Frames of a video of which the fourth file carries a place and a comment."""
    files = make_frames()
    noted = io.BytesIO()
    Image.open(io.BytesIO(files[frame(3)])).save(noted, "JPEG", comment=b"seen by A Person", quality=95)
    return write_frames(tmp_path / "vt", files | {frame(3): with_gps(noted.getvalue())})


def test_the_file_of_every_frame_is_looked_into(film: Path, tmp_path: Path) -> None:
    """Not that of the one frame alone whose text is read."""
    outcome = build(tmp_path, VT, film, "", {})
    findings = outcome.table("disagreements").filter(pl.col("kind").str.starts_with("carries_"))
    assert {"11_frame_3"} == set(findings["stem"])
    assert {"carries_gps", "carries_metadata"} == set(findings["kind"])


def test_metadata_of_a_frame_are_removed_and_its_pixels_stay(film: Path, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    before = pictures(build(tmp_path / "before", VT, film, "", {}))
    outcome = build(tmp_path, VT, film, "", {"gps": "redact"})
    check_verified(outcome)
    listed = pl.read_parquet(outcome.release.path / "quarantine" / "redactions.parquet")
    assert [[]] == listed["boxes"].to_list()
    data, row = pictures(outcome)["11_frame_3"]
    assert row["image_origin"] == "redacted"
    assert [] == find_metadata(data)
    old, _ = before["11_frame_3"]
    assert np.array_equal(decode_image(old).pixels, decode_image(data).pixels)


def test_a_frame_is_held_back_for_what_its_file_carries(film: Path, tmp_path: Path) -> None:
    outcome = build(tmp_path, VT, film, "", {"gps": "quarantine"})
    check_verified(outcome)
    assert {"11_frame": ("private", "the picture or its file has: gps")} == kinds_held(outcome)
