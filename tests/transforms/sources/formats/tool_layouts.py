"""Annotations other than plain boxes: brushes, tracks, skeletons, circles, JSON lines, tables without headers."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from tests.transforms.sources.formats.dataset_layouts import spans
from tests.transforms.sources.formats.layouts import (
    Files,
    Layout,
    coco,
    dump,
    parquet,
    pictures,
    supervisely,
    table,
    voc,
    yolo,
)
from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, Scene, Thing

CELLS = {"cell": sum(COUNTS.values())}


def tables() -> Iterable[Layout]:
    """Tables without header, wide tables, lines of JSON."""
    shots = pictures()
    plain = [[f"{s.stem}.png", *spans(t), t.label] for s in SCENES for t in s.things]
    rows = "\n".join(",".join(map(str, row)) for row in plain).encode()
    fields = {"image": "1", "x1": "2", "y1": "3", "x2": "4", "y2": "5", "label": "6"}
    named = {"boxes.form": "xyxy", "boxes.frame": "edges"}
    yield Layout("csv without header", {"train.csv": rows, **shots}, {"fields": fields, **named})
    sense = [
        [t.label, t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1, f"{s.stem}.png", WIDTH, HEIGHT]
        for s in SCENES
        for t in s.things
    ]
    rows = "\n".join(",".join(map(str, row)) for row in sense).encode()
    fields = {"label": "1", "x1": "2", "y1": "3", "x2": "4", "y2": "5", "image": "6"}
    yield Layout("csv of MakeSense", {"labels.csv": rows, **shots}, {"fields": fields, "boxes.form": "xywh"})
    lines = ["{" + f'"image": "{s.stem}.png", "boxes": {json.dumps([spans(t) for t in s.things])}, '
             f'"labels": {json.dumps([t.label for t in s.things])}' + "}" for s in SCENES]  # fmt: skip
    answers = {"boxes.form": "xyxy", "boxes.frame": "edges"}
    yield Layout("lines of json", {"train.jsonl": "\n".join(lines).encode(), **shots}, answers)
    lines = [json.dumps({"filename": f"images/{s.stem}.png", "height": HEIGHT, "detection": {"instances": [
        {"bbox": spans(t), "label": LABELS.index(t.label), "category": t.label} for t in s.things]}})
        for s in SCENES]  # fmt: skip
    yield Layout("odvg", {"train_odvg.jsonl": "\n".join(lines).encode(), **shots}, answers)
    lines = [json.dumps({"images": [f"images/{s.stem}.png"], "messages": [{"role": "user", "content": "<image>where?"}],
        "objects": {"ref": [t.label for t in s.things], "bbox": [spans(t) for t in s.things]}})
        for s in SCENES]  # fmt: skip
    yield Layout("grounding of ms-swift", {"train.jsonl": "\n".join(lines).encode(), **shots}, answers)
    wide = [[f"{s.stem}.png", json.dumps([[t.label, *spans(t)] for t in s.things])] for s in SCENES]
    yield Layout(
        "csv, a cell of many boxes", {"a.csv": table(["image", "boxes"], wide), **shots}, refused="not_read_table"
    )
    many: list[list[Any]] = [
        ["image", *(f"{key}{n}" for n in (1, 2, 3) for key in ("label_", "xmin_", "ymin_", "xmax_", "ymax_"))]
    ]
    for scene in SCENES:
        cells = [value for t in scene.things for value in (t.label, *spans(t))]
        many.append([f"{scene.stem}.png", *cells, *[""] * (15 - len(cells))])
    yield Layout("csv, columns of many boxes", {"a.csv": table(many[0], many[1:]), **shots}, answers)
    cells = {s.stem: [",".join(map(str, [*spans(t), LABELS.index(t.label)])) for t in s.things] for s in SCENES}
    keras = [" ".join([f"images/{stem}.png", *held]) for stem, held in cells.items()]
    held = {"train.txt": "\n".join(keras).encode(), "classes.txt": "\n".join(LABELS).encode()}
    yield Layout("keras-yolo lines", {**held, **shots}, {"boxes.frame": "edges"})
    array = [
        {"image": f"{s.stem}.png", "objects": [{"class": t.label, "box": spans(t)} for t in s.things]} for s in SCENES
    ]
    yield Layout("a list of pictures with objects", {"all.json": dump(array), **shots}, answers)
    chest = [{"file_name": f"{s.stem}.png", "syms": [t.label for t in s.things], "boxes": [spans(t) for t in s.things],
              "polygons": [[list(c) for c in t.corners] for t in s.things]} for s in SCENES]  # fmt: skip
    yield Layout("chestx-det", {"train.json": dump(chest), **shots}, answers)


def hubs() -> Iterable[Layout]:
    rows = [{"image": {"bytes": s.png(), "path": f"{s.stem}.png"}, "objects": {
        "bbox": [[float(v) for v in spans(t)] for t in s.things], "category": [t.label for t in s.things]}}
        for s in SCENES]  # fmt: skip
    held = {"data/train-00000.parquet": parquet(pa.Table.from_pylist(rows))}
    yield Layout("parquet of corners", held, {"boxes.form": "xyxy", "boxes.frame": "edges"})
    held = {s.stem: {"bbox": [spans(t) for t in s.things], "categories": [t.label for t in s.things]} for s in SCENES}
    lines = [[f"{stem}.png", json.dumps(objects)] for stem, objects in held.items()]
    folder = {"train/metadata.csv": table(["file_name", "objects"], lines)}
    yield Layout("imagefolder of csv", {**folder, **pictures(lambda s: f"train/{s.stem}.png")},
                 {"boxes.form": "xyxy", "boxes.frame": "edges"})  # fmt: skip


def yolos() -> Iterable[Layout]:
    labels = {f"labels/{s.stem}.txt": yolo(s) for s in SCENES}
    shots = pictures()
    paths = {s: f"/home/somebody/cells/images/{s.stem}.png" for s in SCENES}
    lists = {
        f"{split}.txt": "\n".join(path for s, path in paths.items() if s.split == split).encode()
        for split in ("train", "val", "test")
    }
    for kind, names in (
        ("list", list(LABELS)),
        ("dict", dict(enumerate(LABELS))),
        ("text keys", {str(at): n for at, n in enumerate(LABELS)}),
    ):
        held = {
            "data.yaml": dump(
                {"path": "/home/somebody/cells", "train": "train.txt", "val": "val.txt", "nc": 3, "names": names}
            )
        }
        yield Layout(f"yolo, names as {kind}", {**labels, **shots, **held, **lists})
    yml = {"dataset.yml": b"train: ../images/train  # relative\nval: ../val\nnc: 3\nnames:\n- rbc\n- wbc\n- platelet\n"}
    yield Layout("yolo of a yml", {**labels, **shots, **yml})
    confident = {name: b"\n".join(line + b" 0.98" for line in data.splitlines()) for name, data in labels.items()}
    yield Layout("yolo with scores", {**confident, **shots, **yml})
    notes = {"notes.json": dump({"categories": [{"id": at, "name": name} for at, name in enumerate(LABELS)],
                                 "info": {"year": 2024, "version": "1.0", "contributor": "Label Studio"}}),
             "classes.txt": "\n".join(LABELS).encode()}  # fmt: skip
    yield Layout("yolo of Label Studio", {**labels, **shots, **notes})


def splits_of_coco() -> Iterable[Layout]:
    parts = {split: coco([s for s in SCENES if s.split == split]) for split in ("train", "val", "test")}
    held = {f"{split}.json": dump(part) for split, part in parts.items()}
    yield Layout("coco by split beside pictures", {**held, **pictures()})
    whole = {**{f"ann/{name}": data for name, data in held.items()}, "ann/all.json": dump(coco(SCENES))}
    yield Layout("coco by split and of all", {**whole, **pictures()}, {"annotations": "ann/all.json"})
    results = [{"image_id": 10, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    yield Layout("coco with results", {"a.json": dump(coco(SCENES)), "results.json": dump(results), **pictures()})
    scored = coco(SCENES)
    for entry in scored["annotations"]:
        entry["score"] = 0.7
    skeleton = coco(SCENES)
    for entry in skeleton["annotations"]:
        entry |= {"keypoints": [0, 0, 0, entry["bbox"][0] + 1, entry["bbox"][1] + 1, 2], "num_keypoints": 1}
    yield Layout("coco with key points", {"person_keypoints.json": dump(skeleton), **pictures()})
    nested = {"data": coco(SCENES)}
    yield Layout("coco below a key", {"a.json": dump(nested), **pictures()}, refused="not_read_json")


def videos() -> Iterable[Layout]:
    """Tracks of CVAT between key frames, and skeletons."""
    frames = {f"images/frame_{at:06d}.png": s.png() for at, s in enumerate(SCENES)}
    rest = 'occluded="0" outside="{}" keyframe="1" z_order="0"'
    box = "".join(
        f'<box frame="{f}" xtl="{10 + f}" ytl="5" xbr="{30 + f}" ybr="25" {rest.format(out)}/>'
        for f, out in ((0, 0), (2, 0), (3, 1), (4, 0))
    )
    skeleton = "".join(
        f'<skeleton frame="{f}" keyframe="1" z_order="0"><points label="1" outside="0" occluded="0" points="5.0,6.0"/>'
        '<points label="2" outside="0" occluded="0" points="15.0,26.0"/></skeleton>' for f in (0, 1)
    )  # fmt: skip
    xml = f'<annotations><meta><job><size>5</size></job></meta><track id="0" label="cell">{box}</track>'
    yield Layout("cvat video, hidden between", {"a.xml": f"{xml}</annotations>".encode(), **frames},
                 {"interpolate": "linear"}, {"cell": 4}, exact=False)  # fmt: skip
    both = f'{xml}<track id="1" label="person">{skeleton}</track></annotations>'.encode()
    yield Layout(
        "cvat video with skeletons", {"a.xml": both, **frames}, {"interpolate": "linear"}, {"cell": 4}, exact=False
    )


def shapes() -> Iterable[Layout]:
    """Circles, ellipses, turned boxes, brushes, groups."""
    shots = pictures()
    rounds = [circle_of(t) for s in SCENES for t in s.things]
    assert rounds
    held = {f"images/{s.stem}.json": labelme_circles(s) for s in SCENES}
    yield Layout("labelme circles", {**held, **shots}, {"shapes.ellipse": "polygon"}, exact=False)
    groups = {f"images/{s.stem}.json": labelme_halves(s) for s in SCENES}
    yield Layout("labelme groups", {**groups, **shots}, {"shapes.grouped": "one"})
    for shape in ("ellipse", "circle"):
        via = {f"{s.stem}.png-1": {"filename": f"{s.stem}.png", "size": -1, "file_attributes": {}, "regions": [
            {"shape_attributes": {"name": shape, **via_round(shape, t)}, "region_attributes": {"label": t.label}}
            for t in s.things]} for s in SCENES}  # fmt: skip
        yield Layout(f"via {shape}", {"via.json": dump(via), **shots}, {"shapes.ellipse": "polygon"}, exact=False)
    via = {f"{s.stem}.png-1": {"filename": f"{s.stem}.png", "size": -1, "file_attributes": {}, "regions": [
        {"shape_attributes": {"name": "polygon", "all_points_x": [x for x, _ in t.corners],
                              "all_points_y": [y for _, y in t.corners]},
         "region_attributes": {"label": {t.label: True}}} for t in s.things]} for s in SCENES}  # fmt: skip
    yield Layout("via polygons, label of check boxes", {"via.json": dump(via), **shots})
    yield Layout("label studio brushes", {"export.json": brushes(), **shots})
    yield Layout(
        "label studio ellipses", {"export.json": ellipses(), **shots}, {"shapes.ellipse": "polygon"}, exact=False
    )
    xml = "".join(f'<image id="{n}" name="{s.stem}.png" width="{WIDTH}" height="{HEIGHT}">' + "".join(
        f'<mask label="{t.label}" rle="{mask_runs(t)}" left="{t.x1}" top="{t.y1}" width="{t.x2 - t.x1}" '
        f'height="{t.y2 - t.y1}"/>'
        for t in s.things) + "</image>" for n, s in enumerate(SCENES))  # fmt: skip
    yield Layout("cvat masks", {"a.xml": f"<annotations><version>1.1</version>{xml}</annotations>".encode(), **shots})
    boxed = {f"p/ds{n % 2}/ann/{s.stem}.png.json": supervisely(s, "bitmap") for n, s in enumerate(SCENES)}
    images = {f"p/ds{n % 2}/img/{s.stem}.png": s.png() for n, s in enumerate(SCENES)}
    yield Layout("supervisely of two data sets", {**boxed, **images}, {"groups.group": "picture"})


def circle_of(t: Thing) -> tuple[float, float, float]:
    return (t.x1 + t.x2) / 2, (t.y1 + t.y2) / 2, min(t.x2 - t.x1, t.y2 - t.y1) / 2


def labelme_circles(scene: Scene) -> bytes:
    held = [{"label": t.label, "shape_type": "circle", "group_id": None, "flags": {},
             "points": [list(circle_of(t)[:2]), [circle_of(t)[0] + circle_of(t)[2], circle_of(t)[1]]]}
            for t in scene.things]  # fmt: skip
    held.append(
        {"label": "scale bar", "shape_type": "linestrip", "group_id": None, "flags": {}, "points": [[1, 1], [9, 1]]}
    )
    return dump({"version": "5.0.1", "shapes": held, "imagePath": f"{scene.stem}.png", "imageData": None,
                 "imageHeight": HEIGHT, "imageWidth": WIDTH})  # fmt: skip


def labelme_halves(scene: Scene) -> bytes:
    """Each object in two rectangles of one group."""
    held = []
    for number, t in enumerate(scene.things):
        middle = (t.x1 + t.x2) // 2
        for x1, x2 in ((t.x1, middle), (middle, t.x2)):
            held.append({"label": t.label, "shape_type": "polygon", "group_id": number, "flags": {},
                         "points": [[x1, t.y1], [x2, t.y1], [x2, t.y2], [x1, t.y2]]})  # fmt: skip
    return dump({"version": "5.0.1", "shapes": held, "imagePath": f"{scene.stem}.png", "imageData": None,
                 "imageHeight": HEIGHT, "imageWidth": WIDTH})  # fmt: skip


def via_round(shape: str, t: Thing) -> dict[str, float]:
    x, y, radius = circle_of(t)
    if shape == "circle":
        return {"cx": x, "cy": y, "r": radius}
    return {"cx": x, "cy": y, "rx": (t.x2 - t.x1) / 2, "ry": (t.y2 - t.y1) / 2, "theta": 0}


def studio(results: Callable[[Scene], list[dict[str, Any]]]) -> bytes:
    return dump([{"id": n, "data": {"image": f"/data/upload/1/0badcafe-{s.stem}.png"}, "annotations": [
        {"id": n, "was_cancelled": False, "result": results(s)}]} for n, s in enumerate(SCENES, 1)])  # fmt: skip


def ellipses() -> bytes:
    return studio(lambda s: [{"type": "ellipselabels", "original_width": WIDTH, "original_height": HEIGHT, "value": {
        "x": 50 * (t.x1 + t.x2) / WIDTH, "y": 50 * (t.y1 + t.y2) / HEIGHT, "radiusX": 50 * (t.x2 - t.x1) / WIDTH,
        "radiusY": 50 * (t.y2 - t.y1) / HEIGHT, "rotation": 0, "ellipselabels": [t.label]}}
        for t in s.things])  # fmt: skip


def brushes() -> bytes:
    return studio(lambda s: [{"type": "brushlabels", "original_width": WIDTH, "original_height": HEIGHT, "value": {
        "format": "rle", "rle": brush_runs(t.mask() * 255), "brushlabels": [t.label]}} for t in s.things])  # fmt: skip


def brush_runs(mask: Any) -> list[int]:
    """Label Studio's code of RGBA values: count, word size, run sizes, then runs, in a stream of bits."""
    values = np.repeat(mask.ravel(), 4).tolist()
    bits = f"{len(values):032b}{7:05b}{2:04b}{7:04b}{11:04b}{15:04b}"
    at = 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at] and end - at < 1 << 16:
            end += 1
        bits += f"1{3:02b}{end - at - 1:016b}{values[at]:08b}"
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def mask_runs(t: Thing) -> str:
    """CVAT: background first, row by row inside the box."""
    return f"0, {(t.x2 - t.x1) * (t.y2 - t.y1)}"


def tool_layouts() -> list[Layout]:
    makers = (tables, hubs, yolos, splits_of_coco, videos, shapes)
    return [layout for make in makers for layout in make()]


__all__ = ["Files", "tool_layouts", "voc"]
