"""Crops: cut by every export from the pictures of a release, in their very pixels, and held by ``verify``."""

import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.checks.answers import check_answers
from medmultipoints.data_lake.release.export.dialects import export_dialect
from medmultipoints.data_lake.release.export.pictures import crops_among, cut_crops, refuse_unwritten
from medmultipoints.data_lake.release.export.plain import export_release
from medmultipoints.data_lake.release.read.released_tables import Picture, read_tables
from medmultipoints.data_lake.release.read.sample import describe, render_page, sample_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.dialects.frames import QWEN2_5_RESIZE, Size, smart_resize
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.crops import Crop, crop_path, read_crop
from medmultipoints.transforms.pictures.decode import decode_image, resize_image
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import changed

SHA = "a" * 64


def noise(kind: str, mode: str = "RGB") -> Picture:
    """A picture of 60 x 40 pixels whose every pixel is another one."""
    pixels = np.random.default_rng(7).integers(0, 255, (40, 60, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    data = buffer.getvalue()
    return Picture("r", "s", SHA, hashlib.sha256(data).hexdigest(), 60, 40, data)


def asked(folder: Path) -> list[str]:
    """The crops that the lines of an export name."""
    lines = (json.loads(line) for path in folder.rglob("*.jsonl") for line in path.open())
    found = {path for line in lines for path in line.get("images", ()) if read_crop(path)}
    assert found
    return sorted(found)


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGB"), ("PNG", "P")])
def test_a_crop_has_the_pixels_of_its_picture(kind: str, mode: str) -> None:
    """Of colour, gray and palette pictures: a corner, the middle, the whole; the same bytes each time."""
    picture = noise(kind, mode)
    pixels = decode_image(picture.data).pixels
    edges = [(0, 0, 1, 1), (7, 3, 40, 31), (0, 0, 60, 40), (59, 39, 60, 40)]
    crops = crops_among(crop_path(Crop(SHA, *edge), 60, 40) for edge in edges)
    cut = dict(cut_crops(picture, crops))
    assert cut == dict(cut_crops(picture, crops))
    assert len(cut) == len(edges)
    for path, data in cut.items():
        crop = crops[SHA][path]
        assert data.startswith(b"\x89PNG")
        assert np.array_equal(decode_image(data).pixels, pixels[crop.y1 : crop.y2, crop.x1 : crop.x2])
    refuse_unwritten(crops, set(cut))


def test_a_crop_beyond_its_picture_is_refused() -> None:
    """So is one of a damaged picture, and one of no picture."""
    crops = crops_among([f"images/{SHA}.crop.10.10.61.30.png"])
    with pytest.raises(DataError, match="record r: .* does not lie in a picture of 60 x 40 pixels"):
        list(cut_crops(noise("PNG"), crops))
    sound = noise("JPEG")
    cut = Picture("r", "s", SHA, sound.stored_sha256, 60, 40, sound.data[:500])
    with pytest.raises(DataError, match="its picture is damaged"):
        list(cut_crops(cut, crops))
    with pytest.raises(DataError, match="no image to cut it from"):
        refuse_unwritten(crops, set())


def test_an_export_holds_every_crop_in_the_pixels_of_its_image(simulated: Path, tmp_path: Path) -> None:
    """And no crop that nobody asks about."""
    report = export_release(simulated, tmp_path)
    files = {path.stem: path for path in (tmp_path / "images").iterdir()}
    crops = asked(tmp_path)
    assert crops == sorted(f"images/{path.name}" for path in files.values() if ".crop." in path.name)
    assert report.images == len(files)
    for path in crops:
        crop = read_crop(path)
        assert crop is not None
        whole = decode_image(files[crop.image_sha256].read_bytes()).pixels
        cut = decode_image((tmp_path / path).read_bytes()).pixels
        assert np.array_equal(cut, whole[crop.y1 : crop.y2, crop.x1 : crop.x2])


@pytest.mark.parametrize("dialect", ["swift", "swift-objects"])
def test_a_dialect_resizes_a_crop_by_its_own_size(simulated: Path, tmp_path: Path, dialect: str) -> None:
    """Cut first, in released pixels, then resized as a picture of that size; or not resized at all."""
    export_release(simulated, tmp_path / "plain")
    export_dialect(simulated, tmp_path / "out", dialect)
    crops = asked(tmp_path / "out")
    assert crops == asked(tmp_path / "plain")
    for path in crops:
        plain, found = (decode_image((tmp_path / folder / path).read_bytes()).pixels for folder in ("plain", "out"))
        if dialect == "swift":
            plain = resize_image(plain, *smart_resize(Size(plain.shape[1], plain.shape[0]), QWEN2_5_RESIZE), "lanczos")
        assert np.array_equal(found, plain)


def test_a_form_of_one_picture_has_no_crops(simulated: Path, tmp_path: Path) -> None:
    """What is left out of a dialect brings no pictures."""
    export_dialect(simulated, tmp_path / "out", "llava")
    assert not [path for path in (tmp_path / "out/images").iterdir() if ".crop." in path.name]


@pytest.mark.parametrize("path", [f"images/{SHA}.crop.0.0.30.30.png", f"images/{SHA}.crop.30.0.30.30.png"])
def test_a_crop_of_no_image_stops_every_export(tmp_path: Path, tables: Tables, path: str) -> None:
    """Nothing of the release says what it would show; an empty one neither."""
    own = pl.concat_list("image_file", pl.lit(path))
    wrong = tables.instructions.with_columns(image_files=own, prompt=pl.format("<image>{}", "prompt"))
    folder = write_release(tmp_path / "release", changed(tables, instructions=wrong))
    for to, export in (
        (tmp_path / "a", export_release),
        (tmp_path / "b", lambda *a: export_dialect(*a, "llama-factory")),
    ):
        with pytest.raises(DataError):
            export(folder, to)


def test_verify_tells_of_a_crop_whose_image_is_not_in_the_release(simulated: Path) -> None:
    """Every answer about crops is derived from the name of the crop again."""
    manifest = read_manifest(simulated)
    tables = read_tables(simulated, manifest)
    about = tables.instructions.filter(task="crop_grounding")
    assert about.height > 0
    assert list(check_answers(tables, manifest.recipe)) == []
    for pattern, value, reason in (
        (r"/[0-9a-f]{64}\.crop", f"/{SHA}.crop", "crop differs"),
        (r"\.[0-9]+\.png", ".99999.png", "crop differs"),
        (r"\.png", ".jpg", "image files differ"),
    ):
        files = pl.concat_list("image_file", pl.col("image_files").list.get(1).str.replace(pattern, value))
        wrong = changed(tables, instructions=about.with_columns(image_files=files))
        assert list(check_answers(wrong, manifest.recipe)) == [f"{one}: {reason}" for one in about["instruction_id"]]


def test_a_sample_shows_where_the_crop_is(simulated: Path) -> None:
    """The picture is the whole one; the page draws the crop's rectangle over it, the text names its edges."""
    sample = sample_release(simulated, 3, task="crop_grounding")
    page = render_page(sample)
    for row in sample.rows:
        ((place, crop),) = row.crops
        assert (place, row.place, crop) == (2, 1, read_crop(row.images[1]))
        assert f"; image 2 is columns {crop.x1} to {crop.x2} and rows {crop.y1} to {crop.y2} of it" in describe(row)
        assert f'class="crop" x="{crop.x1}" y="{crop.y1}" width="{crop.width}" height="{crop.height}"' in page
    assert page.count("image 2 is dotted in it") == len(sample.rows) > 0
