"""Labels go to other tools and come back: untouched ones cost nothing, edited ones become the smallest entries."""

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pycocotools.mask
import pytest

from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.data_lake.review.exchange import Import, export_decisions, export_labels, import_labels
from medmultipoints.flows.recipe.corrections import parse_file
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.masks.run_lengths import decode_rle
from tests.data_lake.review.conftest import build

SOURCES = ("hyperkvasir", "visem_tracking")


@pytest.fixture(scope="session")
def exported(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The desk's release for both tools."""
    folder = tmp_path_factory.mktemp("exchange")
    for tool in ("cvat", "label-studio"):
        export_labels(desk, tool, folder / tool)  # type: ignore[arg-type]
    return folder


def taken(desk: Desk, source: Path, file: CorrectionsFile) -> Import:
    return import_labels(desk, source, file, "A. B.", "redrawn")


def entries(file: CorrectionsFile) -> list[dict[str, Any]]:
    data = file.path.read_bytes()
    parse_file(file.path.name, data, file.path.parent)
    found: list[dict[str, Any]] = tomllib.loads(data.decode())["corrections"]
    return found


def answered(path: Path, to: Path, change: Any = lambda tasks: None) -> Path:
    """The tasks as Label Studio exports them after somebody saved the predictions, changed by a function."""
    tasks = orjson.loads(path.read_bytes())
    for number, task in enumerate(tasks, 1):
        result = task["predictions"][0]["result"]
        task |= {"id": number, "annotations": [{"id": number, "result": result, "was_cancelled": False}]}
    change(tasks)
    to.write_bytes(orjson.dumps(tasks))
    return to


def test_pictures_are_the_released_bytes_and_pinned_by_their_hash(desk: Desk, exported: Path) -> None:
    pinned = orjson.loads((exported / "cvat" / "export.json").read_bytes())
    assert pinned["root"] == desk.manifest.manifest_root
    assert len(pinned["images"]) == len(desk.images())
    for name, row in pinned["images"].items():
        assert (exported / "cvat" / name).read_bytes() == desk.pictures.read(row["image_sha256"])


def test_what_nobody_changed_gives_no_entry(desk: Desk, exported: Path, file: CorrectionsFile, tmp_path: Path) -> None:
    same = answered(exported / "label-studio" / "tasks.json", tmp_path / "same.json")
    for source in (exported / "cvat" / "annotations.xml", same):
        report = taken(desk, source, file)
        assert (report.changed, report.entries, report.left_out) == (0, 0, [])
        assert report.unchanged == len(desk.images())
    assert not file.path.exists()


def test_shapes_edited_in_cvat_become_entries_about_their_objects(
    desk: Desk, exported: Path, file: CorrectionsFile, tmp_path: Path
) -> None:
    text = (exported / "cvat" / "annotations.xml").read_text()
    images = [one for one in re.findall(r"  <image .*?</image>\n", text, re.DOTALL) if "<box" in one]
    moved = re.sub(r'xtl="([0-9.]+)"', 'xtl="0.6"', images[0], count=1)
    masked = next(one for one in re.findall(r"  <image .*?</image>\n", text, re.DOTALL) if "<mask" in one)
    drawn = '<polygon label="polyps" points="10,10;60,12;55,70"></polygon></image>\n'
    edited = tmp_path / "edited.xml"
    edited.write_text(text.replace(images[0], moved).replace(masked, masked.replace("</image>\n", drawn)))
    report = taken(desk, edited, file)
    assert (report.changed, report.entries) == (2, 2)
    found = {entry["action"]: entry for entry in entries(file)}
    assert found["replace_boxes"]["boxes"][0][0] == 0.6
    assert found["replace_boxes"]["object"] in images[0]
    assert found["add_masks"]["label"] == "polyps"
    assert taken(desk, edited, file).entries == 2  # again: the same entries, not twice
    assert len(entries(file)) == 2


def test_a_deleted_region_excludes_and_a_task_without_annotation_is_left(
    desk: Desk, exported: Path, file: CorrectionsFile, tmp_path: Path
) -> None:
    def change(tasks: list[dict[str, Any]]) -> None:
        full = [task for task in tasks if task["annotations"][0]["result"]]
        full[0]["annotations"][0]["result"] = full[0]["annotations"][0]["result"][1:]
        full[1]["annotations"] = []

    report = taken(desk, answered(exported / "label-studio" / "tasks.json", tmp_path / "t.json", change), file)
    assert (report.changed, [entry["action"] for entry in entries(file)]) == (1, ["exclude"])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (r'name="images/[0-9a-f]{64}\.jpg"', 'name="elsewhere.jpg"', "no picture 'elsewhere.jpg'"),
        (r'label="[a-z]+" source', 'label="ghost" source', "'ghost' is not a label of the recipe"),
        (
            r'<image id="0" (name="[^"]+") width="\d+" height="\d+"',
            r'<image id="0" \1 width="9999" height="9999"',
            "resized",
        ),
    ],
)
def test_what_cannot_be_matched_is_named_and_nothing_is_written(
    desk: Desk, exported: Path, file: CorrectionsFile, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    edited = tmp_path / "edited.xml"
    edited.write_text(re.sub(old, new, (exported / "cvat" / "annotations.xml").read_text(), count=1))
    with pytest.raises(DataError, match=re.escape(problem)):
        taken(desk, edited, file)
    assert not file.path.exists()


def test_a_file_of_another_kind_is_refused(desk: Desk, file: CorrectionsFile, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("nothing of the kind")
    with pytest.raises(UsageError, match="x.txt is not an export that is read"):
        taken(desk, tmp_path / "x.txt", file)


def by_cvat(found: dict[str, Any]) -> dict[str, Any]:
    """COCO as CVAT writes it: masks as runs that are not compressed, each with iscrowd 1, and attributes."""
    for one in found["annotations"]:
        one["attributes"] = {"occluded": False}
        mask = one.get("segmentation")
        if mask is None:
            one["segmentation"], one["attributes"]["rotation"] = [], 0.0
        elif isinstance(mask, dict):
            height, width = mask["size"]
            flat = decode_rle(mask["counts"], height, width).ravel(order="F")
            edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [0]])))
            counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
            one |= {"segmentation": {"counts": counts[counts.cumsum() <= flat.size].tolist(), "size": mask["size"]}}
            one["iscrowd"] = 1
    return found


def as_coco(desk: Desk, file_name: Any = lambda image: image["image_file"]) -> dict[str, Any]:
    """The labels of a release as CVAT and others write COCO: boxes, and masks as run lengths."""
    labels, images, annotations = list(desk.labels), [], []
    for number, image in enumerate(desk.images(), 1):
        size = {"width": image["width"], "height": image["height"]}
        images.append({"id": number, "file_name": file_name(image), **size})
        for one in desk.seen(image["sample_id"]):
            box = [one.box.x1, one.box.y1, one.box.x2 - one.box.x1, one.box.y2 - one.box.y1]
            mask = {"counts": one.rle, "size": [image["height"], image["width"]]}
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": labels.index(one.label) + 1, "bbox": box,
                "iscrowd": 0, **({"segmentation": mask} if one.rle else {}),
            })  # fmt: skip
    categories = [{"id": place, "name": label} for place, label in enumerate(labels, 1)]
    return {"images": images, "categories": categories, "annotations": annotations}


def test_coco_that_nobody_changed_gives_no_entry_and_an_edited_one_the_smallest(
    desk: Desk, file: CorrectionsFile, tmp_path: Path
) -> None:
    found, path = as_coco(desk), tmp_path / "instances.json"
    path.write_bytes(orjson.dumps(found))
    assert taken(desk, path, file).entries == 0
    boxes = [one for one in found["annotations"] if "segmentation" not in one]
    boxes[0]["bbox"][2] -= 3
    masks = [one for one in found["annotations"] if "segmentation" in one]
    masks[0]["segmentation"] = [[10, 10, 60, 12, 55, 70]]
    masks[0]["bbox"] = [10, 10, 50, 60]
    path.write_bytes(orjson.dumps(found))
    report = taken(desk, path, file)
    assert report.changed == 2
    assert {entry["action"] for entry in entries(file)} <= {"replace_boxes", "replace_masks", "exclude", "add_masks"}


def test_coco_of_cvat_keeps_its_masks_and_a_region_of_many_is_refused(
    desk: Desk, file: CorrectionsFile, tmp_path: Path
) -> None:
    """CVAT marks every single mask with iscrowd 1; taken for regions of many, all of them would be excluded."""
    found, path = by_cvat(as_coco(desk)), tmp_path / "instances_default.json"
    assert any(one["iscrowd"] for one in found["annotations"])
    path.write_bytes(orjson.dumps(found))
    report = taken(desk, path, file)
    assert (report.changed, report.entries) == (0, 0)
    del next(one for one in found["annotations"] if one["iscrowd"])["attributes"]["occluded"]
    path.write_bytes(orjson.dumps(found))
    with pytest.raises(DataError, match="a region of many"):
        taken(desk, path, file)


def test_edits_of_cvat_in_xml_and_coco_are_in_the_release_that_is_built_next(tmp_path: Path) -> None:
    first = Desk(build(tmp_path))
    polyps, frames = ([one for one in first.images() if one["source"] == source] for source in SOURCES)
    export_labels(first, "cvat", tmp_path / "cvat")
    text = (tmp_path / "cvat" / "annotations.xml").read_text()
    own = next(one for one in re.findall(r"  <image .*?</image>\n", text, re.DOTALL) if polyps[0]["image_file"] in one)
    masked = re.sub(
        r"<mask .*?</mask>", '<polygon label="polyps" points="10,10;60,12;55,70"></polygon>', own, flags=re.DOTALL
    )
    (tmp_path / "edited.xml").write_text(text.replace(own, masked))
    xml = CorrectionsFile(tmp_path / "corrections" / "xml.toml", parse_file)
    assert taken(first, tmp_path / "edited.xml", xml).changed == 1
    found = by_cvat(as_coco(first))
    number = next(one["id"] for one in found["images"] if one["file_name"] == frames[0]["image_file"])
    moved = next(one for one in found["annotations"] if one["image_id"] == number)
    moved["bbox"][2] -= 3
    (tmp_path / "edited.json").write_bytes(orjson.dumps(found))
    coco = CorrectionsFile(tmp_path / "corrections" / "coco.toml", parse_file)
    assert import_labels(first, tmp_path / "edited.json", coco, "C. D.", "redrawn").changed == 1
    second = Desk(build(tmp_path))
    assert second.manifest.title == "desk 1.1.0"
    (before,), (after,) = (desk.seen(polyps[0]["sample_id"]) for desk in (first, second))
    assert after.rle != before.rle
    assert (after.box.x1, after.box.y1) == (10, 10)
    widths = [[one.box.x2 - one.box.x1 for one in desk.seen(frames[0]["sample_id"])] for desk in (first, second)]
    assert round(sum(widths[0]) - sum(widths[1]), 6) == 3
    same = [one["sample_id"] for one in (*polyps[1:], *frames[1:])]
    assert [first.seen(name) for name in same] == [second.seen(name) for name in same]
    page = tmp_path / "w3c"
    assert export_decisions(second, page) == len(entries(xml)) + len(entries(coco))
    items = orjson.loads((page / "annotations.json").read_bytes())["items"]
    assert {one["creator"]["name"] for one in items} == {"A. B.", "C. D."}
    selectors = [place["selector"] for one in items for place in one["target"] if "selector" in place]
    assert {one["type"] for one in selectors} == {"SvgSelector", "FragmentSelector"}
    drawn = next(one["value"] for one in selectors if one["type"] == "SvgSelector")
    assert drawn.startswith('<svg><path fill-rule="evenodd" d="M') and drawn.endswith(' Z" /></svg>')
    check_coco(second, tmp_path / "coco")


def check_coco(desk: Desk, folder: Path) -> None:
    """Every corrected picture is there with all its released objects, as an independent reader sees them."""
    assert export_decisions(desk, folder, "coco") > 0
    found = orjson.loads((folder / "annotations.json").read_bytes())
    assert found["images"]
    for image in found["images"]:
        seen = desk.seen(image["file_name"])
        own = [one for one in found["annotations"] if one["image_id"] == image["id"]]
        assert [[one.box.x1, one.box.y1, one.box.width, one.box.height] for one in seen] == [one["bbox"] for one in own]
        assert {one["reviewer"] for one in image["decisions"]} <= {"A. B.", "C. D."}
        assert {one["action"] for one in image["decisions"]} != {"accept"}
        for one, shape in zip(seen, own, strict=True):
            if one.rle:
                mask = pycocotools.mask.decode(shape["segmentation"])
                assert (mask.sum(), list(mask.shape)) == (shape["area"], [image["height"], image["width"]])


def test_an_object_cut_in_two_and_two_joined_to_one_are_understood(
    desk: Desk, file: CorrectionsFile, tmp_path: Path
) -> None:
    found, path = as_coco(desk), tmp_path / "instances.json"
    boxes = [one for one in found["annotations"] if "segmentation" not in one]
    whole = boxes[0]
    x, y, width, height = whole["bbox"]
    whole["bbox"] = [x, y, width / 2, height]
    found["annotations"].append({**whole, "id": 10_000, "bbox": [x + width / 2, y, width / 2, height]})
    path.write_bytes(orjson.dumps(found))
    assert taken(desk, path, file).changed == 1
    (entry,) = entries(file)
    assert (entry["action"], len(entry["boxes"])) == ("replace_boxes", 2)


def test_renamed_pictures_are_refused_by_name(desk: Desk, file: CorrectionsFile, tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(orjson.dumps(as_coco(desk, lambda image: f"case-{image['sample_id'][-4:]}.jpg")))
    with pytest.raises((DataError, UsageError), match=r"case-|no picture"):
        taken(desk, path, file)
    assert not file.path.exists()
