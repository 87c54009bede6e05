"""Quirks of writers are read right, asked, or refused by name: never wrong without a word."""

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.reading.shapes import extent
from medmultipoints.transforms.sources.registry import find_format
from tests.members import MemoryMembers
from tests.transforms.sources.formats.dataset_layouts import numbered
from tests.transforms.sources.formats.layouts import (
    Files,
    centred,
    coco,
    dump,
    label_studio,
    labelme,
    parquet,
    pictures,
    table,
    voc,
)
from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, Scene, Thing, boxes, encode

NAMES = b"names: [rbc, wbc, platelet]\n"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def inspect(files: Files, stated: Mapping[str, Any] | None = None) -> Inspection:
    return inspect_source(MemoryMembers(files), nest_keys(stated or {}))


def asked(found: Inspection) -> list[str]:
    return [question.key for question in found.questions]


def hints(found: Inspection) -> dict[str, str]:
    return {hint.key: hint.text for hint in found.hints}


def read(files: Files, found: Inspection) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Label and rounded box of each object by the stem of its picture."""
    declaration = declare(found.used)
    held: dict[str, list[tuple[str, tuple[int, ...]]]] = {scene.stem: [] for scene in SCENES}
    for picture in find_format(declaration.format).read(declaration, MemoryMembers(files)):
        if isinstance(picture, AnnotatedPicture):
            stem = picture.name.rpartition("/")[2].removesuffix(".png")
            for annotation in picture.annotations:
                box = extent(annotation.polygons) if annotation.polygons else annotation.box
                assert box is not None
                held[stem].append((annotation.label, tuple(round(side) for side in box)))
            held[stem].sort()
    return held


def coco_with(change: Callable[[dict[str, Any]], None], shape: str = "box", **lists: Any) -> Files:
    held = coco(SCENES, shape)
    for entry in held["annotations"]:
        change(entry)
    return {"a.json": dump({**held, **lists}), **pictures()}


def yolo_lines(line: Callable[[Thing], list[Any]], separator: str = " ") -> Files:
    files = {
        f"labels/{scene.stem}.txt": "\n".join(separator.join(map(str, line(thing))) for thing in scene.things).encode()
        for scene in SCENES
        if scene.things
    }
    return {"data.yaml": NAMES, **files, **pictures()}


def number(thing: Thing) -> int:
    return LABELS.index(thing.label)


def fractions(thing: Thing) -> list[float]:
    return [value / side for value, side in zip(centred(thing), (WIDTH, HEIGHT) * 2, strict=True)]


def as_corners(entry: dict[str, Any]) -> None:
    x, y, w, h = entry["bbox"]
    entry["bbox"] = [x, y, x + w, y + h]


def as_text(entry: dict[str, Any]) -> None:
    entry["bbox"] = str(entry["bbox"])


def as_flat(entry: dict[str, Any]) -> None:
    entry["segmentation"] = entry["segmentation"][0]


def xml(change: Callable[[bytes], bytes]) -> Files:
    return {f"Annotations/{s.stem}.xml": change(voc(s, 0, 0, ".5")) for s in SCENES} | pictures()


def rotated(scene: Scene) -> bytes:
    objects = "".join(
        f"<object><name>{t.label}</name><robndbox>"
        + "".join(f"<{w}>{v}</{w}>" for w, v in zip(("cx", "cy", "w", "h"), centred(t), strict=True))
        + "<angle>0.0</angle></robndbox></object>"
        for t in scene.things
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    return f"<annotation><filename>{scene.stem}</filename>{size}{objects}</annotation>".encode()


def datumaro() -> Files:
    items = [
        {
            "id": s.stem,
            "annotations": [
                {"type": "bbox", "label_id": number(t), "bbox": [t.x1 + 0.0, t.y1, t.x2 - t.x1, t.y2 - t.y1]}
                for t in s.things
            ],
            "image": {"path": f"{s.stem}.png"},
        }
        for s in SCENES
    ]
    categories = {"label": {"labels": [{"name": name, "parent": ""} for name in LABELS]}}
    return {"a/default.json": dump({"categories": categories, "items": items}), **pictures()}


def bdd() -> Files:
    rows = [
        {
            "name": f"{s.stem}.png",
            "labels": [
                {
                    "category": t.label,
                    "manualShape": True,
                    "box2d": dict(zip(("x1", "y1", "x2", "y2"), t.box, strict=True)),
                }
                for t in s.things
            ],
        }
        for s in SCENES
    ]
    return {"bdd.json": dump(rows), **pictures()}


RIGHT: dict[str, Files] = {
    "COCO with corners, proved by areas": coco_with(as_corners),
    "COCO with corners, proved by outlines": coco_with(as_corners, "polygon"),
    "COCO with boxes as text": coco_with(as_text),
    "COCO with one flat outline": coco_with(as_flat, "polygon"),
    "YOLO with commas": yolo_lines(lambda t: [number(t), *fractions(t)], ", "),
    "YOLO with a track": yolo_lines(lambda t: [number(t), *fractions(t), 7]),
    "YOLO poses without kpt_shape": yolo_lines(lambda t: [number(t), *fractions(t), 0.5, 0.5, 2, 0, 0, 0]),
    "pixels after a class number": yolo_lines(lambda t: [number(t), *centred(t)]),
    "VOC with a namespace": xml(lambda text: text.replace(b"<annotation>", b'<annotation xmlns="urn:x">')),
    "VOC in GB2312": xml(lambda text: b'<?xml version="1.0" encoding="gb2312"?>' + text),
    "roLabelImg": {f"{s.stem}.xml": rotated(s) for s in SCENES} | pictures(),
    "Datumaro": datumaro(),
    "names as addresses": {
        "a.json": dump(coco(SCENES, path=lambda s: f"s3://bucket/cell%5F{s.stem[5:]}.png?X-Amz-Date=1")), **pictures()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_files_prove_is_read_right_without_a_question(name: str) -> None:
    """Labels and boxes are exact, and nothing is asked but what no file can tell."""
    found = inspect(RIGHT[name])
    assert asked(found) == []
    held = read(RIGHT[name], found)
    assert {stem: [(a, tuple(map(round, b))) for a, b in rows] for stem, rows in boxes().items()} == held or (
        name.startswith("VOC") and dict(found.objects) == COUNTS
    )


ASKED: dict[str, tuple[Files, dict[str, Any]]] = {
    "COCO without categories": (
        {"a.json": dump({k: v for k, v in coco(SCENES).items() if k != "categories"}), **pictures()},
        {"classes": ["", *LABELS]},
    ),
    "COCO with category numbers one too low": (
        coco_with(lambda entry: entry.update(category_id=entry["category_id"] - 1)),
        {"classes": list(LABELS)},
    ),
    "YOLO with corners": (
        yolo_lines(lambda t: [number(t), t.x1 / WIDTH, t.y1 / HEIGHT, t.x2 / WIDTH, t.y2 / HEIGHT]),
        {"boxes.form": "xyxy"},
    ),
    "YOLO with angles": (
        yolo_lines(lambda t: [number(t), *fractions(t), -3.141592653589793]),
        {"shapes.outline": "oriented"},
    ),
    "BDD100K": (bdd(), {"boxes.frame": "edges"}),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_no_file_proves_is_asked_and_the_answer_is_read(name: str) -> None:
    """The question has the key of the answer; with it, labels and boxes are exact."""
    files, answers = ASKED[name]
    assert set(answers) <= set(asked(inspect(files))) or name == "BDD100K"
    found = inspect(files, answers)
    assert not set(answers) & set(asked(found)) and read(files, found) == boxes()


def swapped(entry: dict[str, Any]) -> None:
    entry["segmentation"] = [[value for at in range(0, 8, 2) for value in entry["segmentation"][0][at : at + 2][::-1]]]


def turned_regions() -> Files:
    tasks = json.loads(label_studio("box"))
    for task in tasks:
        for region in task["annotations"][0]["result"]:
            region["image_rotation"] = 90
    return {"tasks.json": dump(tasks), **pictures(lambda s: f"{s.stem}.png")}


TOLD: dict[str, tuple[Files, str]] = {
    "COCO with outlines in y, x": (coco_with(swapped, "polygon"), "outlines_contradict"),
    "COCO of other pictures' sizes": (
        {"a.json": dump(coco(SCENES)), **{k: encode(np.zeros((45, 60, 3), np.uint8)) for k in pictures()}},
        "sizes_differ",
    ),
    "LabelMe of other pictures' sizes": (
        {f"images/{s.stem}.json": labelme(s, "rectangle") for s in SCENES}
        | {k: encode(np.zeros((45, 60, 3), np.uint8)) for k in pictures()},
        "sizes_differ",
    ),
    "Label Studio with turned pictures": (turned_regions(), "picture_turned"),
    "pictures of a kind that is not read": (
        {"a.json": dump(coco(SCENES, path=lambda s: f"{s.stem}.ppm")), "x.ppm": b"P6 1 1 255\nabc", **pictures()},
        "pictures_not_read",
    ),
    "predictions in a table": (
        {"p.csv": table(["image", "label", *CORNERS, "score"],
                        [[f"{s.stem}.png", t.label, *t.box, 0.7] for s in SCENES for t in s.things]), **pictures()},
        "confidences",
    ),
    "a table of another size": (
        {"p.csv": table(["image", "width", "height", "label", *CORNERS],
                        [[f"{s.stem}.png", 240, 180, t.label, *t.box] for s in SCENES for t in s.things]),
         **pictures()},
        "sizes_differ",
    ),
    "a list of WIDER FACE": ({"gt.txt": b"cell_001.png\n1\n1 2 3 4 0 0\n", **pictures()}, "not_read_lines"),
    "an Arrow file": ({"d/data.arrow": b"\xff\xff\xff\xff\x00\x01", **pictures()}, "not_read_arrow"),
    "text lines of rows by picture": (
        {f"a/{s.stem}.txt": b"\n".join(b"1,2,9,9,1,4,0,0" for _ in range(3)) for s in SCENES} | pictures(),
        "not_read_table",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_cannot_be_right_is_named(name: str) -> None:
    """A hint has the key of what is odd."""
    files, key = TOLD[name]
    assert key in hints(inspect(files))


def test_outlines_far_from_their_box_are_rejected() -> None:
    """Row-major run lengths of a box elsewhere do not become an object."""
    files = coco_with(lambda entry: entry.update(bbox=[100, 80, 5, 5]) if entry["id"] == 2 else None, "polygon")
    found = inspect(files)
    assert "outline_contradicts_box" in hints(found) and sum(found.objects.values()) == sum(COUNTS.values()) - 1


def test_labels_written_as_numbers_stay_apart() -> None:
    """``001`` and ``1`` are names, not one class number; a number as label of LabelMe is a name."""
    rows = [["cell_001.png", "001", 1.5, 2, 9, 9], ["cell_001.png", "1", 20.5, 2, 29, 9]]
    found = inspect({"t.csv": table(["image", "label", *CORNERS], rows), **pictures()})
    assert dict(found.objects) == {"001": 1, "1": 1} and asked(found) == []
    held = json.loads(labelme(SCENES[0], "rectangle"))
    held["shapes"][0]["label"] = 7
    assert inspect({"images/cell_001.json": dump(held), **pictures()}).objects["7"] == 1


def test_four_numbers_in_a_cell_are_a_box_and_no_run_lengths() -> None:
    """Their order is not known if the column does not say it."""
    rows = [[f"{s.stem}.png", t.label, f"{t.y1} {t.x1} {t.y2} {t.x2}"] for s in SCENES for t in s.things]
    assert inspect({"t.csv": table(["image", "label", "place"], rows), **pictures()}).read.get("format") is None


def test_regions_of_several_labels_are_an_object_of_each() -> None:
    """A region of Label Studio that is both counts for both, and is named."""
    tasks = json.loads(label_studio("box"))
    region = tasks[0]["annotations"][0]["result"][0]["value"]
    key = next(key for key in region if key.endswith("labels"))
    region[key] = [region[key][0], "second"]
    found = inspect({"tasks.json": dump(tasks), **pictures(lambda s: f"{s.stem}.png")})
    assert found.objects["second"] == 1 and "labels_several" in hints(found)


@pytest.mark.parametrize("flag", ["iscrowd", "is_group_of", "crowd"])
def test_regions_of_many_objects_in_json_are_not_counted(flag: str) -> None:
    """All formats know the same names of the flag."""
    box = {"label": "cell", "xmin": 5, "ymin": 5, "xmax": 25, "ymax": 25}
    held = {scene.stem: {"bbox": [box, {**box, "xmax": 60, flag: 1}]} for scene in SCENES}
    found = inspect_source(MemoryMembers({**pictures(), "boxes.json": dump(held)}), {})
    assert found.objects == {"cell": len(SCENES)}
    assert "crowds" in {hint.key for hint in found.hints}


def test_crowds_and_turned_pictures_of_parquet_rows() -> None:
    """Crowd regions are not counted, and the frame of turned pictures is asked."""
    import pyarrow as pa

    def row(scene: Scene) -> dict[str, Any]:
        buffer, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 2
        Image.fromarray(scene.pixels()).save(buffer, "JPEG", exif=exif)
        objects = [
            {"bbox": [t.x1 + 0.5, float(t.y1), float(t.x2 - t.x1 - 1), float(t.y2 - t.y1)], "label": t.label,
             "iscrowd": int(t.label == "wbc")}
            for t in scene.things
        ]  # fmt: skip
        return {"image": {"bytes": buffer.getvalue(), "path": f"{scene.stem}.jpg"}, "objects": objects}

    files = {"data/train-0.parquet": parquet(pa.Table.from_pylist([row(scene) for scene in SCENES if scene.things]))}
    found = inspect(files)
    assert "pictures.exif" in asked(found)
    assert dict(found.objects) == {name: count for name, count in COUNTS.items() if name != "wbc"}


def test_stated_labels_of_values_say_that_values_are_classes() -> None:
    """Without them, values that count up from 1 in each mask are asked about."""
    drawn = {f"masks/{scene.stem}.png": encode(numbered(scene)) for scene in SCENES}
    assert "masks.kind" in asked(inspect({**pictures(), **drawn}))
    found = inspect({**pictures(), **drawn}, {"masks": {"values": {str(n): f"kind {n}" for n in range(1, 10)}}})
    assert ("classes", False) == (found.read["masks"]["kind"], "masks.kind" in asked(found))


def test_masks_of_whole_floating_point_numbers_are_masks() -> None:
    """A TIFF of 0.0 and 1.0 is as good as one of 0 and 1."""
    import tifffile

    files = dict(pictures())
    for scene in SCENES:
        drawn = np.zeros((HEIGHT, WIDTH), np.float32)
        for thing in scene.things:
            drawn += thing.mask()
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, drawn)
        files[f"masks/{scene.stem}.tif"] = buffer.getvalue()
    found = inspect(files, {"masks.label": "cell", "masks.object": "component"})
    assert dict(found.objects) == {"cell": sum(COUNTS.values())}


def test_embedded_pictures_do_not_hide_that_files_are_missing() -> None:
    """LabelMe's imageData is not read: the missing files are named."""
    held = json.loads(labelme(SCENES[0], "rectangle")) | {"imageData": base64.b64encode(SCENES[0].png()).decode()}
    assert "picture_missing" in hints(inspect({"a/cell_001.json": dump(held)}))


def listed_rows(write: Callable[[list[Any]], str]) -> Files:
    """A row per picture with its boxes and labels as lists in two cells."""
    rows = [("image", "boxes", "labels")]
    for scene in SCENES:
        boxes, labels = [thing.box for thing in scene.things], [thing.label for thing in scene.things]
        rows.append((f"{scene.stem}.png", write(boxes), write(labels)))
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return {"a.csv": text.getvalue().encode(), **pictures()}


@pytest.mark.parametrize("write", [json.dumps, str])
def test_lists_in_cells_are_read_as_json_and_python_write_them(write: Callable[[list[Any]], str]) -> None:
    """The labels of pandas' lists, in single quotes, were the whole list for each box."""
    assert COUNTS == dict(inspect(listed_rows(write)).objects)


def test_a_list_that_cannot_be_read_labels_no_box() -> None:
    """NumPy writes no commas: its rows with several boxes are refused by name."""
    found = inspect(listed_rows(lambda held: str(held).replace("', '", "' '")))
    assert not any("[" in label for label in found.objects)
    assert "lists side by side are of several lengths" in str(hints(found))
    unread = inspect(listed_rows(lambda held: str(held).replace("'", "")))
    assert "a list that cannot be read is next to" in str(hints(unread))


def test_a_name_that_each_mask_has_for_itself_is_no_label() -> None:
    """One mask per folder, with a random name: the label is asked."""
    files = {}
    for number, name in enumerate(("a7f", "b0c", "9de", "41b")):
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        drawn[10:30, 10 : 40 + number] = 255
        noise = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        files[f"case{number}/images/case{number}.png"] = encode(noise)
        files[f"case{number}/masks/{name}.png"] = encode(drawn)
    found = inspect(files)
    assert {"object": 4} == dict(found.objects)
    assert "masks.label" in asked(found)


def records(picture: str, label: str) -> bytes:
    """A JSON line for each picture, with a list of its objects."""
    held = ((s, [{label: t.label, "bbox": [t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1]} for t in s.things]) for s in SCENES)
    return b"\n".join(dump({picture: f"{scene.stem}.png", "objects": things}) for scene, things in held)


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("json", {"a.jsonl": records("image", "label"), **pictures()}),
        ("hugging-face", {"metadata.jsonl": records("file_name", "category"), **pictures()}),
    ],
)
def test_a_stated_label_is_that_of_all_objects(form: str, files: Files) -> None:
    """It had no effect where the file names labels itself. Columns that cannot be chosen are refused."""
    found = inspect(files, {"label": "blob"})
    assert (form, {"blob": sum(COUNTS.values())}) == (found.read["format"], dict(found.objects))
    if form == "hugging-face":
        with pytest.raises(UsageError, match=r"fields\.label: the format hugging-face does not use it"):
            inspect(files, {"fields.label": "fine"})
