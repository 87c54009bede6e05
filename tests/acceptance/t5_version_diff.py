"""The diff of two releases that differ in known ways names exactly those; equal ones are one line."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from medmultipoints.data_lake.release.write.manifest import read_manifest
from tests.acceptance.builds import build
from tests.acceptance.inputs import hyperkvasir

ARCHIVE = "hyper-kvasir-segmented-images.zip"
PAIRS = 40
SHIFT_PX = 7
NEW_NAME = "00000000-renamed"
RECIPE = """
name = "changing"
version = "{version}"
title = "Real pictures, changed in known ways"
seed = {seed}

[sources.hyperkvasir]

[splits]
fractions = {{ train = 0.8, validation = 0.1, test = 0.1 }}
{previous}
"""
Members = dict[str, bytes]
Boxes = dict[str, Any]


def run(work: Path) -> dict[str, Any]:
    """The real pictures before and after: one lost, one gained, one renamed, a box moved, an object more, splits."""
    members, boxes = read_archive()
    stems = sorted(boxes)[: PAIRS + 1]
    old = build_of(work, "1.0.0", members, boxes, stems[:PAIRS])
    again = build_of(work, "1.0.1", members, boxes, stems[:PAIRS])
    same = command("diff", old, old)
    assert len(same.splitlines()) == 1, same
    assert same.startswith("no difference: "), same
    patch = json.loads(command("diff", old, again, "--json"))
    assert [change["kind"] for change in patch["changes"]] == ["files_changed"], patch  # the card names the version
    shifted, fuller = movable(old, 2)
    lost, renamed = [stem for stem in stems[:PAIRS] if stem not in (shifted, fuller)][:2]
    changed, changed_boxes = change_sources(members, boxes, lost, renamed, shifted, fuller)
    kept = [stem for stem in stems if stem not in (lost, renamed)] + [NEW_NAME]
    root = read_manifest(old).manifest_root
    new = build_of(work, "2.0.0", changed, changed_boxes, kept, f'previous = "changing@{root}"')
    found = check_changes(old, new, lost, stems[PAIRS], shifted, fuller)
    page = work / "diff.html"
    table = command("diff", old, new, "--markdown", "--html", page)
    assert f"| minor | 1 | boxes changed | median {SHIFT_PX:.1f} px, most {SHIFT_PX:.1f} px |" in table, table
    assert page.read_text().count('class="before"') >= 2, "no old box is drawn"
    stated = json.loads((new / "changes.json").read_bytes())
    assert {change["kind"] for change in stated["changes"]} <= found.keys(), "changes.json tells something else"
    return {
        **found,
        "moved": check_moved(work, old, members, boxes, stems[:PAIRS]),
        "bytes_of_page": page.stat().st_size,
    }


def read_archive() -> tuple[Members, Boxes]:
    """Every file of the real pairs, and their boxes."""
    with zipfile.ZipFile(hyperkvasir() / ARCHIVE) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return members, json.loads(members["segmented-images/bounding-boxes.json"])


def build_of(
    work: Path, version: str, members: Members, boxes: Boxes, stems: list[str], previous: str = "", seed: int = 1
) -> Path:
    """The release of these pairs."""
    source = work / f"source-{version}"
    source.mkdir()
    own = {stem: boxes[stem] for stem in stems}
    with zipfile.ZipFile(source / ARCHIVE, "w") as archive:
        archive.writestr(dated("segmented-images/bounding-boxes.json"), json.dumps(own))
        for kind in ("images", "masks"):
            for stem in stems:
                path = f"segmented-images/{kind}/{stem}.jpg"
                archive.writestr(dated(path), members[path])
    labels = (hyperkvasir() / "image-labels.csv").read_bytes().rstrip()
    named = f"\r\n{NEW_NAME},Lower GI,polyps,pathological-findings".encode()
    (source / "image-labels.csv").write_bytes(labels + named)
    recipe = work / f"{version}.toml"
    recipe.write_text(RECIPE.format(version=version, seed=seed, previous=previous))
    return build(recipe, work / "lake", {"hyperkvasir": source}).release.path


def dated(path: str) -> zipfile.ZipInfo:
    """A file whose time is always the same."""
    return zipfile.ZipInfo(path, (2020, 9, 1, 0, 0, 0))


def movable(release: Path, number: int) -> list[str]:
    """Pictures of one object that has room around it, and no near-duplicate."""
    records = pl.read_parquet(release / "data/*.parquet", columns=["stem", "count", "bbox", "img_size"])
    near = pl.read_parquet(release / "quarantine/near_duplicates.parquet")
    twins = {name.split("/")[1] for name in [*near["sample_id"], *near["other_id"]]}
    room = 60
    found = []
    for stem, count, bbox, (width, height) in records.sort("stem").iter_rows():
        if count == 1 and stem not in twins:
            x1, y1, x2, y2 = bbox[0]
            if min(x1, y1, width - x2, height - y2) > room:
                found.append(stem)
    assert len(found) >= number, "no picture has room for a change"
    return found[:number]


def change_sources(
    members: Members, boxes: Boxes, lost: str, renamed: str, shifted: str, fuller: str
) -> tuple[Members, Boxes]:
    """The files with one picture renamed, one mask moved and one with a second object."""
    changed = {name: data for name, data in members.items() if lost not in name}
    for kind in ("images", "masks"):
        changed[f"segmented-images/{kind}/{NEW_NAME}.jpg"] = changed.pop(f"segmented-images/{kind}/{renamed}.jpg")
    for stem, change in ((shifted, shift), (fuller, add_square)):
        path = f"segmented-images/masks/{stem}.jpg"
        changed[path] = redrawn(changed[path], change)
    return changed, {**boxes, NEW_NAME: boxes[renamed]}


def redrawn(mask: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """A mask with other objects."""
    pixels = np.asarray(Image.open(io.BytesIO(mask)).convert("L")) > 127
    buffer = io.BytesIO()
    Image.fromarray(change(pixels).astype(np.uint8) * 255).save(buffer, "JPEG", quality=100, subsampling=0)
    return buffer.getvalue()


def shift(pixels: np.ndarray) -> np.ndarray:
    """The object further to the right."""
    return np.roll(pixels, SHIFT_PX, axis=1)


def add_square(pixels: np.ndarray) -> np.ndarray:
    """A square in the corner beside the object."""
    changed = pixels.copy()
    changed[8:40, 8:40] = True
    return changed


def check_changes(old: Path, new: Path, lost: str, gained: str, shifted: str, fuller: str) -> dict[str, int]:
    """Every kind with the number that is known beforehand, and the right pictures as examples."""
    sha256 = {row["stem"]: row["image_sha256"] for release in (old, new) for row in images(release)}
    objects = {name: pl.read_parquet(release / "objects/*.parquet") for name, release in (("old", old), ("new", new))}
    told = {change["kind"]: change for change in json.loads(command("diff", old, new, "--json"))["changes"]}
    on_lost = objects["old"].filter(image_sha256=sha256[lost]).height
    on_gained = objects["new"].filter(image_sha256=sha256[gained]).height
    known = {
        "images_lost": 1, "images_gained": 1, "images_renamed": 1, "records_lost": 1, "records_gained": 1,
        "objects_lost": on_lost, "objects_gained": on_gained + 1, "boxes_changed": 1, "counts_changed": 1,
        "instructions_lost": 5, "instructions_gained": 5,
    }  # fmt: skip
    counted = {kind: change["count"] for kind, change in told.items()}
    assert known.items() <= counted.items(), f"told: {counted}"
    explained = {"prompts_changed", "answers_changed", "objects_reordered", "images_described", "source_files_changed"}
    assert counted.keys() - known.keys() <= explained | {"recipe_changed"}, f"told: {counted}"
    assert told["boxes_changed"]["how_far"] == {"median_px": SHIFT_PX, "most_px": SHIFT_PX}
    for kind, stem in (("images_lost", lost), ("images_gained", gained), ("boxes_changed", shifted)):
        assert told[kind]["examples"][0]["id"].startswith(sha256[stem]), f"{kind}: {told[kind]['examples']}"
    allowed = tuple(sha256[stem] for stem in (shifted, fuller))
    for kind in ("answers_changed", "prompts_changed", "counts_changed", "objects_reordered"):
        strange = [
            one["id"] for one in told.get(kind, {"examples": []})["examples"] if not one["id"].startswith(allowed)
        ]
        assert not strange, f"{kind} names {strange}"
    return counted


def images(release: Path) -> list[dict[str, Any]]:
    """The rows of the images table."""
    return pl.read_parquet(release / "images/*.parquet", columns=["stem", "image_sha256", "split"]).to_dicts()


def check_moved(work: Path, old: Path, members: Members, boxes: Boxes, stems: list[str]) -> int:
    """With another seed, images move: as many as the tables say."""
    new = build_of(work, "3.0.0", members, boxes, stems, seed=2)
    before, after = ({row["image_sha256"]: row["split"] for row in images(release)} for release in (old, new))
    moved = sum(before[name] != after[name] for name in before)
    told = {change["kind"]: change["count"] for change in json.loads(command("diff", old, new, "--json"))["changes"]}
    assert moved > 0, "another seed moved nothing"
    assert told.get("images_moved") == moved, f"{moved} images moved, told: {told}"
    assert not {kind for kind in told if kind.endswith(("_lost", "_gained"))}, f"told: {told}"
    return moved


def command(*words: object) -> str:
    """What the command line prints."""
    call = [sys.executable, "-m", "medmultipoints", *map(str, words)]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout
