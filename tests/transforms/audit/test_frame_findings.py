"""Annotations that the frame cuts to less than half: a warning with what is left of them."""

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


SAID = "c.json#1: the box 300.0, 200.0, 500.0, 400.0 is cut to 2.0 % of its area by the 320x240 px picture"
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


def test_a_box_with_most_of_its_area_inside_is_none(make_table: MakeTable) -> None:
    assert [] == found(make_table, [-10.0, 10.0, 20.0, 40.0], [0.0, 10.0, 20.0, 40.0], [])
    assert [] == found(make_table, [300.0, 200.0, 320.0, 240.0], LEFT, [])
    assert len(found(make_table, [-21.0, 10.0, 20.0, 40.0], [0.0, 10.0, 20.0, 40.0], [])) == 1
