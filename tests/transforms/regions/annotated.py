"""A picture of which only annotations and masks matter."""

from typing import Any

import numpy as np

from medmultipoints.transforms.records import Annotation, MaskLayer, Sample
from medmultipoints.transforms.regions.annotated_objects import AnnotatedObjects, find_annotated_objects


def objects_of(
    annotations: tuple[Annotation, ...],
    layers: tuple[MaskLayer, ...],
    values: Any,
    size: tuple[int, int],
    certain: tuple[str, ...] = (),
) -> AnnotatedObjects:
    """The objects of a picture of width and height ``size``, all of whose mask files hold ``values``."""
    sample = Sample(
        source="s",
        stem="a",
        image_member="a.png",
        organ="o",
        finding="f",
        classification="c",
        labels_exhaustive=certain,
        annotations=annotations,
        layers=layers,
    )
    return find_annotated_objects(sample, *size, lambda _: np.array(values, np.int64), None)
