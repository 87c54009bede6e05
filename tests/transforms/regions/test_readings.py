"""Objects of several readings of one picture are united: each once, with the evidence of all."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from medmultipoints.transforms.compose.policy import select_regions
from medmultipoints.transforms.records import Annotation, Box, MaskLayer, Point
from medmultipoints.transforms.regions.annotated_objects import AnnotatedObjects
from medmultipoints.transforms.regions.readings import CONFLICT
from tests.transforms.regions.annotated import objects_of

MASK = np.zeros((20, 20), np.int64)
MASK[2:8, 2:8] = MASK[10:16, 10:18] = 255
FIRST, SECOND = Box(2, 2, 8, 8), Box(10, 10, 18, 16)


def box(key: str, place: Box, **more: Any) -> Annotation:
    return Annotation(key=key, label=more.pop("label", "polyp"), box=place, **({"reading": 1} | more))


def objects(*annotations: Annotation, certain: tuple[str, ...] = (), **layer: Any) -> AnnotatedObjects:
    """The objects of a picture with one mask of two areas, and annotations."""
    mask = MaskLayer(member="m.png", **({"label": "polyp"} | layer))
    return objects_of(annotations, (mask,), MASK, (20, 20), certain)


def keys(found: AnnotatedObjects) -> list[tuple[str, str | None]]:
    return [(region.evidence, region.object_key) for region in found.regions]


def test_a_box_has_the_key_of_the_mask_in_its_place() -> None:
    found = objects(box("b#0", SECOND), box("b#1", Box(2, 2, 7, 8)))
    masks = [("mask", "m.png#0.0"), ("mask", "m.png#0.1")]
    assert sorted(keys(found)) == [("box", "m.png#0.0"), ("box", "m.png#0.1"), *masks]
    assert (found.unused, found.uncertain) == ((), False)


def test_the_audited_policy_takes_the_mask_and_the_published_one_the_box() -> None:
    found = objects(box("b#0", FIRST), box("b#1", SECOND))
    rows = [{"sample_id": "s/a", "evidence": r.evidence, "object_key": r.object_key} for r in found.regions]
    assert ["mask", "mask"] == select_regions(pl.DataFrame(rows), "audited")["evidence"].to_list()
    assert ["box", "box"] == select_regions(pl.DataFrame(rows), "published")["evidence"].to_list()


def test_a_box_over_both_areas_is_in_conflict_and_its_count_uncertain() -> None:
    found = objects(box("b#0", Box(2, 2, 18, 16)))
    ((one,), uncertain) = found.unused, found.uncertain
    assert (one.key, one.reason, one.verdict, uncertain) == ("b#0", CONFLICT, "rejected", True)
    assert "overlaps m.png#0.0 (mask), m.png#0.1 (mask) by no more than half" in one.detail
    assert [evidence for evidence, _ in keys(found)] == ["mask", "mask"]


@pytest.mark.parametrize(("certain", "expected"), [((), ["mask", "mask", "box"]), (("polyp",), ["mask", "mask"])])
def test_a_box_apart_from_masks_is_an_object_unless_all_are_annotated(
    certain: tuple[str, ...], expected: list[str]
) -> None:
    found = objects(box("b#0", Box(1, 14, 5, 19)), certain=certain)
    assert expected == sorted([evidence for evidence, _ in keys(found)], reverse=True)
    assert bool(certain) == found.uncertain == bool(found.unused)


def test_objects_of_other_labels_are_not_compared() -> None:
    found = objects(box("b#0", FIRST, label="instrument"), certain=("polyp", "instrument"))
    assert ("box", "b#0") in keys(found) and not found.unused


def test_of_two_readings_with_boxes_the_first_is_kept() -> None:
    found = objects(box("b#0", FIRST), box("c#0", Box(2, 2, 8, 7), reading=2))
    boxes = [region.box for region in found.regions if region.evidence == "box"]
    assert boxes == [FIRST]


def test_an_outline_is_weaker_than_a_mask_and_stronger_than_a_box() -> None:
    square = (Point(2, 2), Point(8, 2), Point(8, 8), Point(2, 8))
    outline = Annotation(key="p#0", label="polyp", polygons=(square,), reading=2)
    found = objects(box("b#0", FIRST), outline)
    assert {"mask", "polygon", "box"} == {e for e, key in keys(found) if key == "m.png#0.0"}


def test_a_mask_without_objects_decides_that_there_are_none() -> None:
    """If every object is annotated; a box alone would else be an object that the mask does not show."""
    found = objects(box("b#0", FIRST), certain=("cell", "polyp"), label="polyp", ignore=("255",))
    assert (found.regions, [one.reason for one in found.unused]) == ((), [CONFLICT])


def test_one_reading_is_as_it_was() -> None:
    found = objects(box("b#0", Box(2, 2, 18, 16), reading=0))
    assert ("box", "b#0") in keys(found)
