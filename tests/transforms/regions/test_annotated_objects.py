"""Annotations and mask layers become regions with one key per object; unused annotations have a reason."""

from typing import Any

import numpy as np
import pytest

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.records import Annotation, Box, MaskLayer, Point
from medmultipoints.transforms.regions.annotated_objects import AnnotatedObjects
from tests.transforms.regions.annotated import objects_of

SQUARE = (Point(2, 2), Point(6, 2), Point(6, 6), Point(2, 6))


def objects(*annotations: Annotation, layers: tuple[MaskLayer, ...] = (), values: Any = None) -> AnnotatedObjects:
    """The objects of a picture of 10 x 8 pixels."""
    return objects_of(annotations, layers, values, (10, 8))


def note(key: str = "x#0", **more: Any) -> Annotation:
    return Annotation(key=key, label="cell", **more)


def layer(**more: Any) -> MaskLayer:
    return MaskLayer(member="m.png", **({"label": "cell"} | more))


def test_box_and_outline_of_one_object_share_its_key() -> None:
    found = objects(note(box=Box(2, 2, 6, 6), polygons=(SQUARE,)))
    assert [("polygon", "x#0"), ("box", "x#0")] == [(region.evidence, region.object_key) for region in found.regions]


def test_an_outline_has_the_box_of_its_corners_and_the_mask_of_the_centres_inside() -> None:
    (region,) = objects(note(polygons=((Point(1.4, 1), Point(4.2, 1), Point(4.2, 3), Point(1.4, 3)),))).regions
    assert (Box(1.4, 1, 4.2, 3), 6, Point(2.5, 2.0)) == (region.box, region.area_px, region.centroid)


def test_a_box_is_cut_at_the_frame_and_one_outside_is_no_object() -> None:
    found = objects(note(box=Box(-3, 1, 4, 12)), note("x#1", box=Box(20, 20, 30, 30)))
    assert [(Box(0, 1, 4, 8), True)] == [(region.box, region.truncated) for region in found.regions]
    assert [("x#1", "outside_the_picture")] == [(one.key, one.reason) for one in found.unused]


def test_an_annotation_that_repeats_another_is_no_second_object() -> None:
    """As lines that a label file holds twice; another label or track in the same place is an object of its own."""
    box = Box(2, 2, 6, 6)
    twice = objects(note(box=box), note("x#1", box=box), note("x#2", box=box, polygons=(SQUARE,)))
    assert ["x#0", "x#2", "x#2"] == [region.object_key for region in twice.regions]
    assert [("x#1", "annotation_repeated")] == [(one.key, one.reason) for one in twice.unused]
    tracks = objects(note(box=box, track_id="1"), note("x#1", box=box, track_id="2"))
    assert ((), 2) == (tracks.unused, len(tracks.regions))


def test_crowds_and_ignored_regions_are_no_regions() -> None:
    assert objects(note(box=Box(1, 1, 2, 2), crowd=True), note("x#1", box=Box(1, 1, 2, 2), ignore=True)).regions == ()


def test_a_run_length_code_of_another_size_is_refused() -> None:
    code = encode_rle(np.ones((2, 2), np.uint8), 0, 0, 5, 5)
    with pytest.raises(ImageProblem, match="its mask x#0"):
        objects(note(rle=code))


GRID = [[0] * 10, [0, 1, 1, 0, 0, 2, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0], *([[0] * 10] * 4), [7] + [0] * 9]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (layer(kind="instances", object="value"), [("cell", 3), ("cell", 1), ("cell", 1)]),
        (layer(kind="classes", labels={"1": "a", "2": "b", "7": "a"}, label=None, object="component"),
         [("a", 3), ("a", 1), ("b", 1)]),
        (layer(kind="classes", labels={"1": "a", "2": "b", "7": "a"}, label=None, object="file"), [("a", 4), ("b", 1)]),
        (layer(kind="classes", labels={"1": "a"}, label=None, ignore=("2", "7")), [("a", 3)]),
    ],
)  # fmt: skip
def test_an_object_of_a_mask_is_what_the_layer_says(kind: MaskLayer, expected: list[tuple[str, int]]) -> None:
    found = objects(layers=(kind,), values=GRID)
    assert sorted(expected) == sorted((region.label, region.area_px) for region in found.regions)


def test_a_value_whose_label_is_ignored_is_accounted_for_where_it_occurs() -> None:
    said = {"2": "gland is left out: not asked", "9": "duct is left out: not asked"}
    layers = (layer(kind="classes", labels={"1": "a"}, label=None, ignore=("2", "7", "9"), left_out=said),)
    found = objects(layers=layers, values=GRID)
    (unused,) = found.unused
    assert (unused.key, unused.reason, unused.verdict) == ("m.png#0=2", "label_ignored", "dropped")
    assert unused.detail == "m.png: gland is left out: not asked"


def test_small_objects_are_specks_only_where_the_layer_says_so() -> None:
    found = objects(layers=(layer(kind="instances", object="value", min_area_px=2),), values=GRID)
    assert (1, 2) == (len(found.regions), len(found.specks))


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        (layer(kind="classes", labels={"1": "a"}, label=None), GRID, "mask_value_unknown"),
        (layer(kind="binary"), GRID, "mask_values_unclear"),
        (layer(kind="binary"), [[0, 1]], "mask_size_mismatch"),
    ],
)
def test_values_that_nobody_declared_are_refused(kind: MaskLayer, values: Any, reason: str) -> None:
    with pytest.raises(ImageProblem) as refused:
        objects(layers=(kind,), values=values)
    assert reason == refused.value.reason


@pytest.mark.parametrize("white", [1, 255])
def test_a_binary_mask_is_of_ones_or_of_bright_values(white: int) -> None:
    values = np.where(np.array(GRID) == 1, white, 0)
    (region,) = objects(layers=(layer(),), values=values).regions
    assert (3, Box(1, 1, 3, 3)) == (region.area_px, region.box)
