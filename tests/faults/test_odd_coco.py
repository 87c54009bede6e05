"""Odd entries of a COCO file from recipe to records: read right, named in the audit, or refused with the way out."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads, run_pipeline
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import UsageError
from tests.faults.tiny_sources import HEIGHT, STEMS, WIDTH, draw

PARTS = {stage.name: PIPELINE[: number + 1] for number, stage in enumerate(PIPELINE)}
RECIPE = """
name = "odd"
version = "1.0.0"
title = "Odd"
[labels]
zero_counts = true
[validation]
max_rejected_fraction = 0.9
[splits]
fractions = { train = 0.6, test = 0.4 }
[sources.own]
path = "own"
licence = "MIT"
read = { absence = { certain = CERTAIN } }
"""
Change = Callable[[Any], object]


def coco() -> Any:
    """A picture a stem, each with one box."""
    sizes = {"width": WIDTH, "height": HEIGHT}
    return {
        "images": [{"id": at, "file_name": f"{stem}.jpg", **sizes} for at, stem in enumerate(STEMS)],
        "annotations": [
            {"id": at, "image_id": at, "category_id": 1, "bbox": [16, 12, 24, 24]} for at, _ in enumerate(STEMS)
        ],
        "categories": [{"id": 1, "name": "polyp"}],
    }


def tables(
    folder: Path, change: Change, certain: Sequence[str] = ("polyp",), last: str = "record"
) -> dict[str, pl.DataFrame]:
    """Records, images and findings of the source once it is changed, by all stages up to ``last``."""
    held = coco()
    change(held)
    source = folder / "own"
    source.mkdir()
    (source / "coco.json").write_text(json.dumps(held))
    for stem in STEMS:
        (source / f"{stem}.jpg").write_bytes(draw(stem))
    (folder / "odd.toml").write_text(RECIPE.replace("CERTAIN", json.dumps(certain)))
    made = prepare(BuildRequest(recipe=str(folder / "odd.toml"), lake=str(folder / "lake")), PIPELINE)
    found = {}
    for result in run_pipeline(made, PARTS[last], run_in_threads(1), Unwatched()):
        wanted = result.receipt.objects.keys() & {"records", "released_images", "disagreements", "instructions"}
        found |= {name: read_table(made.lake, result.receipt.objects[name]) for name in wanted}
    return found


@pytest.mark.parametrize(
    ("outline", "kind"),
    [
        ([16, 12, 40, 12, 40, 36, 16, 36], None),
        ([17, 13, 39, 13, 39, 35, 17, 35], None),
        ([20, 12, 40, 12, 40, 36, 20, 36], "shifted"),
    ],
)
def test_a_box_that_its_own_outline_contradicts_is_found(tmp_path: Path, outline: list[int], kind: str | None) -> None:
    found = tables(tmp_path, lambda held: held["annotations"][0].update(segmentation=[outline]))
    rows = found["disagreements"].filter(pl.col("kind").is_in(["shifted", "extra"]))
    assert ([("a1", kind)] if kind else []) == rows.select("stem", "kind").rows()


def test_a_box_that_its_own_outline_does_not_touch_is_rejected(tmp_path: Path) -> None:
    """Which of the two is right nobody knows: the picture has no record, and is not certain to hold none."""
    found = tables(tmp_path, lambda held: held["annotations"][0].update(segmentation=[[0, 0, 5, 0, 5, 5]]))
    assert {*STEMS} - {"a1"} == {*found["records"]["stem"]}
    assert [["polyp"]] * 5 == found["released_images"]["labels_exhaustive"].to_list()


def test_a_box_that_begins_at_minus_zero_begins_at_zero(tmp_path: Path) -> None:
    records = tables(tmp_path, lambda held: held["annotations"][0].update(bbox=[-0.0, -0.0, 9, 9]))["records"]
    (box,) = records.filter(stem="a1")["bbox"][0].to_list()
    assert "[0.0, 0.0, 9.0, 9.0]" == str(list(box))


def test_an_outline_outside_its_picture_proves_no_absence(tmp_path: Path) -> None:
    """Where its object is, nobody knows: the picture has no record, and is not certain to hold none."""
    away = [500, 500, 520, 500, 520, 520]
    found = tables(tmp_path, lambda held: held["annotations"][0].update(bbox=None, segmentation=[away]))
    assert {*STEMS} - {"a1"} == {*found["records"]["stem"]}
    assert [["polyp"]] * 5 == found["released_images"]["labels_exhaustive"].to_list()


def test_a_box_of_less_than_a_pixel_is_found(tmp_path: Path) -> None:
    """Such as fractions among pixels."""
    found = tables(tmp_path, lambda held: held["annotations"][0].update(bbox=[0.2, 0.1, 0.4, 0.6]))
    assert [("a1", "sliver")] == found["disagreements"].filter(kind="sliver").select("stem", "kind").rows()


def test_a_picture_whose_labels_are_all_uncertain_gets_no_questions(tmp_path: Path) -> None:
    """Even if other pictures are uncertain in some of their labels only."""
    box = {"bbox": [30, 20, 8, 8]}

    def doubt(held: Any) -> None:
        held["categories"].append({"id": 2, "name": "tool"})
        one, crowd = (held["annotations"][number]["image_id"] for number in (0, 1))
        held["annotations"] += [
            {"id": 90, "image_id": one, "category_id": 7, **box},
            {"id": 91, "image_id": one, "category_id": 2, **box},
            {"id": 92, "image_id": crowd, "category_id": 2, **box},
            {"id": 93, "image_id": crowd, "category_id": 1, "iscrowd": 1, "bbox": [8, 8, 20, 20]},
        ]

    found = tables(tmp_path, doubt, ("polyp", "tool"), last="instruct")
    asked = set(found["instructions"]["record_id"])
    rows: dict[str, set[str]] = {stem: set() for stem in STEMS}
    for stem, label, record_id in found["records"].select("stem", "label", "record_id").rows():
        rows[stem] |= {label} if record_id in asked else set()
    assert [set[str](), {"tool"}] == [rows[stem] for stem in STEMS[:2]]
    assert all(rows[stem] == {"polyp", "tool"} for stem in STEMS[2:])


@pytest.mark.parametrize("name", ["pol\nyp", "pol\typ", "\u202epylop", "pol\x1b[31myp"])
def test_a_label_that_no_page_can_show_is_refused_with_the_line_that_renames_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="1 label with line breaks, hidden characters") as refused:
        tables(tmp_path, lambda held: held["categories"][0].update(name=name), certain=())
    assert f"[sources.own.read.labels]\n    {json.dumps(name)} =" in str(refused.value)


@pytest.mark.parametrize("name", ["", None])
def test_categories_without_names_are_asked(tmp_path: Path, name: str | None) -> None:
    with pytest.raises(UsageError, match="What are the category numbers 1"):
        tables(tmp_path, lambda held: held["categories"][0].update(name=name), certain=())
