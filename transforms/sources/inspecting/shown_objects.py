"""Find label and box of each object that a picture's annotations and masks show, to compare and count them."""

from dataclasses import replace

from medmultipoints.transforms.masks.components import measure_mask
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import Annotation, Box, Evidence, Region
from medmultipoints.transforms.regions.layers import find_layer_objects, label_values
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.reading.shapes import extent


def rename_labels(picture: AnnotatedPicture, declaration: Declaration) -> AnnotatedPicture:
    """Return a picture with the released labels of its annotations and masks, without those that are ignored."""

    def released(label: str, reading: int) -> str | None:
        found = declaration.readings[reading].release_label(label)
        return found if isinstance(found, str) else None

    named = ((one, released(one.label, one.reading)) for one in picture.annotations)
    return replace(
        picture,
        annotations=tuple(replace(one, label=label) for one, label in named if label is not None),
        layers=tuple(
            replace(
                layer,
                label=layer.label and released(layer.label, layer.reading),
                labels={value: new for value, old in layer.labels.items() if (new := released(old, layer.reading))},
                ignore=(*layer.ignore, *(v for v, old in layer.labels.items() if not released(old, layer.reading))),
            )
            for layer in picture.layers
            if layer.label is None or released(layer.label, layer.reading)
        ),
    )


def find_objects(picture: AnnotatedPicture, files: Files) -> tuple[list[Region], dict[str, int]]:
    """Return label and box of each object of a picture, one region an object, and the reading of each object key.

    Crowds, ignored regions and lone points are left out. Raise MemberProblem if a mask cannot be read.
    """
    regions: list[Region] = []
    reading_of: dict[str, int] = {}
    for one in picture.annotations:
        box = one.box or (extent(one.polygons) if one.polygons else None) or _box_of_code(one, picture)
        if box is not None and not one.crowd and not one.ignore:
            reading_of[one.key] = one.reading
            regions.append(_region(one.evidence, one.label, box, one.key))
    for number, layer in enumerate(picture.layers):
        values = read_codes(layer, files.read)
        for place, found in enumerate(find_layer_objects(label_values(layer, values), values).objects):
            key = f"{layer.member}#{number}.{place}"
            reading_of[key] = layer.reading
            regions.append(_region("mask", found.label, found.box, key))
    return regions, reading_of


def _region(evidence: Evidence, label: str, box: Box, key: str) -> Region:
    return Region(sample_id="", evidence=evidence, label=label, index=0, box=box, object_key=key)


def _box_of_code(one: Annotation, picture: AnnotatedPicture) -> Box | None:
    """Return the box of a run-length code, or None without one or without the size of its picture."""
    if one.rle is None or not picture.width or not picture.height:
        return None
    white = decode_rle(one.rle, picture.height, picture.width)
    return measure_mask(white).box if white.any() else None
