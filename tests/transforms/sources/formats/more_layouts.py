"""Layouts of tools and competitions that name things in their own way: paths of masks, mixed numbers, cells of runs."""

import hashlib
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from tests.transforms.sources.formats.layouts import (
    Files,
    Layout,
    coco,
    dump,
    mot,
    parquet,
    pictures,
    table,
    yolo,
)
from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, Scene, Thing, encode

CELLS = {"cell": sum(COUNTS.values())}
CELL = {"masks.label": "cell", "masks.object": "component"}


def binary(scene: Scene) -> bytes:
    return encode(sum((t.mask() for t in scene.things), np.zeros((HEIGHT, WIDTH), np.uint8)) * 255)


def random_name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def mask_paths() -> Iterable[Layout]:
    """Masks whose own names hold no picture's name."""
    cases = {f"{s.stem}/image.png": s.png() for s in SCENES} | {f"{s.stem}/mask.png": binary(s) for s in SCENES}
    yield Layout("masks in a folder of each case", cases, CELL, CELLS)
    numbered = {f"images/image_{at:03d}.png": s.png() for at, s in enumerate(SCENES)}
    numbered |= {f"labels/label_{at:03d}.png": binary(s) for at, s in enumerate(SCENES)}
    yield Layout("masks named label", numbered, CELL, CELLS)
    words = {f"d/{s.stem}_image.png": s.png() for s in SCENES} | {f"d/{s.stem}_mask.png": binary(s) for s in SCENES}
    yield Layout("masks by the last word", words, CELL, CELLS)
    before = {f"d/{s.stem}.png": s.png() for s in SCENES} | {f"d/mask_{s.stem}.png": binary(s) for s in SCENES}
    yield Layout("masks by the first word", before, CELL, CELLS)
    nuclei: Files = {}
    for scene in SCENES:
        place = f"stage1_train/{random_name(scene.stem)}"
        nuclei[f"{place}/images/{random_name(scene.stem)}.png"] = scene.png()
        for at, thing in enumerate(scene.things):
            nuclei[f"{place}/masks/{random_name(f'{scene.stem} {at}')}.png"] = encode(thing.mask() * 255)
    yield Layout("masks of random names (DSB 2018)", nuclei, {"masks.label": "cell"}, CELLS)
    tracked: Files = {}
    for at, scene in enumerate(SCENES):
        values = sum((t.mask().astype(np.uint16) * n for n, t in enumerate(scene.things, 1)), np.zeros((HEIGHT, WIDTH)))
        tracked[f"DIC/01/t{at:03d}.tif"] = encode(scene.pixels(), "TIFF")
        tracked[f"DIC/01_GT/SEG/man_seg{at:03d}.tif"] = encode(values.astype(np.uint16), "TIFF")
        tracked[f"DIC/01_GT/TRA/man_track{at:03d}.tif"] = encode((values * 7).astype(np.uint16), "TIFF")
    tracked["DIC/01_GT/TRA/man_track.txt"] = b"1 0 4 0\n"
    answers = {"masks.kind": "instances", "masks.object": "value", "masks.label": "cell"}
    yield Layout("cell tracking challenge", tracked, answers, CELLS)
    labelled = {
        f"masks/{s.stem}/{t.label}_{at}.png": encode(t.mask() * 255) for s in SCENES for at, t in enumerate(s.things)
    }
    yield Layout("a folder of masks for each picture", {**labelled, **pictures()})
    by_label = {
        f"masks/{label}/{s.stem}.png": encode(
            sum((t.mask() for t in s.things if t.label == label), np.zeros((HEIGHT, WIDTH), np.uint8)) * 255
        )
        for label in LABELS
        for s in SCENES
    }
    answers = {"annotations": "masks/{target}/{stem}.png", "masks.object": "component"}
    yield Layout("a folder of masks for each label", {**by_label, **pictures()}, answers)


def mixed_numbers() -> Iterable[Layout]:
    """Ids and class numbers as other writers give them."""
    shots = pictures()
    texts = coco(SCENES)
    for entry in texts["annotations"]:
        entry["image_id"], entry["category_id"] = str(entry["image_id"]), float(entry["category_id"])
    yield Layout("coco with ids of mixed kinds", {"a.json": dump(texts), **shots})
    captions = {"images": coco(SCENES)["images"], "annotations": [{"id": 1, "image_id": 10, "caption": "cells"}]}
    yield Layout("coco with captions", {"a.json": dump(coco(SCENES)), "captions.json": dump(captions), **shots})
    fractions = coco(SCENES)
    for entry in fractions["annotations"]:
        x, y, w, h = entry["bbox"]
        entry["bbox"] = [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT]
    yield Layout("coco of fractions", {"a.json": dump(fractions), **shots}, {"boxes.unit": "fraction"})
    floats = {
        f"labels/{s.stem}.txt": b"\n".join(line.replace(b" ", b".0 ", 1) for line in yolo(s).splitlines())
        for s in SCENES
    }
    names = {"data.yaml": dump({"names": list(LABELS)})}
    yield Layout("yolo with classes as decimals", {**floats, **names, **shots})
    ones = {f"seq/img1/{at:06d}.png": s.png() for at, s in enumerate(SCENES, 1)}
    listed = {"seq/gt/gt.txt": mot(1), "seq/gt/labels.txt": b"cell\n"}
    yield Layout("mot with labels.txt", {**listed, **ones}, {"boxes.frame": "inclusive-1"}, {"cell": 9})
    rows = [[s.stem, LABELS.index(t.label), *t.box] for s in SCENES for t in s.things]
    numbered = {"a.csv": table(["image_id", "class_id", "x_min", "y_min", "x_max", "y_max"], rows)}
    answers = {"boxes.frame": "edges", "classes": list(LABELS)}
    yield Layout("csv with class numbers", {**numbered, **shots}, answers)
    target = [[s.stem, t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1, 1] for s in SCENES for t in s.things]
    flags = {"a.csv": table(["patientId", "x", "y", "width", "height", "Target"], target)}
    yield Layout("csv with a flag for a label", {**flags, **shots}, {"label": "cell"}, CELLS)


def key_frames() -> Iterable[Layout]:
    """A track exported with only its first and last frame."""
    frames = {f"images/frame_{at:06d}.png": s.png() for at, s in enumerate(SCENES)}
    place = 'ytl="5" ybr="25" occluded="0" keyframe="1" outside="0" z_order="0"'
    shapes = f'<box frame="0" xtl="10" xbr="30" {place}/><box frame="4" xtl="18" xbr="38" {place}/>'
    xml = f'<annotations><meta/><track id="0" label="cell">{shapes}</track></annotations>'.encode()
    answers = {"interpolate": "linear"}
    yield Layout("cvat video of key frames", {"a.xml": xml, **frames}, answers, {"cell": 5}, exact=False)


def runs(thing: Thing, first: int) -> str:
    """Kaggle's code: start and length down the columns."""
    flat = np.flatnonzero(thing.mask().T.ravel())
    starts = flat[np.insert(np.diff(flat) > 1, 0, True)]
    ends = flat[np.append(np.diff(flat) > 1, True)]
    return " ".join(f"{a + first} {b - a + 1}" for a, b in zip(starts, ends, strict=True))


def cells() -> Iterable[Layout]:
    """Tables whose cells hold shapes."""
    shots = pictures()
    for first in (0, 1):
        rows: list[list[Any]] = [[s.stem, t.label, runs(t, first)] for s in SCENES for t in s.things]
        rows.append([SCENES[-1].stem, "rbc", ""])
        held = {"train.csv": table(["id", "class", "EncodedPixels"], rows)}
        answers = {"masks.object": "file", "masks.runs": f"columns-{first}"}
        yield Layout(f"run lengths counted from {first}", {**held, **shots}, answers)
    header = ["filename", "file_size", "region_count", "region_id", "region_shape_attributes", "region_attributes"]
    lines: list[list[Any]] = []
    for scene in SCENES:
        for at, t in enumerate(scene.things):
            shape = {"name": "rect", "x": t.x1, "y": t.y1, "width": t.x2 - t.x1, "height": t.y2 - t.y1}
            named = dump({"type": t.label}).decode()
            lines.append([f"{scene.stem}.png", 9, len(scene.things), at, dump(shape).decode(), named])
    yield Layout("via as csv", {"via.csv": table(header, lines), **shots})


def arrays() -> Iterable[Layout]:
    """Masks in NumPy files and in a column of a table."""
    shots = pictures()
    single, packed = {}, {}
    for scene in SCENES:
        values = np.zeros((HEIGHT, WIDTH), np.int32)
        for at, thing in enumerate(scene.things, start=1):
            values[thing.mask() > 0] = at * 300
        buffer, archive = io.BytesIO(), io.BytesIO()
        np.save(buffer, values)
        np.savez(archive, masks=np.array([t.mask() for t in scene.things], np.uint8).reshape(-1, HEIGHT, WIDTH))
        single[f"masks/{scene.stem}.npy"] = buffer.getvalue()
        packed[f"masks/{scene.stem}.npz"] = archive.getvalue()
    numbered = {"masks.kind": "instances", "masks.label": "cell", "masks.object": "value"}
    yield Layout("numbered masks as arrays", {**single, **shots}, numbered, CELLS)
    yield Layout("channels of masks as arrays", {**packed, **shots}, {"masks.label": "cell"}, CELLS)
    rows = [
        {"image": {"bytes": s.png(), "path": f"{s.stem}.png"}, "label": {"bytes": binary(s), "path": None}}
        for s in SCENES
    ]
    yield Layout("parquet with masks", {"data/train-00000.parquet": parquet(pa.Table.from_pylist(rows))}, CELL, CELLS)


def more_layouts() -> list[Layout]:
    return [layout for make in (mask_paths, mixed_numbers, key_frames, cells, arrays) for layout in make()]
