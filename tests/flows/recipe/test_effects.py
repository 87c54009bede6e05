"""Keys that a recipe states without an effect are refused by name; the same keys with one are not."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.errors import UsageError
from tests.flows.small_builds import prepared

PLAIN: dict[str, Any] = {"name": "r", "version": "1.0.0", "title": "t", "sources": {"hyperkvasir": {}}}
PINNED = {"file": "f", "sha256": "0" * 64}
CASES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"images": {"resample": "box"}}, {"images": {"resample": "box", "max_side": 64}}, "images.resample has no effect"),
    (
        {"instructions": {"absent": 0.2}},
        {"instructions": {"absent": 0.2, "tasks": ["presence"]}},
        "instructions.absent has no effect without the task",
    ),
    ({"witness": {"stability": 0.5}}, {"witness": {"stability": 0.5, **PINNED}}, "witness.stability has no effect"),
    ({"describe": {"least_kept": 0.5}}, {"describe": {"least_kept": 0.5, **PINNED}}, "describe.least_kept has no"),
    (
        {"privacy": {"clock": "redact"}},
        {"privacy": {"clock": "redact"}, "text": {"readers": ["raster"]}},
        "clock has no",
    ),
    (
        {"privacy": {"name": "redact"}},
        {"privacy": {"name": "redact"}, "text": {"readers": ["ocr"]}},
        r'name needs .*"ocr"',
    ),
    (
        {"privacy": {"date": "redact"}},
        {"privacy": {"date": "redact"}, "text": {"readers": []}},
        "metadata of files alone",
    ),
]


@pytest.mark.parametrize(("without", "effective", "said"), CASES, ids=[said for _, _, said in CASES])
def test_a_key_needs_what_gives_it_an_effect(without: dict[str, Any], effective: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recipe.model_validate(PLAIN | without)
    Recipe.model_validate(PLAIN | effective)


SECTIONS = {
    "threshold": (
        "[boxes]\nthreshold = 100",
        r"boxes.threshold: no source uses it \(masks\); leave it out, and values",
    ),
    "min_area_px": ("[boxes]\nmin_area_px = 20", r"boxes.min_area_px.*set min_area_px in \[sources.NAME.read.masks\]"),
    "track_rounding": ('[boxes]\ntrack_rounding = "nearest"', r"boxes.track_rounding: no source uses it \(masks\)"),
    "jpeg_quality": ("[images]\njpeg_quality = 80", r"images.jpeg_quality: no source uses it"),
}


def recipe(folder: Path, text: str, form: str = "masks") -> str:
    """A recipe of one source of pictures and masks of one object each."""
    for kind, value in (("images", "RGB"), ("masks", "L")):
        (folder / "own" / kind).mkdir(parents=True, exist_ok=True)
        for name in "abc":
            picture = Image.new(value, (40, 30)) if kind == "masks" else Image.effect_noise((40, 30), 90).convert("RGB")
            picture.paste(255 if kind == "masks" else (9, 9, 9), (5, 5, 20, 20))
            picture.save(folder / "own" / kind / f"{name}.png")
    keys = 'images = "images/*"\nannotations = "masks/*"\n' if form == "pairs" else ""
    read = f'[sources.own.read]\nformat = "{form}"\n{keys}masks = {{ label = "polyp", object = "component" }}\n'
    head = 'name = "own"\nversion = "1.0.0"\ntitle = "Own"\n[sources.own]\npath = "own"\nlicence = "MIT"\n'
    (folder / "own.toml").write_text(f"{head}{read}{text}\n")
    return str(folder / "own.toml")


@pytest.mark.parametrize("key", SECTIONS)
def test_a_key_that_no_declared_source_uses_is_refused(tmp_path: Path, key: str) -> None:
    text, said = SECTIONS[key]
    with pytest.raises(UsageError, match=said):
        prepared(recipe(tmp_path, text), tmp_path / "lake", {})


def test_pairs_follow_the_boxes_of_the_recipe(tmp_path: Path) -> None:
    text = "[boxes]\nmin_area_px = 20\nthreshold = 100"
    assert prepared(recipe(tmp_path, text, "pairs"), tmp_path / "lake", {}).recipe.boxes.min_area_px == 20
