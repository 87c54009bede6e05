"""The corrupted twin of a split: other pixels, the same questions, ids and names."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from medmultipoints.data_lake.release.export.corrupted import export_corrupted
from medmultipoints.data_lake.release.export.plain import export_release
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.pictures.corruptions import KINDS


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_twin_differs_in_its_pictures_alone(release: Path, tmp_path: Path) -> None:
    plain = export_release(release, tmp_path / "plain", "test")
    report = export_corrupted(release, tmp_path / "twin", "test")
    assert (report.images, report.instructions) == (5 * plain.images, 5 * plain.instructions)
    sound = contents(tmp_path / "plain")
    for severity in range(1, 6):
        twin = contents(tmp_path / "twin" / f"severity-{severity}")
        assert {name for name in sound if sound[name] != twin.get(name)} == {
            name for name in sound if name.startswith("images/")
        }
        for name in (name for name in sound if name.startswith("images/")):
            pictures = [
                Image.open(tmp_path / folder / name).convert("RGB") for folder in ("plain", f"twin/severity-{severity}")
            ]
            assert pictures[0].size == pictures[1].size
            assert ImageChops.difference(*pictures).getbbox()


def test_each_picture_is_listed_with_its_kind(release: Path, tmp_path: Path) -> None:
    export_corrupted(release, tmp_path / "twin", "test")
    lines = [json.loads(line) for line in (tmp_path / "twin/corruptions.jsonl").open()]
    assert all((tmp_path / "twin/severity-1" / line["image"]).is_file() for line in lines)
    assert {line["corruption"] for line in lines} <= set(KINDS)


def test_again_gives_the_same_bytes_and_an_unknown_split_is_refused(release: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_corrupted(release, tmp_path / name, "test")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    with pytest.raises(UsageError, match="no such split"):
        export_corrupted(release, tmp_path / "three", "nowhere")
