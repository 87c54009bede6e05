"""The table of disagreements, on tiny tables and on the real pairs."""

import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from medmultipoints.transforms.audit.conventions import Convention, state_box
from medmultipoints.transforms.audit.disagreements import audit_boxes, estimate_conventions
from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema
from medmultipoints.transforms.masks.components import find_regions
from medmultipoints.transforms.records import Box

Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]
MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
FOLDER = "segmented-images"


def grow(box: Box) -> Box:
    return state_box(box, Convention(-1, -1, 0, 0))


def sides(box: Box) -> dict[str, float]:
    return {"x1": box.x1, "y1": box.y1, "x2": box.x2, "y2": box.y2}


def region(evidence: str, index: int, box: Box, label: str = "polyps") -> dict[str, Any]:
    return {"sample_id": "s/a", "evidence": evidence, "index": index, "label": label, **sides(box)}


def tables(make_table: MakeTable, regions: list[dict[str, Any]], **sample: Any) -> Tables:
    """One image with these regions, a stray pixel and a speck."""
    facts = {"sample_id": "s/a", "mask_member": "masks/a.jpg", "mask_label": "polyps", "source_width": 100} | sample
    specks = [
        {"sample_id": "s/a", "index": 0, "reason": "stray_pixel", "x2": 1.0, "y2": 1.0, "area_px": 1},
        {"sample_id": "s/a", "index": 1, "reason": "below_min_area", **sides(Box(5, 5, 7, 7)), "area_px": 4},
    ]
    return (
        make_table("images", [{"sample_id": "s/a"}]),
        make_table("samples", [facts]),
        make_table("regions", regions),
        make_table("specks", specks if facts["mask_member"] else []),
    )


def audited(*given: pl.DataFrame) -> pl.DataFrame:
    """The findings under the policy ``audited``, in the conventions that the regions themselves show."""
    return audit_as("audited", *given)


def audit_as(policy: Any, *given: pl.DataFrame) -> pl.DataFrame:
    images, _, regions, _ = given
    return audit_boxes(*given, policy=policy, conventions=estimate_conventions(images, regions.lazy()))


POLYP = Box(40, 30, 70, 60)
PHANTOM = [region("source", 0, grow(POLYP)), region("source", 1, Box(50, 40, 52, 44)), region("mask", 0, POLYP)]


def test_findings_and_specks_become_rows_of_the_declared_table(make_table: MakeTable) -> None:
    found = audited(*tables(make_table, PHANTOM))
    assert dict(found.schema) == polars_schema(load_table("disagreements"))
    columns = ("finding_id", "kind", "severity", "label", "source_box", "derived_box")
    assert found.select(columns).rows() == [
        ("s/a:phantom:0", "phantom", "error", "polyps", [51, 41, 52, 44], [40, 30, 70, 60]),
        ("s/a:speck:0", "speck", "info", "polyps", None, [5, 5, 7, 7]),
        ("s/a:stray_pixel:0", "stray_pixel", "info", "polyps", None, [0, 0, 1, 1]),
    ]


@pytest.mark.parametrize(
    ("policy", "regions", "sample", "action"),
    [
        ("audited", PHANTOM, {}, "source box is left out: the mask has no object of its own there"),
        ("published", PHANTOM, {}, "source box is kept as published"),
        ("audited", PHANTOM[2:], {}, "box derived from the mask is used"),
        ("published", PHANTOM[2:], {}, "no box is added: the source has none"),
        ("audited", [region("source", 0, Box(0, 0, 100, 80))], {"mask_member": None},
         "source box is left out: there is no mask to derive a box from"),
    ],
)  # fmt: skip
def test_each_finding_says_what_the_recipe_does(
    make_table: MakeTable, policy: Any, regions: list[dict[str, Any]], sample: dict[str, Any], action: str
) -> None:
    found = audit_as(policy, *tables(make_table, regions, **sample))
    assert found.filter(pl.col("severity") != "info")["action"].to_list() == [action]


def test_boxes_of_different_labels_are_not_held_against_each_other(make_table: MakeTable) -> None:
    regions = [region("source", 0, grow(POLYP), "instrument"), region("mask", 0, POLYP)]
    found = audited(*tables(make_table, regions)).filter(pl.col("severity") == "error")
    assert found.select("kind", "label").rows() == [("extra", "instrument"), ("missing", "polyps")]


def test_a_source_that_states_no_boxes_misses_none(make_table: MakeTable) -> None:
    found = audited(*tables(make_table, PHANTOM[2:], source_width=None))
    assert set(found["severity"]) == {"info"}


def test_images_that_are_not_kept_and_tracks_are_not_audited(make_table: MakeTable) -> None:
    images, *others = tables(make_table, [region("track", 0, Box(0, 0, 100, 80))], mask_member=None)
    assert audited(images, *others).is_empty()
    assert audited(empty_frame(load_table("images")), *tables(make_table, PHANTOM)[1:]).is_empty()


@pytest.fixture(scope="module")
def pairs_of_real_images(real: Path, make_table: MakeTable) -> Tables:
    """The tables of the 120 real pairs: boxes of the JSON, regions and specks of the masks."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with zipfile.ZipFile(real / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip") as archive:
        entries = json.loads(archive.read(f"{FOLDER}/bounding-boxes.json"))
        for stem, entry in entries.items():
            mask_member = f"{FOLDER}/masks/{stem}.jpg"
            mask = cv2.imdecode(np.frombuffer(archive.read(mask_member), np.uint8), cv2.IMREAD_GRAYSCALE)
            add_real_pair(rows, f"hyperkvasir/{stem}", entry, mask_member, mask)
    images, samples, regions, specks = (
        make_table(name, rows[name]) for name in ("images", "samples", "regions", "specks")
    )
    return images, samples, regions, specks


def add_real_pair(
    rows: dict[str, list[dict[str, Any]]], sample_id: str, entry: Any, mask_member: str, mask: Any
) -> None:
    own = {"sample_id": sample_id}
    size = {"width": entry["width"], "height": entry["height"]}
    rows["images"].append(own | size | {f"original_{side}": value for side, value in size.items()})
    rows["samples"].append(own | {"mask_member": mask_member, "mask_label": "polyps", "source_width": entry["width"]})
    stated = [Box(*(box[side] for side in ("xmin", "ymin", "xmax", "ymax"))) for box in entry["bbox"]]
    found = find_regions(mask)
    for evidence, boxes in (("source", stated), ("mask", [part.box for part in found.regions])):
        for index, box in enumerate(boxes):
            rows["regions"].append(own | {"evidence": evidence, "index": index} | sides(box))
    for index, speck in enumerate(found.specks):
        rows["specks"].append(
            own | sides(speck.box) | {"index": index, "reason": speck.reason, "area_px": speck.area_px}
        )


def test_the_known_anomalies_of_the_real_pairs_are_found_and_nothing_else(
    real: Path, pairs_of_real_images: Tables
) -> None:
    known = json.loads((real / "known_anomalies.json").read_text())
    found = audited(*pairs_of_real_images)
    images = {kind: sorted(rows["stem"]) for (kind,), rows in found.group_by("kind")}
    assert images == {kind: sorted(known[kind]) for kind in known if kind != "near_duplicate"}
    assert Counter(found["severity"]) == {"error": 7, "info": 22}
    assert set(found.filter(pl.col("severity") == "error")["kind"]) == {"inflated_to_origin", "phantom"}


def test_the_phantom_boxes_of_the_real_pairs_are_the_known_ones(real: Path, pairs_of_real_images: Tables) -> None:
    known = json.loads((real / "known_anomalies.json").read_text())["phantom"]
    found = audited(*pairs_of_real_images).filter(pl.col("kind") == "phantom")
    stated = {stem: [sides(grow(Box(*box)))] for stem, box in found.select("stem", "source_box").rows()}
    assert stated == {stem: [sides(Box(*box)) for box in boxes] for stem, boxes in known.items()}


def test_the_convention_of_the_real_boxes_is_grown_by_one_pixel(pairs_of_real_images: Tables) -> None:
    """138 of the 147 boxes follow it exactly; the 4 phantoms overlap no component by half."""
    images, _, regions, _ = pairs_of_real_images
    found = estimate_conventions(images, regions.lazy())
    assert found.drop("pairs").rows() == [("hyperkvasir", -1, -1, 0, 0, 138)]
    assert regions.filter(pl.col("evidence") == "source").height == 147


def test_a_source_without_boxes_has_no_convention(make_table: MakeTable) -> None:
    images, _, regions, _ = tables(make_table, PHANTOM[2:])
    assert estimate_conventions(images, regions.lazy()).is_empty()
