"""Answers equal the published ones: shape, keys and values, for the real published items."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.answers.published import Objects, answer_json, round_place
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.naming.names import Names
from medmultipoints.transforms.instructions.prompts import Templates, render_prompt
from medmultipoints.transforms.instructions.write import write_instructions
from tests.transforms.instructions.conftest import fill_images


def answer_text(task: str, objects: Objects) -> str:
    """The answer of a published task."""
    return write_fenced(answer_json(task, objects))


Tables = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]


def _items(real: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (real / "medmultipoints/published_items.jsonl").open("rb")]


def _published_text(truth: object) -> str:
    return f"```json\n{json.dumps(truth)}\n```"


def _objects(truth: Any) -> Objects:
    if isinstance(truth, dict):
        return Objects(truth["label"], truth["counts"], truth.get("point_2d", []), truth.get("bbox_2d", []))
    points, boxes = ([entry[key] for entry in truth if key in entry] for key in ("point_2d", "bbox_2d"))
    return Objects(truth[0]["label"], len(truth), points, boxes)


def test_each_published_answer_is_written_alike(real: Path) -> None:
    """From the values of any published item, the answer's text is the published text."""
    for item in _items(real):
        assert _published_text(item["gt"]) == answer_text(item["task"], _objects(item["gt"])), item["image_sha256"]


def _source_boxes(real: Path) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(real / "hyper-kvasir/hyper-kvasir-segmented-images.zip") as archive:
        (member,) = (name for name in archive.namelist() if name.endswith("bounding-boxes.json"))
        polyps = json.loads(archive.read(member))
    return dict(polyps | json.loads((real / "kvasir-instrument/bboxes.json").read_text("utf-8")))


def _scaled(entry: dict[str, Any]) -> list[list[float]]:
    scale = min(1, 700 / max(entry["width"], entry["height"]))
    return [[box[key] * scale for key in ("xmin", "ymin", "xmax", "ymax")] for box in entry["bbox"]]


def test_values_derived_from_the_source_are_the_published_values(
    real: Path, tables: Tables, templates: Templates, names: Names
) -> None:
    """Source boxes x scale as float32, centres rounded to 0.1: each answer but its name is the published text."""
    ids = {
        row["image_sha256"]: row["source_id"]
        for row in json.loads((real / "medmultipoints/instrument_ids.json").read_text())
    }
    source = _source_boxes(real)
    compared = 0
    for item in _items(real):
        key = item.get("hyperkvasir_id") or ids.get(item["image_sha256"])
        if key is None:
            continue
        label = "polyps" if "hyperkvasir_id" in item else "instrument"
        records, images = tables([("a", label, _scaled(source[key]))])
        written = write_instructions(
            records, images, templates, names, seed=42, policy="published", tasks=[item["task"]]
        )
        assert [_published_text(item["gt"])] == written["answer"].to_list(), key
        assert written["answer_rederived"].all()
        compared += 1
    assert compared >= 23 + 7  # polyp and instrument items whose source boxes are at hand


def test_published_synonyms_are_allowed_and_their_values_hold(real: Path, templates: Templates, names: Names) -> None:
    """The published VISEM answers, put under a prompt of ours, pass the checker with records of their own values."""
    labels = {"sperm": "normal", "normal sperm": "normal", "pinhead": "pinhead", "pinhead sperm": "pinhead"}
    labels |= {"cluster": "cluster", "sperm cluster": "cluster", "polyp": "polyps", "instrument": "instrument"}
    for item in _items(real):
        objects = _objects(item["gt"])
        records, images = _tables_of(item["image_sha256"], labels[objects.name], objects)
        written = write_instructions(
            records, images, templates, names, seed=1, policy="published", tasks=[item["task"]]
        )
        swapped = written.with_columns(
            answer=pl.lit(_published_text(item["gt"])),
            name=pl.lit(objects.name),
            prompt=pl.lit(_prompt_for(templates, item["task"], names, objects.name)),
        )
        verdict = check_instructions(swapped, records, images, names, policy="published").row(0, named=True)
        assert verdict["ok"], (item["image_sha256"], verdict)


def _prompt_for(templates: Templates, task: str, names: Names, singular: str) -> str:
    (name,) = (name for name in names.forms if name.singular == singular)
    return render_prompt(templates.by_task[task][0], name)


def _tables_of(sha256: str, label: str, objects: Objects) -> tuple[pl.DataFrame, pl.DataFrame]:
    boxes = [list(map(float, box)) for box in objects.boxes]
    points = [round_place([float(np.float32(value)) for value in point]) for point in objects.points]
    texts = {
        "sample_id": "s/a",
        "split": "train",
        "source": "s",
        "classification": "c",
        "label": label,
        "image_sha256": sha256,
    }
    nested = pl.List(pl.List(pl.Float32))
    record = texts | {"record_id": f"{sha256}:{label}", "count": objects.count, "points": points, "bbox": boxes}
    records = pl.DataFrame([record], schema_overrides={"count": pl.Int32, "points": nested, "bbox": nested})
    image = {name: value for name, value in texts.items() if name != "label"}
    return records, fill_images([image | {"image_file": f"images/{sha256}.jpg", "labels_exhaustive": [label]}])
