"""Findings of what was read: tiny objects beside larger ones."""

from collections.abc import Callable
from typing import Any

import polars as pl

from medmultipoints.transforms.audit.reading_findings import find_in_readings, find_tiny_objects

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
IMAGES = [{"sample_id": f"cells/{name}", "source": "cells", "image_sha256": f"{name}"} for name in ("a", "b", "c")]


def found(make_table: MakeTable, areas: dict[str, list[int]], label: str = "cell") -> pl.DataFrame:
    """The findings about mask objects of these areas, by image."""
    regions = [
        {
            "region_id": f"{name}:{place}", "sample_id": f"cells/{name}", "source": "cells", "evidence": "mask",
            "label": label, "index": place, "x1": float(9 * place), "y1": 3.0, "x2": 9.0 * place + 2, "y2": 5.0,
            "image_width": 640, "image_height": 480, "area_px": area, "object_key": f"{name}.png#0.{place}",
        }
        for name, own in areas.items()
        for place, area in enumerate(own)
    ]  # fmt: skip
    empty = [make_table(name, []) for name in ("duplicates", "exclusions")]
    known = pl.DataFrame(schema={"sample_id": pl.String, "kind": pl.String})
    images, samples = make_table("images", IMAGES), make_table("samples", [{**one, "stem": "x"} for one in IMAGES])
    read = make_table("regions", regions)
    return find_in_readings(images, samples, read, *empty, find_tiny_objects(read.lazy()), known)


def test_specks_under_a_mask_are_one_warning_with_their_number_and_place(make_table: MakeTable) -> None:
    row = found(make_table, {"a": [400, 1], "b": [5, 4, 1, 900], "c": [300]}).row(0, named=True)
    assert (row["kind"], row["severity"], row["label"]) == ("tiny_objects", "warning", "cell")
    assert (row["sample_id"], row["derived_box"], row["source_box"]) == ("cells/b", [9.0, 3.0, 11.0, 5.0], None)
    assert row["detail"] == (
        "3 of 7 objects of this label in cells have at most 4 pixels, 2 of them here; images with such objects: 2"
    )
    assert "set min_area_px in [read.masks]" in row["action"]


def test_a_label_of_small_objects_alone_marks_points_and_is_no_finding(make_table: MakeTable) -> None:
    assert found(make_table, {"a": [1, 4, 9], "b": [39]}).is_empty()
    assert found(make_table, {"a": [5, 4000]}).is_empty()
