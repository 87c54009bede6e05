"""Facts of pictures from joined tables and from columns of rows: groups above all, and what is said of wrong ones."""

import io
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers

NAMES = [f"img_{number}.png" for number in range(6)]
"""Pictures of three patients, two each."""
BOXES = {"image": "file", "x1": "x1", "y1": "y1", "x2": "x2", "y2": "y2"}
TABLE = {"format": "table", "fields": BOXES, "label": "polyp", "boxes": {"frame": "edges", "form": "xyxy"}}
COCO = {"format": "coco", "annotations": "c.json"}


def drawn() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (20, 20), "gray").save(data, "PNG")
    return data.getvalue()


def boxes(patients: Iterable[str]) -> bytes:
    lines = [f"{name},{patient},1,2,9,9" for name, patient in zip(NAMES, patients, strict=True)]
    return "\n".join(["file,Patient,x1,y1,x2,y2", *lines]).encode()


def coco() -> bytes:
    images = [{"id": number, "file_name": name, "width": 20, "height": 20} for number, name in enumerate(NAMES)]
    found = [{"id": number, "image_id": number, "category_id": 1, "bbox": [1, 2, 8, 7]} for number in range(6)]
    return json.dumps({"images": images, "annotations": found, "categories": [{"id": 1, "name": "polyp"}]}).encode()


def files(**more: bytes) -> dict[str, bytes]:
    return {f"p/{name}": drawn() for name in NAMES} | {name.replace("_", "."): data for name, data in more.items()}


def read(held: dict[str, bytes], **declared: Any) -> Indexed:
    members = MemoryMembers(held)
    indexed = read_declared("s", Declaration.model_validate(declared), {}, members, read_pictures)
    check_members(members, indexed)
    return indexed


def groups(found: Indexed) -> list[str | None]:
    return [sample.group for sample in found.samples]


PATIENTS = ("a", "a", "b", "b", "c", "c")


def test_a_column_of_the_rows_is_a_hole_of_the_group() -> None:
    found = read(files(boxes_csv=boxes(PATIENTS)), **TABLE, groups={"group": "{Patient}"})
    assert groups(found) == list(PATIENTS)


@pytest.mark.parametrize("column", ["organ", "finding", "classification", "modality", "licence"])
def test_a_hole_of_an_annotation_path_fills_its_column(column: str) -> None:
    held = files() | {"MIT/c.json": coco()}
    found = read(held, format="coco", images="p/{stem}.png", annotations=f"{{{column}}}/c.json")
    assert {getattr(sample, column) for sample in found.samples} == {"MIT"}


def test_a_picture_whose_patient_is_unknown_is_rejected() -> None:
    """It could be one of a patient in another split."""
    found = read(files(boxes_csv=boxes(("a", "", "b", "b", "c", "c"))), **TABLE, groups={"group": "{Patient}"})
    assert [row.key for row in found.exclusions if row.reason == "group_unknown"] == ["p/img_1.png"]
    assert groups(found) == ["a", "b", "b", "c", "c"]


def test_rows_of_one_picture_with_two_patients_are_no_group() -> None:
    data = boxes(PATIENTS) + b"\nimg_0.png,c,3,3,6,6"
    found = read(files(boxes_csv=data), **TABLE, groups={"group": "{Patient}"})
    assert [row.key for row in found.exclusions if row.reason == "group_unknown"] == ["p/img_0.png"]


def test_a_hole_that_is_no_column_is_named() -> None:
    with pytest.raises(UsageError, match=r"\{Patent\} is neither a hole of a pattern nor a column of the rows"):
        read(files(boxes_csv=boxes(PATIENTS)), **TABLE, groups={"group": "{Patent}"})


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["img_{}.png", "IMG_{}.PNG", "img_{}", r"C:\Export\img_{}.png"])
def test_a_table_joins_any_format_by_the_names_of_pictures(mark: str, name: str) -> None:
    lines = [f"Datei{mark}Fall"] + [f"{name.format(at)}{mark}{patient}" for at, patient in enumerate(PATIENTS)]
    held = files(c_json=coco(), patients_csv="\n".join(lines).encode("cp1252"))
    tables = {"facts": {"file": "patients.csv", "on": "Datei"}}
    found = read(held, **COCO, tables=tables, groups={"group": "{facts.Fall}"})
    assert groups(found) == list(PATIENTS)
    assert "patients.csv" in found.used


def test_a_parquet_table_is_joined_and_gives_splits_and_columns() -> None:
    data = io.BytesIO()
    splits = ["train", "train", "test", "test", "train", "train"]
    pq.write_table(pa.table({"name": NAMES, "who": PATIENTS, "part": splits, "site": ["colon"] * 6}), data)
    found = read(
        files(c_json=coco(), t_parquet=data.getvalue()),
        **COCO,
        tables={"t": {"file": "t.parquet", "on": "name"}},
        groups={"group": "{t.who}"},
        splits={"from": "t.part"},
        columns={"organ": "{t.site}"},
    )
    assert groups(found) == list(PATIENTS)
    assert [sample.official_split for sample in found.samples] == splits
    assert {sample.organ for sample in found.samples} == {"colon"}


def test_a_picture_without_a_row_is_rejected_where_the_table_gives_the_group() -> None:
    table = b"file,who\n" + b"\n".join(f"{name},x".encode() for name in NAMES[1:])
    found = read(
        files(c_json=coco(), t_csv=table),
        **COCO,
        tables={"t": {"file": "t.csv", "on": "file"}},
        groups={"group": "{t.who}"},
    )
    assert [row.key for row in found.exclusions if row.reason == "group_unknown"] == ["p/img_0.png"]
    assert groups(found) == ["x"] * 5


def test_a_table_that_joins_no_picture_is_named() -> None:
    held = files(c_json=coco(), t_csv=b"file,who\nother.png,x\nmore.png,y")
    with pytest.raises(UsageError, match=r"no row of t\.csv joins a picture: file is 'other\.png' there"):
        read(held, **COCO, tables={"t": {"file": "t.csv", "on": "file"}}, groups={"group": "{t.who}"})


def test_a_missing_column_of_a_table_is_named() -> None:
    held = files(c_json=coco(), t_csv=b"file,who\nimg_0.png,x\nimg_1.png,y")
    with pytest.raises(UsageError, match=r"t\.csv has no column 'patient'; it has file, who"):
        read(held, **COCO, tables={"t": {"file": "t.csv", "on": "file"}}, groups={"group": "{t.patient}"})


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"groups": {"group": "Patient"}}, r"would put all pictures into one group: write \{Patient\}"),
        ({"groups": {"group": "{t.who}"}}, r"no table 't'; declare \[read\.tables\.t\]"),
        ({"splits": {"from": "t.who"}}, r"no table 't'; declare \[read\.tables\.t\]"),
        ({"tables": {"t": {"file": "t.csv"}}}, "on is missing"),
    ],
)
def test_a_declaration_that_would_be_read_wrongly_is_refused(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Declaration.model_validate({**COCO, **declared})


def test_inspect_asks_for_the_column_of_patients() -> None:
    found = recognise_source(MemoryMembers(files(boxes_csv=boxes(PATIENTS))), {})
    assert found is not None
    (asked,) = [question for question in found.questions if question.key == "groups.group"]
    assert asked.choices == ('"{Patient}"', '"picture"')
    assert "groups_possible" not in {hint.key for hint in found.hints}


def test_inspect_proposes_a_table_of_patients() -> None:
    table = "\n".join(["file,patient_id", *(f"{name},{who}" for name, who in zip(NAMES, PATIENTS, strict=True))])
    found = recognise_source(MemoryMembers(files(c_json=coco(), t_csv=table.encode())), {})
    assert found is not None
    assert found.read["tables"] == {"facts": {"file": "t.csv", "on": "file"}}
    (asked,) = [question for question in found.questions if question.key == "groups.group"]
    assert asked.default == '"{facts.patient_id}"'


def test_the_answer_that_names_a_proposed_table_is_taken() -> None:
    """The table stays proposed; a group of another table is not."""
    table = "\n".join(["file,patient_id", *(f"{name},{who}" for name, who in zip(NAMES, PATIENTS, strict=True))])
    members = MemoryMembers(files(c_json=coco(), t_csv=table.encode()))
    found = recognise_source(members, {"groups": {"group": "{facts.patient_id}"}})
    assert found is not None
    assert found.read["tables"] == {"facts": {"file": "t.csv", "on": "file"}}
    assert found.read["groups"] == {"group": "{facts.patient_id}"}
    assert "groups.group" not in {question.key for question in found.questions}


def test_a_column_with_a_value_per_picture_is_not_asked() -> None:
    found = recognise_source(MemoryMembers(files(boxes_csv=boxes("abcdef"))), {})
    assert found is not None
    assert "groups.group" not in {question.key for question in found.questions}


def test_a_column_of_parquet_with_pictures_is_a_hole_of_the_group() -> None:
    objects = [{"bbox": [[1.0, 2.0, 8.0, 7.0]], "category": ["polyp"]}] * 6
    pictures = [{"bytes": drawn(), "path": name} for name in NAMES]
    data = io.BytesIO()
    pq.write_table(pa.table({"image": pictures, "objects": objects, "patient": PATIENTS}), data)
    held = {"d.parquet": data.getvalue()}
    boxes = {"form": "xywh", "unit": "pixels", "frame": "edges"}
    found = read(held, format="hugging-face", images="d.parquet", boxes=boxes, groups={"group": "{patient}"})
    assert groups(found) == list(PATIENTS)
    asked = recognise_source(MemoryMembers(held), {})
    assert asked is not None
    assert '"{patient}"' in {question.default for question in asked.questions}


def test_a_list_with_folders_names_that_picture_alone() -> None:
    """Other patients have pictures of the same name."""
    held = {f"pictures/{who}/slide{at}.png": drawn() for who in ("P1", "P2", "P3") for at in (0, 1)}
    lists = {"lists/train.txt": b"P1/slide0.png\nP1/slide1.png\n", "lists/test.txt": b"P2/slide0.png\nP9/slide1.png\n"}
    masks = {f"masks/{name.removeprefix('pictures/')}": drawn() for name in held}
    declared = {
        "format": "masks",
        "images": "pictures/{patient}/{stem}.png",
        "annotations": "masks/{patient}/{stem}.png",
        "masks": {"kind": "binary", "object": "file", "label": "polyp"},
        "splits": {"lists": "lists/{split}.txt"},
    }
    found = read(held | masks | lists, **declared)
    splits = {sample.image_member: sample.official_split for sample in found.samples}
    assert splits == {
        "pictures/P1/slide0.png": "train",
        "pictures/P1/slide1.png": "train",
        "pictures/P2/slide0.png": "test",
        "pictures/P2/slide1.png": None,
        "pictures/P3/slide0.png": None,
        "pictures/P3/slide1.png": None,
    }


def test_a_licence_for_no_picture_is_refused() -> None:
    """Its pictures would be released under the licence of the source."""
    with pytest.raises(UsageError, match=r"read\.licences: 'hospital/\*\*' matches no picture"):
        read(files(c_json=coco()), **COCO, licences={"hospital/**": "CC-BY-NC-4.0"})


def coco_entries() -> bytes:
    held = json.loads(coco())
    for image, who in zip(held["images"], PATIENTS, strict=True):
        image["patient_id"] = who
    return json.dumps(held).encode()


def label_studio_entries() -> bytes:
    value = {"x": 5, "y": 5, "width": 40, "height": 30, "rectanglelabels": ["polyp"]}
    region = {"id": "r", "from_name": "label", "original_width": 20, "original_height": 20, "value": value}
    annotations = [{"id": 1, "was_cancelled": False, "result": [region]}]
    tasks = [
        {"id": at, "data": {"image": f"/data/upload/1/{name}", "patient_id": who}, "annotations": annotations}
        for at, (name, who) in enumerate(zip(NAMES, PATIENTS, strict=True))
    ]
    return json.dumps(tasks).encode()


def via_entries() -> bytes:
    rectangle = {"name": "rect", "x": 1, "y": 2, "width": 8, "height": 7}
    regions = [{"shape_attributes": rectangle, "region_attributes": {"type": "polyp"}}]
    return json.dumps({
        f"{name}9": {"filename": name, "size": 9, "regions": regions, "file_attributes": {"patient_id": who}}
        for name, who in zip(NAMES, PATIENTS, strict=True)
    }).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data"), [("coco", coco_entries()), ("label-studio", label_studio_entries()), ("via", via_entries())]
)
def test_a_key_of_an_entry_is_asked_about_and_a_hole_of_the_group(name: str, data: bytes) -> None:
    held = files(c_json=data)
    asked = recognise_source(MemoryMembers(held), {})
    assert asked is not None
    assert [one.default for one in asked.questions if one.key == "groups.group"] == ['"{patient_id}"']
    keys = {"fields": {"label": "type"}} if name == "via" else {}
    found = read(held, format=name, annotations="c.json", groups={"group": "{patient_id}"}, **keys)
    assert groups(found) == list(PATIENTS)


def test_a_hole_that_some_patterns_of_pictures_lack_is_refused() -> None:
    images = ["{patient}/{stem}.jpg", "Anna/{stem}.png"]
    with pytest.raises(ValidationError, match=r"groups\.group: 'Anna/\{stem\}\.png' of images has no hole \{patient\}"):
        Declaration.model_validate({"format": "voc", "images": images, "groups": {"group": "{patient}"}})


def test_a_table_whose_names_differ_in_leading_zeros_is_refused_with_both() -> None:
    held = files(c_json=coco(), p_csv="\n".join(["name,who", *(f"img_00{at},p{at // 2}" for at in range(6))]).encode())
    tables = {"facts": {"file": "p.csv", "on": "name"}}
    said = r"img_000 there and img_0 in paths differ in leading zeros alone: write them alike"
    with pytest.raises(UsageError, match=said):
        read(held, **COCO, tables=tables, groups={"group": "{facts.who}"})


def test_two_columns_that_join_are_refused_with_a_remedy() -> None:
    with pytest.raises(ValidationError, match="one column joins a table; add one that names the picture"):
        Declaration.model_validate({**COCO, "tables": {"facts": {"file": "p.csv", "on": ["patient", "slice"]}}})
