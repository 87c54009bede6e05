"""Boxes that show one place, and the column of the people who drew them."""

from medmultipoints.transforms.masks.polygons import fill_polygons
from medmultipoints.transforms.records import Box, Point
from medmultipoints.transforms.sources.reading.repeated_boxes import find_annotator, repeated_pairs
from medmultipoints.transforms.sources.reading.shapes import outline, with_holes


def test_boxes_of_one_label_that_overlap_are_pairs() -> None:
    """Boxes of another label or with less overlap are not repeated."""
    boxes = [("a", Box(0, 0, 10, 10)), ("a", Box(1, 0, 11, 10)), ("b", Box(0, 0, 10, 10)), ("a", Box(8, 0, 18, 10))]
    assert list(repeated_pairs(boxes, 0.5)) == [(0, 1)]


def test_the_column_of_people_has_few_values() -> None:
    """A row number also differs in each pair, but does not identify a person."""
    rows = [{"row": str(at), "who": f"R{at % 2}", "picture": "a"} for at in range(8)]
    pairs = [(rows[at], rows[at + 1]) for at in range(0, 8, 2)]
    assert find_annotator(pairs, ["picture"]) == "who"
    assert find_annotator([(rows[0], rows[2])], ["row"]) is None


def test_a_hole_is_left_out_of_the_area() -> None:
    """The edge to the hole and back encloses nothing."""
    square = outline([1, 1, 9, 1, 9, 9, 1, 9])
    held = with_holes(square, [outline([3, 3, 5, 3, 5, 5, 3, 5]), outline([6, 6, 8, 6, 8, 8, 6, 8])])
    mask = fill_polygons([held], 10, 10)
    assert mask.sum() == 64 - 4 - 4
    assert not mask[3, 3] and not mask[7, 7] and mask[5, 5]
    assert held[0] == Point(1, 1)
