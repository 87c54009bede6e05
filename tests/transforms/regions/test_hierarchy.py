"""Parents of labels: compared with the union of their parts, never counted with them."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.label_tree import descendants
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Annotation, Box, Sample
from medmultipoints.transforms.regions.annotated_objects import AnnotatedObjects, find_annotated_objects

WIDTH, HEIGHT = 40, 30
PARTS = (json.dumps(["kidney", "left kidney", "right kidney"]), json.dumps(["organ", "kidney"]))


def masked(label: str, *boxes: tuple[int, int, int, int]) -> Annotation:
    drawn: NDArray[np.uint8] = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x1, y1, x2, y2 in boxes:
        drawn[y1:y2, x1:x2] = 1
    return Annotation(key=f"a#{label}", label=label, rle=encode_rle(drawn, 0, 0, WIDTH, HEIGHT))


def boxed(label: str, *sides: int) -> Annotation:
    return Annotation(key=f"a#{label}", label=label, box=Box(*sides))


def found(*annotations: Annotation, parts: tuple[str, ...] = PARTS) -> AnnotatedObjects:
    sample = Sample(source="s", stem="a", image_member="a.png", organ="", finding="", classification="",
                    annotations=annotations, parts=parts)  # fmt: skip
    return find_annotated_objects(sample, WIDTH, HEIGHT, lambda layer: np.zeros((1, 1), np.int64), None)


LEFT, RIGHT = (2, 2, 12, 12), (20, 2, 30, 12)


@pytest.mark.parametrize(
    "stated",
    [
        (masked("left kidney", LEFT), masked("right kidney", RIGHT), masked("kidney", LEFT, RIGHT)),
        (boxed("left kidney", *LEFT), boxed("right kidney", *RIGHT), boxed("kidney", 2, 2, 30, 12)),
        (masked("left kidney", LEFT), masked("right kidney", RIGHT), masked("organ", LEFT, RIGHT)),
    ],
)
def test_a_parent_that_is_the_union_of_its_parts_is_not_counted(stated: tuple[Annotation, ...]) -> None:
    """The parts are the objects; the parent is left out with a reason, and the counts are certain."""
    objects = found(*stated)
    assert sorted(region.label for region in objects.regions) == ["left kidney", "right kidney"]
    assert [(one.reason, one.verdict) for one in objects.unused] == [("union_of_parts", "dropped")]
    assert not objects.uncertain


def test_a_parent_that_differs_from_its_parts_is_in_quarantine() -> None:
    """A parent that differs from its parts is reported with the overlap, and the image's counts are uncertain."""
    objects = found(masked("left kidney", LEFT), masked("kidney", LEFT, RIGHT))
    assert [region.label for region in objects.regions] == ["left kidney"]
    (one,) = objects.unused
    assert (one.reason, one.verdict) == ("parent_differs_from_parts", "rejected")
    assert "0.500" in one.detail
    assert objects.uncertain


def test_a_parent_alone_is_an_object_whose_parts_are_not_known_to_be_absent() -> None:
    """The object counts under the parent's name; the absence of its parts is not certain."""
    objects = found(masked("kidney", LEFT, RIGHT))
    assert [region.label for region in objects.regions] == ["kidney"]
    assert objects.uncertain
    assert not found(masked("kidney", LEFT, RIGHT), parts=()).uncertain


def test_a_label_is_not_below_itself() -> None:
    """Cycles are refused; a label with two parents is not a cycle."""
    assert descendants({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, "a") == {"b", "c", "d"}
    with pytest.raises(ValueError, match="part of itself"):
        descendants({"a": ["b"], "b": ["a"]}, "a")
