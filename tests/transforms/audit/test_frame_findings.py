"""Annotations that pass the edge of their picture by more than two pixels: a warning with what is left of them."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.audit.frame_findings import find_beyond_frame

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
IMAGE = {"sample_id": "own/a", "source": "own", "image_sha256": "a", "original_width": 320, "original_height": 240}


def found(
    make_table: MakeTable, stated: list[float] | None, cut: list[float], outlines: list[list[float]]
) -> list[tuple[Any, ...]]:
    """Severity, box and detail of the findings about one annotation."""
    sides = ("x1", "y1", "x2", "y2")
    kinds = [*(["box"] if stated else []), *(["polygon"] if outlines else [])]
    common = {"sample_id": "own/a", "source": "own", "label": "cell"}
    regions = [
        {**common, "region_id": kind, "evidence": kind, "index": 0, "object_key": "c.json#1", "area_px": 1}
        | dict(zip(sides, cut, strict=True))
        for kind in kinds
    ]
    said = {**common, "annotation_id": "own/a:0", "key": "c.json#1", "evidence": kinds[-1], "polygons": outlines}
    annotation = said | dict(zip(sides, stated or [None] * 4, strict=True))
    rows = find_beyond_frame(
        make_table("images", [IMAGE]),
        make_table("samples", [{**IMAGE, "stem": "a"}]),
        make_table("regions", regions),
        make_table("annotations", [annotation]).lazy(),
    )
    assert set(rows["kind"]) <= {"beyond_frame"}
    return rows.select("severity", "source_box", "detail").rows()


STATED = "c.json#1: the box 300.0, 200.0, 500.0, 400.0"
SAID = f"{STATED} passes the edge of the 320x240 px picture by 180.0 px; 2.0 % of its area is kept"
LEFT = [300.0, 200.0, 320.0, 240.0]
OUTLINE = [300.0, 200.0, 500.0, 200.0, 500.0, 400.0, 300.0, 400.0]


@pytest.mark.parametrize(
    ("stated", "outlines"),
    [([300.0, 200.0, 500.0, 400.0], []), (None, [OUTLINE]), ([300.0, 200.0, 500.0, 400.0], [OUTLINE])],
)
def test_a_box_almost_outside_is_one_warning(
    make_table: MakeTable, stated: list[float] | None, outlines: list[list[float]]
) -> None:
    assert [("warning", LEFT, SAID)] == found(make_table, stated, LEFT, outlines)


def test_a_box_that_passes_the_edge_by_rounding_is_none(make_table: MakeTable) -> None:
    assert [] == found(make_table, [-2.0, 10.0, 20.0, 40.0], [0.0, 10.0, 20.0, 40.0], [])
    assert [] == found(make_table, [300.0, 200.0, 322.0, 242.0], LEFT, [])
    assert len(found(make_table, [-2.5, 10.0, 20.0, 40.0], [0.0, 10.0, 20.0, 40.0], [])) == 1


def test_a_wrong_number_is_found_although_most_of_the_box_is_inside(make_table: MakeTable) -> None:
    ((_, _, said),) = found(make_table, [43.0, 84.0, 380.0, 109.5], [43.0, 84.0, 320.0, 109.5], [])
    assert said.endswith("passes the edge of the 320x240 px picture by 60.0 px; 82.2 % of its area is kept")
