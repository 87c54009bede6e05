"""The same objects in every layout: files by path, with answers to the questions that data cannot answer.

An independent writer: nothing of the project is imported. Each layout states the boxes that must come out.
"""

import base64
import csv
import io
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile
from PIL import Image

from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, Scene, Thing, encode

Files = dict[str, bytes]


@dataclass(frozen=True)
class Layout:
    """``answers``: what a person would answer; with them, ``counts`` and boxes must be exact.

    ``asked``: the question that stays open, where what the files hold is no object, or in no form that is read.
    ``refused``: the key of the hint that names the format, which is not read, and the way out.
    """

    name: str
    files: Files
    answers: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=lambda: COUNTS)
    exact: bool = True
    refused: str = ""
    asked: str = ""


def pictures(path: Callable[[Scene], str] = lambda scene: f"images/{scene.stem}.png") -> Files:
    return {path(scene): scene.jpg() if path(scene).endswith("jpg") else scene.png() for scene in SCENES}


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


# --- Pascal VOC -------------------------------------------------------------------------------------------------


def voc(scene: Scene, first: int, inclusive: int, decimals: str = "") -> bytes:
    """XML with the first pixel counted from ``first``; ``inclusive``: how much the far corner is smaller."""
    objects = "".join(
        f"<object><name>{t.label}</name><difficult>0</difficult><bndbox><xmin>{t.x1 + first}{decimals}</xmin>"
        f"<ymin>{t.y1 + first}{decimals}</ymin><xmax>{t.x2 + first - inclusive}{decimals}</xmax>"
        f"<ymax>{t.y2 + first - inclusive}{decimals}</ymax></bndbox></object>"
        for t in scene.things
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    return f"<annotation><filename>{scene.stem}.png</filename>{size}{objects}</annotation>".encode()


def voc_layouts() -> Iterable[Layout]:
    devkit = {f"VOC/Annotations/{s.stem}.xml": voc(s, 1, 1) for s in SCENES}
    lists = {
        f"VOC/ImageSets/Main/{split}.txt": "\n".join(s.stem for s in SCENES if s.split == split).encode()
        for split in ("train", "val", "test")
    }
    lists["VOC/ImageSets/Main/trainval.txt"] = "\n".join(s.stem for s in SCENES if s.split != "test").encode()
    shots = pictures(lambda s: f"VOC/JPEGImages/{s.stem}.jpg")
    yield Layout("voc devkit", {**devkit, **lists, **shots}, {"boxes.frame": "inclusive-1"})
    edges = {f"x/{s.stem}.xml": voc(s, 0, 0, ".50") for s in SCENES}
    halves = {f"x/{s.stem}.xml": edges[f"x/{s.stem}.xml"].replace(b".50", b".0") for s in SCENES}
    yield Layout("voc of CVAT, edges", {**halves, **pictures()}, {"boxes.frame": "edges"})
    beside = {f"{s.split}/{s.stem}.xml": voc(s, 0, 0) for s in SCENES}
    yield Layout("voc beside pictures, by split", {**beside, **pictures(lambda s: f"{s.split}/{s.stem}.png")})
    misleading = {f"coco/labels/{s.stem}.xml": voc(s, 0, 0) for s in SCENES}
    yield Layout("voc in a folder named coco", {**misleading, **pictures(lambda s: f"coco/{s.stem}.png")})
    upper = {f"a/{s.stem}.xml": voc(s, 0, 0) for s in SCENES}
    yield Layout("voc, extension in capitals", {**upper, **{f"b/{s.stem}.PNG": s.png() for s in SCENES}})


# --- COCO -------------------------------------------------------------------------------------------------------


def coco(scenes: Iterable[Scene], shape: str = "box", path: Callable[[Scene], str] = lambda s: f"{s.stem}.png") -> Any:
    images, annotations = [], []
    for number, scene in enumerate(scenes, start=10):
        images.append({"id": number, "file_name": path(scene), "width": WIDTH, "height": HEIGHT})
        for thing in scene.things:
            entry: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": LABELS.index(thing.label) + 1,
                "bbox": [thing.x1, thing.y1, thing.x2 - thing.x1, thing.y2 - thing.y1],
                "area": (thing.x2 - thing.x1) * (thing.y2 - thing.y1),
                "iscrowd": 0,
            }
            if shape == "polygon":
                entry["segmentation"] = [[value for corner in thing.corners for value in corner]]
            if shape == "rle":
                entry["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": run_lengths(thing)}
            annotations.append(entry)
    categories = [{"id": at, "name": name, "supercategory": ""} for at, name in enumerate(LABELS, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def run_lengths(thing: Thing) -> list[int]:
    """COCO's run lengths: column by column, background first."""
    flat = thing.mask().T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    bounds = [0, *changes.tolist(), flat.size]
    runs = [b - a for a, b in pairwise(bounds)]
    return [0, *runs] if flat[0] else runs


def coco_layouts() -> Iterable[Layout]:
    yield Layout("coco boxes", {"annotations.json": dump(coco(SCENES)), **pictures()})
    yield Layout("coco polygons", {"a/instances_default.json": dump(coco(SCENES, "polygon")), **pictures()})
    yield Layout("coco run lengths", {"a.json": dump(coco(SCENES, "rle")), **pictures()})
    splits = ("train", "val", "test")
    parts = {f"{split}/_annotations.coco.json": dump(coco([s for s in SCENES if s.split == split])) for split in splits}
    yield Layout("coco of Roboflow", {**parts, **pictures(lambda s: f"{s.split}/{s.stem}.png")})
    parts = {
        f"annotations/instances_{split}2017.json": dump(coco([s for s in SCENES if s.split == split]))
        for split in splits
    }
    yield Layout("coco by year", {**parts, **pictures(lambda s: f"{s.split}2017/{s.stem}.png")})
    crowded = coco(SCENES)
    crowded["annotations"].append(
        {"id": 99, "image_id": 10, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 50, 50], "area": 9,
         "segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT * WIDTH]}}
    )  # fmt: skip
    yield Layout("coco with a crowd", {"a.json": dump(crowded), **pictures()})
    folders = coco(SCENES, path=lambda s: f"C:\\data\\study\\{s.stem}.png")
    yield Layout("coco with paths of another machine", {"a.json": dump(folders), **pictures()})
    corners = coco(SCENES)
    for entry in corners["annotations"]:
        x, y, w, h = entry["bbox"]
        entry["bbox"] = [x, y, x + w, y + h]
    yield Layout("coco with corners", {"a.json": dump(corners), **pictures()}, {"boxes.form": "xyxy"})
    supercategory = coco(SCENES)
    supercategory["categories"].insert(0, {"id": 0, "name": "cells", "supercategory": "none"})
    yield Layout("coco with an empty category 0", {"a.json": dump(supercategory), **pictures()})


# --- YOLO -------------------------------------------------------------------------------------------------------


def yolo(scene: Scene, shape: str = "box") -> bytes:
    lines = []
    for thing in scene.things:
        x1, y1, x2, y2 = thing.x1 / WIDTH, thing.y1 / HEIGHT, thing.x2 / WIDTH, thing.y2 / HEIGHT
        numbers = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
        if shape in ("polygon", "oriented"):
            numbers = [x1, y1, x2, y1, x2, y2, x1, y2]
            if shape == "polygon" and thing.label == "wbc":
                numbers += [x1, (y1 + y2) / 2]
        if shape == "pose":
            numbers += [(x1 + x2) / 2, (y1 + y2) / 2, 2, x1, y1, 1]
        lines.append(" ".join([str(LABELS.index(thing.label)), *(f"{number:.9f}" for number in numbers)]))
    return "\n".join(lines).encode()


def yolo_layouts() -> Iterable[Layout]:
    names = "\n".join(f"  {at}: {name}" for at, name in enumerate(LABELS))
    split = {f"labels/{s.split}/{s.stem}.txt": yolo(s) for s in SCENES}
    shots = pictures(lambda s: f"images/{s.split}/{s.stem}.png")
    yaml = {
        "data.yaml": f"path: /home/somebody/cells\ntrain: images/train\nval: images/val\nnames:\n{names}\n".encode()
    }
    yield Layout("yolo of Ultralytics", {**split, **shots, **yaml})
    roboflow = {f"{s.split}/labels/{s.stem}.txt": yolo(s) for s in SCENES}
    shots = pictures(lambda s: f"{s.split}/images/{s.stem}.jpg")
    listed = {"data.yaml": f"nc: 3\nnames: {json.dumps(LABELS)}\n".encode()}
    yield Layout("yolo of Roboflow", {**roboflow, **shots, **listed})
    beside = {f"obj_train_data/{s.stem}.txt": yolo(s) for s in SCENES}
    darknet = {"obj.names": "\n".join(LABELS).encode(), "obj.data": b"classes = 3\nnames = data/obj.names\n"}
    listing = {"train.txt": "\n".join(f"data/obj_train_data/{s.stem}.png" for s in SCENES).encode()}
    shots = pictures(lambda s: f"obj_train_data/{s.stem}.png")
    yield Layout("yolo 1.1 of CVAT", {**beside, **darknet, **listing, **shots})
    plain = {f"labels/{s.stem}.txt": yolo(s) for s in SCENES}
    classes = {"labels/classes.txt": "\n".join(LABELS).encode()}
    yield Layout("yolo of labelImg", {**plain, **classes, **pictures()})
    yield Layout("yolo without names", {**plain, **pictures()}, {"classes": list(LABELS)})
    other = {"data.yaml": f"names: {json.dumps(['RBC', 'WBC', 'PC'])}\n".encode()}
    yield Layout("yolo, names contradict", {**plain, **classes, **other, **pictures()}, {"classes": list(LABELS)})
    yield Layout(
        "yolo outlines", {**{k: yolo(s, "polygon") for k, s in zip(plain, SCENES, strict=True)}, **listed, **pictures()}
    )
    turned = {f"labels/{s.stem}.txt": yolo(s, "oriented") for s in SCENES}
    yield Layout("yolo oriented", {**turned, **listed, **pictures()}, {"shapes.outline": "oriented"})
    pose = {f"labels/{s.stem}.txt": yolo(s, "pose") for s in SCENES}
    shape = {"data.yaml": f"kpt_shape: [2, 3]\nnames: {json.dumps(LABELS)}\n".encode()}
    yield Layout("yolo pose", {**pose, **shape, **pictures()})
    missing = {key: data for key, data in plain.items() if data}
    yield Layout("yolo, no file for an empty picture", {**missing, **classes, **pictures()})


# --- masks ------------------------------------------------------------------------------------------------------


def mask_layouts() -> Iterable[Layout]:
    shots = pictures()
    binary = {
        f"masks/{s.stem}.png": encode(sum((t.mask() for t in s.things), np.zeros((HEIGHT, WIDTH), np.uint8)) * 255)
        for s in SCENES
    }
    answers = {"masks.label": "cell", "masks.object": "component"}
    cells = {"cell": sum(COUNTS.values())}
    yield Layout("masks, binary", {**binary, **shots}, answers, cells)
    small = {
        key.replace("masks/", "gt/"): encode((np.asarray(_open(data)) > 0).astype(np.uint8))
        for key, data in binary.items()
    }
    yield Layout("masks of 0 and 1", {**small, **shots}, answers, cells)
    suffix = {f"data/{s.stem}_mask.png": binary[f"masks/{s.stem}.png"] for s in SCENES}
    yield Layout("masks beside pictures", {**suffix, **pictures(lambda s: f"data/{s.stem}.png")}, answers, cells)
    objects = {
        f"masks/{s.stem}_{t.label}_{at:03d}.png": encode(t.mask() * 255)
        for s in SCENES
        for at, t in enumerate(s.things)
    }
    yield Layout("one mask an object", {**objects, **shots})
    numbered = {f"m/{s.stem}.png": encode(_numbered(s)) for s in SCENES}
    yield Layout("numbered masks", {"labelmap.json": b"{}", **numbered, **shots},
                 {"masks.kind": "instances", "masks.label": "cell", "masks.object": "value"}, cells)  # fmt: skip
    wide = {f"m/{s.stem}.tif": _tiff(_numbered(s).astype(np.uint16) * 300) for s in SCENES}
    yield Layout("numbered masks of 16 bits", {**wide, **shots},
                 {"masks.kind": "instances", "masks.label": "cell", "masks.object": "value"}, cells)  # fmt: skip
    coded = {f"m/{s.stem}.png": encode(_classes(s)) for s in SCENES}
    values = {"1": "rbc", "2": "wbc", "3": "platelet"}
    answers = {"masks.kind": "classes", "masks.object": "component", "masks.values": values}
    yield Layout("class masks", {**coded, **shots}, answers)
    yield Layout("class masks with names", {**coded, **shots, "classes.json": dump(values)},
                 {"masks.kind": "classes", "masks.object": "component"})  # fmt: skip
    colours = [0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200] + [0] * (768 - 12)
    palette = {f"SegmentationClass/{s.stem}.png": encode(_classes(s), palette=colours) for s in SCENES}
    yield Layout("palette masks", {**palette, **shots}, {"masks.object": "component", "masks.values": values})
    named = {"labelmap.txt": b"background:0,0,0::\nwbc:0,200,0::\nplatelet:0,0,200::\nrbc:200,0,0::\n"}
    yield Layout("palette masks with a label map", {**palette, **named, **shots}, {"masks.object": "component"})
    table = np.array([(0, 0, 0), (250, 50, 83), (36, 179, 83), (51, 221, 255)], np.uint8)
    rgb = {f"SegmentationClass/{s.stem}.png": encode(table[_classes(s)]) for s in SCENES}
    names = {
        "labelmap.txt": b"# label:color_rgb:parts:actions\nbackground:0,0,0::\nrbc:250,50,83::\n"
        b"wbc:36,179,83::\nplatelet:51,221,255::\n"
    }
    yield Layout("masks in colours", {**rgb, **names, **shots}, {"masks.object": "component"})
    named = {
        "class_dict.csv": '\ufeffname, r, g, b\r\nrbc,250,50,83\r\n"wbc", 36,179,83\r\nplatelet,51,221,255\r\n'.encode()
    }
    yield Layout("masks in colours with a table of them", {**rgb, **named, **shots}, {"masks.object": "component"})
    named = {"label_colors.txt": b"0 0 0\tVoid\n250 50 83\trbc\n36 179 83\twbc\n51 221 255\tplatelet\n"}
    yield Layout("masks in colours with a list of them", {**rgb, **named, **shots}, {"masks.object": "component"})


def _open(data: bytes) -> Any:
    return Image.open(io.BytesIO(data))


def _numbered(scene: Scene) -> Any:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for at, thing in enumerate(scene.things, start=1):
        drawn[thing.mask() > 0] = at
    return drawn


def _classes(scene: Scene) -> Any:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for thing in scene.things:
        drawn[thing.mask() > 0] = LABELS.index(thing.label) + 1
    return drawn


def _tiff(values: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values)
    return buffer.getvalue()


# --- tools ------------------------------------------------------------------------------------------------------


def tool_layouts() -> Iterable[Layout]:
    shots = pictures()
    for shape in ("box", "polygon"):
        yield Layout(f"cvat {shape}", {"annotations.xml": cvat(shape), **shots})
    yield Layout("labelme rectangles", {f"images/{s.stem}.json": labelme(s, "rectangle") for s in SCENES} | shots)
    yield Layout("labelme polygons", {f"json/{s.stem}.json": labelme(s, "polygon") for s in SCENES} | shots)
    yield Layout("label studio", {"export.json": label_studio("box"), **shots})
    yield Layout("label studio polygons", {"export.json": label_studio("polygon"), **shots})
    yield Layout("via", {"via_export.json": via(), **shots})
    yield Layout(
        "via project",
        {
            "via_project.json": dump(
                {"_via_settings": {}, "_via_img_metadata": json.loads(via()), "_via_attributes": {}}
            ),
            **shots,
        },
    )
    boxed = {f"ds/ann/{s.stem}.png.json": supervisely(s, "rectangle") for s in SCENES}
    meta = {
        "meta.json": dump(
            {"classes": [{"title": name, "shape": "any", "color": "#ff0000"} for name in LABELS], "tags": []}
        )
    }
    yield Layout("supervisely", {**boxed, **meta, **pictures(lambda s: f"ds/img/{s.stem}.png")})
    bitmaps = {f"ds/ann/{s.stem}.png.json": supervisely(s, "bitmap") for s in SCENES}
    yield Layout("supervisely bitmaps", {**bitmaps, **meta, **pictures(lambda s: f"ds/img/{s.stem}.png")})
    yield Layout("createml", {"_annotations.createml.json": createml(), **shots}, {"boxes.form": "cxcywh"})
    ones = {f"seq/img1/{at:06d}.png": s.png() for at, s in enumerate(SCENES, 1)}
    yield Layout("mot", {"seq/gt/gt.txt": mot(1), **ones},
                 {"boxes.frame": "inclusive-1", "label": "cell"}, {"cell": 9})  # fmt: skip
    zeros = {f"seq/img1/{at:06d}.png": s.png() for at, s in enumerate(SCENES)}
    yield Layout("mot from 0", {"seq/gt/gt.txt": mot(0), **zeros},
                 {"label": "cell"}, {"cell": 9})  # fmt: skip


def cvat(shape: str) -> bytes:
    images = []
    for number, scene in enumerate(SCENES):
        shapes = "".join(
            f'<box label="{t.label}" occluded="0" xtl="{t.x1}" ytl="{t.y1}" xbr="{t.x2}" ybr="{t.y2}" z_order="0"/>'
            if shape == "box"
            else f'<polygon label="{t.label}" points="{";".join(f"{x},{y}" for x, y in t.corners)}" z_order="0"/>'
            for t in scene.things
        )
        images.append(
            f'<image id="{number}" name="{scene.stem}.png" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>'
        )
    meta = "<meta><task><owner><email>somebody@example.org</email></owner></task></meta>"
    return f'<?xml version="1.0"?><annotations><version>1.1</version>{meta}{"".join(images)}</annotations>'.encode()


def labelme(scene: Scene, shape: str) -> bytes:
    shapes = [
        {
            "label": t.label,
            "points": [[t.x2, t.y2], [t.x1, t.y1]] if shape == "rectangle" else [list(corner) for corner in t.corners],
            "group_id": None,
            "shape_type": shape,
            "flags": {},
        }
        for t in scene.things
    ]
    return dump({"version": "5.3.1", "flags": {}, "shapes": shapes, "imagePath": f"..\\images\\{scene.stem}.png",
                 "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH})  # fmt: skip


def label_studio(shape: str) -> bytes:
    tasks = []
    for number, scene in enumerate(SCENES, start=1):
        result = []
        for at, t in enumerate(scene.things):
            x, y = 100 / WIDTH, 100 / HEIGHT
            value: dict[str, Any] = {
                "x": t.x1 * x,
                "y": t.y1 * y,
                "width": (t.x2 - t.x1) * x,
                "height": (t.y2 - t.y1) * y,
                "rotation": 0,
                "rectanglelabels": [t.label],
            }
            if shape == "polygon":
                value = {"points": [[cx * x, cy * y] for cx, cy in t.corners], "polygonlabels": [t.label]}
            result.append({"id": f"r{at}", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
                           "original_width": WIDTH, "original_height": HEIGHT, "value": value})  # fmt: skip
        wrong = {"id": 900 + number, "was_cancelled": True, "result": result}
        tasks.append({"id": number, "data": {"image": f"/data/upload/1/1a2b3c4d-{scene.stem}.png"},
                      "annotations": [{"id": number, "was_cancelled": False, "result": result}, wrong],
                      "predictions": [{"result": result}]})  # fmt: skip
    return dump(tasks)


def via() -> bytes:
    held = {}
    for scene in SCENES:
        regions = [
            {"shape_attributes": {"name": "rect", "x": t.x1, "y": t.y1, "width": t.x2 - t.x1, "height": t.y2 - t.y1},
             "region_attributes": {"type": t.label}}
            for t in scene.things
        ]  # fmt: skip
        size = len(scene.png())
        held[f"{scene.stem}.png{size}"] = {
            "filename": f"{scene.stem}.png",
            "size": size,
            "regions": regions,
            "file_attributes": {},
        }
    return dump(held)


def supervisely(scene: Scene, shape: str) -> bytes:
    objects = []
    for t in scene.things:
        entry: dict[str, Any] = {"classTitle": t.label, "geometryType": shape, "tags": [],
                                 "points": {"exterior": [[t.x1, t.y1], [t.x2 - 1, t.y2 - 1]]}}  # fmt: skip
        if shape == "bitmap":
            inside = np.full((t.y2 - t.y1, t.x2 - t.x1), 255, np.uint8)
            packed = base64.b64encode(zlib.compress(encode(inside))).decode()
            entry = {
                "classTitle": t.label,
                "geometryType": "bitmap",
                "bitmap": {"data": packed, "origin": [t.x1, t.y1]},
            }
        objects.append(entry)
    return dump({"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}, "objects": objects})


def centred(t: Thing) -> tuple[float, ...]:
    return (t.x1 + t.x2) / 2, (t.y1 + t.y2) / 2, t.x2 - t.x1, t.y2 - t.y1


def createml() -> bytes:
    return dump([
        {"image": f"{s.stem}.png", "annotations": [
            {"label": t.label, "coordinates": dict(zip(("x", "y", "width", "height"), centred(t), strict=True))}
            for t in s.things]}
        for s in SCENES
    ])  # fmt: skip


def mot(base: int) -> bytes:
    rows = [
        f"{number + base},{at + 1},{t.x1 + base},{t.y1 + base},{t.x2 - t.x1},{t.y2 - t.y1},1,1,1.0"
        for number, scene in enumerate(SCENES)
        for at, t in enumerate(scene.things)
    ]
    return "\n".join([*rows, f"{1 + base},77,{base},{base},9,9,0,1,1.0"]).encode()


# --- tables -----------------------------------------------------------------------------------------------------


def table_layouts() -> Iterable[Layout]:
    shots = pictures()
    corners = [[f"{s.stem}.png", WIDTH, HEIGHT, t.label, *t.box] for s in SCENES for t in s.things]
    header = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]
    yield Layout("csv of TensorFlow", {"labels.csv": table(header, corners), **shots}, {"boxes.frame": "edges"})
    sized = [[s.stem, t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1, t.label] for s in SCENES for t in s.things]
    yield Layout(
        "csv with sizes, stems alone",
        {"boxes.csv": table(["patientId", "x", "y", "width", "height", "Target"], sized), **shots},
    )
    german = [
        [f"{s.stem}.png", t.label, *(str(v + 0.5).replace(".", ",") for v in t.box)] for s in SCENES for t in s.things
    ]
    comma = "\ufeff".encode() + table(
        ["image_id", "class_name", "x_min", "y_min", "x_max", "y_max"], german, ";", "\r\n"
    )
    yield Layout("csv with decimal commas", {"train.csv": comma, **shots}, exact=False)
    fractions = [
        [f"{s.stem}.png", t.label, t.x1 / WIDTH, t.y1 / HEIGHT, t.x2 / WIDTH, t.y2 / HEIGHT]
        for s in SCENES
        for t in s.things
    ]
    yield Layout(
        "csv of fractions", {"a.csv": table(["image", "label", "xmin", "ymin", "xmax", "ymax"], fractions), **shots}
    )
    none = [[f"{s.stem}.png", "none", "", "", "", ""] for s in SCENES if not s.things]
    yield Layout(
        "csv with rows without a box",
        {
            "a.csv": table(
                ["image", "label", "x1", "y1", "x2", "y2"], [*(row[:1] + row[3:] for row in corners), *none]
            ),
            **shots,
        },
        {"boxes.frame": "edges"},
    )
    listed = [
        [f"{s.stem}.png", json.dumps([t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1]), t.label] for s in SCENES for t in s.things
    ]
    yield Layout(
        "csv with boxes in one cell",
        {"train.csv": table(["image_id", "bbox", "label"], listed), **shots},
        {"boxes.form": "xywh"},
    )


def hub_layouts() -> Iterable[Layout]:
    rows = [
        {"image": {"bytes": s.png(), "path": f"{s.stem}.png"}, "objects": {
            "bbox": [[float(t.x1), t.y1, t.x2 - t.x1, t.y2 - t.y1] for t in s.things],
            "category": [LABELS.index(t.label) for t in s.things]}}
        for s in SCENES
    ]  # fmt: skip
    box = pa.list_(pa.list_(pa.float32()))
    fields = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("image", fields), ("objects", pa.struct([("bbox", box), ("category", pa.list_(pa.int64()))]))])
    named = {"info": {"features": {"image": {"_type": "Image"}, "objects": {"bbox": {}, "category": {
        "feature": {"_type": "ClassLabel", "names": list(LABELS)}, "_type": "Sequence"}}}}}  # fmt: skip
    named_table = pa.Table.from_pylist(rows, schema=schema.with_metadata({"huggingface": json.dumps(named)}))
    form = {"boxes.form": "xywh"}
    yield Layout("parquet of the Hub", {"data/train-00000-of-00001.parquet": parquet(named_table)}, form)
    nameless = pa.Table.from_pylist(rows, schema=schema)
    yield Layout("parquet without names", {"a.parquet": parquet(nameless)}, {**form, "classes": list(LABELS)})
    lines = [
        json.dumps({"file_name": f"{s.stem}.png", "objects": {
            "bbox": [[t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1] for t in s.things],
            "categories": [t.label for t in s.things]}})
        for s in SCENES
    ]  # fmt: skip
    folder = {"train/metadata.jsonl": "\n".join(lines).encode(), **pictures(lambda s: f"train/{s.stem}.png")}
    yield Layout("imagefolder", folder, form)


def parquet(held: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(held, buffer)
    return buffer.getvalue()


def older_layouts() -> Iterable[Layout]:
    shots = pictures()
    yield Layout("labelme 3.0", {f"Annotations/{s.stem}.xml": labelme_xml(s) for s in SCENES} | shots)
    frames = {f"images/frame_{at:06d}.png": s.png() for at, s in enumerate(SCENES)}
    yield Layout("cvat video", {"annotations.xml": cvat_video(), **frames})
    binary = {f"SegmentationObject/{s.stem}.png": encode(_numbered(s)) for s in SCENES}
    both = {f"VOC/Annotations/{s.stem}.xml": voc(s, 0, 0) for s in SCENES}
    yield Layout(
        "voc with masks", {**binary, **both, **pictures(lambda s: f"VOC/JPEGImages/{s.stem}.png")}, {"format": "voc"}
    )
    opaque = {}
    for scene in SCENES:
        rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        rgba[..., :3] = (_numbered(scene) > 0)[..., None] * np.uint8(255)
        rgba[..., 3] = 255
        opaque[f"masks/{scene.stem}.png"] = encode(rgba)
    answers = {"masks.label": "cell", "masks.object": "component"}
    yield Layout("masks with an opaque alpha", {**opaque, **shots}, answers, {"cell": 9})
    lossy = {}
    for scene in SCENES:
        buffer = io.BytesIO()
        Image.fromarray((_numbered(scene) > 0).astype(np.uint8) * np.uint8(255)).save(buffer, "JPEG", quality=95)
        lossy[f"masks/{scene.stem}.jpg"] = buffer.getvalue()
    yield Layout("masks as JPEG", {**lossy, **shots}, answers, {"cell": 9})
    two = {f"a/{s.stem}.xml": voc(s, 0, 0) for s in SCENES} | {f"b/{s.stem}.xml": voc(s, 0, 0, ".0") for s in SCENES}
    yield Layout("voc twice", {**two, **shots}, {"annotations": "a/{stem}.xml"})


def labelme_xml(scene: Scene) -> bytes:
    objects = "".join(
        f"<object><name>{t.label}</name><deleted>0</deleted><verified>0</verified><id>{at}</id><polygon>"
        + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in t.corners)
        + "</polygon></object>"
        for at, t in enumerate(scene.things)
    )
    gone = "<object><name>rbc</name><deleted>1</deleted><polygon><pt><x>1</x><y>1</y></pt></polygon></object>"
    size = f"<imagesize><nrows>{HEIGHT}</nrows><ncols>{WIDTH}</ncols></imagesize>"
    return f"<annotation><filename>{scene.stem}.png</filename><folder/>{objects}{gone}{size}</annotation>".encode()


def cvat_video() -> bytes:
    tracks = []
    for frame, scene in enumerate(SCENES):
        for t in scene.things:
            place = f'xtl="{t.x1}" ytl="{t.y1}" xbr="{t.x2}" ybr="{t.y2}"'
            shapes = "".join(
                f'<box frame="{frame + later}" outside="{later}" keyframe="1" occluded="0" {place} z_order="0"/>'
                for later in (0, 1)
            )
            tracks.append(f'<track id="{len(tracks)}" label="{t.label}" source="manual">{shapes}</track>')
    return f"<annotations><meta><task><mode>interpolation</mode></task></meta>{''.join(tracks)}</annotations>".encode()


def table(header: list[str], rows: list[list[Any]], delimiter: str = ",", end: str = "\n") -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    writer.writerows([header, *rows])
    return buffer.getvalue().encode()


def all_layouts() -> list[Layout]:
    makers = (voc_layouts, coco_layouts, yolo_layouts, mask_layouts, tool_layouts, table_layouts, hub_layouts)
    makers += (older_layouts,)
    return [layout for make in makers for layout in make()]
