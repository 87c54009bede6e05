"""Answers determine the following questions; damaged files and files that are not pictures are reported."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, declare, inspect_source
from medmultipoints.transforms.sources.registry import find_format
from tests.members import MemoryMembers
from tests.transforms.sources.formats.dataset_layouts import jpeg, numbered, union
from tests.transforms.sources.formats.layouts import Files, coco, dump, pictures, table, yolo
from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, encode

GERMAN = table(
    ["Dateiname", "Klasse", "links", "oben", "rechts", "unten"],
    [[f"{s.stem}.png", t.label, *t.box] for s in SCENES for t in s.things],
    ";",
)


def inspect(files: Files, stated: Mapping[str, Any] | None = None, *, accept: bool = False) -> Inspection:
    return inspect_source(MemoryMembers(files), nest_keys(stated or {}), accept=accept)


def asked(found: Inspection) -> list[str]:
    return [question.key for question in found.questions]


def hints(found: Inspection) -> dict[str, str]:
    return {hint.key: hint.text for hint in found.hints}


def test_columns_without_known_names_are_asked_and_then_read() -> None:
    """The question shows a row; the declared fields are taken, with or without the format."""
    files = {"Kästen.csv": GERMAN, **pictures()}
    open_ = inspect(files)
    assert asked(open_) == ["fields"] and "links: 0" in open_.questions[0].text
    fields = {"image": "Dateiname", "label": "Klasse", "x1": "links", "y1": "oben", "x2": "rechts", "y2": "unten"}
    for stated in ({"fields": fields}, {"format": "table", "fields": fields}):
        found = inspect(files, stated)
        assert not found.questions and dict(found.objects) == COUNTS


def test_a_column_of_patients_is_never_the_likely_label() -> None:
    """A column with a common name of labels is, wherever it stands; else the first that names no groups."""
    for header in (["Datei", "Patient", "Arzt", "Klasse"], ["Datei", "Patient", "Klasse", "Gerät"]):
        cells = {"Klasse": "", "Patient": "P", "Arzt": "Dr. A", "Gerät": "DX"}
        rows = [
            [f"{s.stem}.png", *(t.label if name == "Klasse" else cells[name] + s.split for name in header[1:]), *t.box]
            for s in SCENES
            for t in s.things
        ]
        found = inspect({"k.csv": table([*header, "links", "oben", "rechts", "unten"], rows, ";"), **pictures()})
        (asked_fields,) = [one for one in found.questions if one.key == "fields"]
        assert asked_fields.default is not None and 'label = "Klasse"' in asked_fields.default


def test_an_unknown_field_is_refused() -> None:
    """The message lists the known names."""
    with pytest.raises(UsageError, match="no such field; choose of annotator, box, crowd, image"):
        declare({"format": "table", "fields": {"picture": "Dateiname"}})


def test_a_stated_format_that_fits_nothing_is_named() -> None:
    """The question says what was stated, and lists the formats."""
    (question,) = inspect({"K.csv": GERMAN, **pictures()}, {"format": "coco"}).questions
    assert "the format coco" in question.text and '"table"' in question.choices


def test_colours_can_number_objects() -> None:
    """Once that is answered, no colour is asked for its label."""
    colours = np.array([(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)], np.uint8)
    files = {f"SegmentationObject/{s.stem}.png": encode(colours[numbered(s)]) for s in SCENES} | pictures()
    open_ = inspect(files)
    assert asked(open_)[:2] == ["masks.kind", "masks.values"] and '"128,0,0" = "…"' in open_.questions[1].choices[0]
    found = inspect(files, {"masks.kind": "instances", "masks.label": "tumour"})
    assert not found.questions and dict(found.objects) == {"tumour": sum(COUNTS.values())}


def one_jpeg() -> Files:
    masks = {
        f"m/{s.stem}_{label}_000.png": union(s, label) for s in SCENES for label in LABELS if union(s, label).any()
    }
    first, *rest = masks
    return {first.replace(".png", ".jpg"): jpeg(masks[first]), **{name: encode(masks[name]) for name in rest}}


def test_one_jpeg_among_masks_makes_no_classes_of_its_noise() -> None:
    """Masks of 0 and 255 stay binary."""
    found = inspect({**one_jpeg(), **pictures()})
    assert found.read["masks"]["kind"] == "binary" and "masks.values" not in asked(found)


def test_a_stated_kind_asks_for_nothing_of_another() -> None:
    """Binary masks have no values to be named, and 255 is the object."""
    files = {f"m/{s.stem}.png": encode(numbered(s)) for s in SCENES} | pictures()
    found = inspect(files, {"masks.kind": "binary"})
    assert asked(found) == ["masks.object", "masks.label"] and "ignore" not in found.read["masks"]


def test_a_folder_of_masks_for_each_label_is_counted_by_label() -> None:
    """Some labels lack some pictures; accepting the likely pattern gives the labels."""
    files = {f"Masken/{label}/{s.stem}.png": union(s, label) for label in LABELS for s in SCENES}
    held = {name: encode(mask) for name, mask in files.items() if mask.any()} | pictures()
    assert dict(inspect(held).objects) == COUNTS
    found = inspect(held, accept=True)
    assert not found.questions and found.read["annotations"] == "Masken/{target}/{stem}.png"


def test_folders_of_splits_with_a_word_are_splits() -> None:
    """The layout of BiomedParse: ``train`` and ``train_mask``."""
    files: Files = {}
    for at, scene in enumerate(SCENES):
        split = "train" if at < 3 else "test"
        files[f"{split}/{scene.stem}.png"] = scene.png()
        for label in LABELS:
            if union(scene, label).any():
                files[f"{split}_mask/{scene.stem}_{label}.png"] = encode(union(scene, label))
    found = inspect(files)
    assert found.read["annotations"] == "{split}_mask/{stem}_{target}.png" and dict(found.objects) == COUNTS


def test_damage_is_named_where_nothing_is_read() -> None:
    """A truncated document is reported as damaged, not as an unknown format."""
    assert (
        "unexpected end of data" in hints(inspect({"a.json": dump(coco(SCENES))[:-300], **pictures()}))["not_read_json"]
    )


def test_files_named_like_pictures_are_named() -> None:
    """Texts and empty files."""
    files = {"a.json": dump(coco(SCENES)), **pictures(), "images/x.jpg": b"no picture", "images/y.jpg": b""}
    assert "images/x.jpg, images/y.jpg" in hints(inspect(files))["pictures_damaged"]


def test_pictures_that_were_renamed_are_pointed_at() -> None:
    """Names that are missing, and pictures that no name joins."""
    found = hints(inspect({"a.json": dump(coco(SCENES)), **pictures(lambda s: f"i/Bild{s.stem}x.png")}))
    assert found["pictures_not_named"].startswith(f"{len(SCENES)} pictures that no annotation names")


def test_slices_of_patients_are_pointed_at() -> None:
    """Names that share a beginning before their last number."""
    things = [[f"p{at // 2:02d}_{at % 2}.png", "a", 1, 1, WIDTH, HEIGHT] for at in range(6)]
    shots = {f"i/p{at // 2:02d}_{at % 2}.png": SCENES[0].png() for at in range(6)}
    held = {"a.csv": table(["image", "label", "xmin", "ymin", "xmax", "ymax"], things), **shots}
    assert "3 beginnings" in hints(inspect(held))["groups_possible"]


def test_single_pixels_of_masks_are_pointed_at() -> None:
    """Components of a few pixels may be specks."""
    files: Files = {}
    for scene in SCENES:
        drawn = union(scene)
        drawn[88, 2:100:9] = 255
        files[f"m/{scene.stem}.png"] = encode(drawn)
    found = inspect({**files, **pictures()}, {"masks.label": "cell", "masks.object": "component"})
    assert "min_area_px" in hints(found)["specks"]


def test_a_white_background_marks_no_border() -> None:
    """REFUGE writes 255 around its classes, and 0 for one of them."""
    files: Files = {}
    for scene in SCENES:
        drawn = np.full((HEIGHT, WIDTH), 255, np.uint8)
        drawn[union(scene, "wbc") > 0], drawn[union(scene, "rbc") > 0] = 0, 128
        files[f"m/{scene.stem}.bmp"] = encode(drawn, "BMP")
    found = inspect({**files, **pictures()})
    assert "ignore" not in found.read["masks"] and "255 - value" in hints(found)["background_white"]


def test_whose_boxes_are_read_is_asked() -> None:
    """Three people drew each object, as in VinDr-CXR."""
    rows = [
        [s.stem, t.label, f"R{who}", t.x1, t.y1, t.x2 - who, t.y2] for s in SCENES for t in s.things for who in range(3)
    ]
    held = table(["image_id", "class_name", "rad_id", "x_min", "y_min", "x_max", "y_max"], rows)
    files = {"train.csv": held, **pictures()}
    assert asked(inspect(files)) == ["annotators"]
    assert dict(inspect(files, {"annotators": "first"}).objects) == COUNTS
    assert dict(inspect(files, {"annotators": "each"}).objects) == {name: 3 * count for name, count in COUNTS.items()}


def test_255_alone_in_most_masks_is_an_object_and_no_border() -> None:
    """One mask is of another program, which wrote 1: both values are asked, and none is ignored."""
    masks = {f"masks/{s.stem}.png": encode(union(s) // (255 if s is SCENES[0] else 1)) for s in SCENES}
    found = inspect({**masks, **pictures()}, {"masks.kind": "classes"})
    (question,) = (one for one in found.questions if one.key == "masks.values")
    assert "values 1, 255 show" in question.text and "ignore" not in found.read["masks"]


def test_a_split_of_empty_label_files_is_read() -> None:
    """Pictures without objects alone: their folder belongs to the pattern, and the split is known."""
    files = {f"{s.split}/labels/{s.stem}.txt": yolo(s) for s in SCENES}
    shots = pictures(lambda s: f"{s.split}/images/{s.stem}.png")
    members = MemoryMembers({**files, **shots, "data.yaml": dump({"names": list(LABELS)})})
    found = inspect_source(members, {})
    assert found.read["annotations"] == "{split}/labels/{stem}.txt" and found.pictures == len(SCENES)
    read = find_format("yolo").read(declare(found.read), members)
    assert {picture.read_from[-1] for picture in read if isinstance(picture, AnnotatedPicture)} == {"data.yaml"}
