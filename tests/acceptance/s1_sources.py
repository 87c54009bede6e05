"""110 declared sources of three formats in one release, one of them broken: objects, evidence, time, memory, card."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from tests.acceptance.inputs import small

SOURCES, PICTURES = 110, 6
WIDTH, HEIGHT = 160, 120
MOST_SECONDS, MOST_MIB = 600, 2000
HEAD = """name = "many"
version = "1.0.0"
title = "Many sources"
seed = 1
release_date = "2026-11-21"
[validation]
broken_sources = "leave-out"
[instructions]
tasks = ["bounding"]
"""
FORMATS = {
    "coco": "",
    "yolo": 'classes = ["cell"]\n',
    "masks": 'masks = { label = "cell", object = "component" }\n',
}


def run(work: Path) -> dict[str, Any]:
    """Build the release; every object of the sound sources is in it with its evidence, the broken one on the card."""
    count = 12 if small() else SOURCES
    names = [f"s{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        write_source(work / name, [*FORMATS][number % 3], number)
    (work / names[3] / "boxes.json").write_text('{"images": [')
    (work / "many.toml").write_text(HEAD + "".join(declared(name, at) for at, name in enumerate(names)))
    start = time.perf_counter()
    command = [
        sys.executable,
        "-P",
        "-m",
        "medmultipoints",
        "build",
        str(work / "many.toml"),
        "--lake",
        str(work / "lake"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, most = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    assert done.returncode == 0, done.stderr[-2000:]
    assert seconds < MOST_SECONDS and most < MOST_MIB
    release = work / "lake/releases/many/1.0.0"
    rows = pl.concat([pl.read_parquet(path) for path in sorted((release / "data").glob("*.parquet"))])
    of_source = {name: (held["count"].sum(), set(held["evidence"].explode())) for (name,), held in
                 rows.partition_by("source", as_dict=True).items()}  # fmt: skip
    wanted = {name: (2 * PICTURES, {"mask" if at % 3 == 2 else "box"}) for at, name in enumerate(names) if at != 3}
    assert of_source == wanted
    card = (release / "README.md").read_text("utf-8")
    assert f"**{names[3]} is left out**" in card and all(f"`{name}`" in card for name in names)
    return {"sources": count, "seconds": round(seconds, 1), "peak_mib": most, "objects": int(rows["count"].sum())}


def declared(name: str, number: int) -> str:
    form = [*FORMATS][number % 3]
    head = f'[sources.{name}]\npath = "{name}"\nlicence = "CC-BY-4.0"\naccept = true\n'
    return f'{head}[sources.{name}.read]\nformat = "{form}"\ngroups = {{ group = "picture" }}\n{FORMATS[form]}'


def write_source(folder: Path, form: str, number: int) -> None:
    """Write pictures of two objects each, with their annotation in the format."""
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for at in range(PICTURES):
        boxes = [(10 + at, 10, 40, 30), (80, 50 + at, 30, 40)]
        noise = np.random.Generator(np.random.PCG64([number, at])).integers(0, 255, (12, 16, 3), dtype=np.uint8)
        save(Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), folder / f"images/p{at}.jpg")
        images.append({"id": at, "file_name": f"p{at}.jpg", "width": WIDTH, "height": HEIGHT})
        for box in boxes:
            entry = {"id": len(annotations), "image_id": at, "category_id": 1, "bbox": box, "iscrowd": 0}
            annotations.append({**entry, "area": box[2] * box[3]})
        if form == "yolo":
            lines = (f"0 {(x + w / 2) / WIDTH} {(y + h / 2) / HEIGHT} {w / WIDTH} {h / HEIGHT}" for x, y, w, h in boxes)
            (folder / "labels").mkdir(exist_ok=True)
            (folder / f"labels/p{at}.txt").write_text("\n".join(lines))
        if form == "masks":
            drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
            for x, y, w, h in boxes:
                drawn[y : y + h, x : x + w] = 255
            save(Image.fromarray(drawn), folder / f"masks/p{at}.png")
    if form == "coco":
        held = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
        (folder / "boxes.json").write_text(json.dumps(held))


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
