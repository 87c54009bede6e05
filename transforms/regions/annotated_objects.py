"""Convert the annotations and mask layers of a declared source's picture to regions."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.components import Speck, measure_mask
from medmultipoints.transforms.masks.polygons import fill_polygons, polygon_box
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.rasters.values import Values
from medmultipoints.transforms.records import Annotation, MaskLayer, Region, Sample, UnusedAnnotation
from medmultipoints.transforms.regions.boxes import clip_box, reaches_border
from medmultipoints.transforms.regions.hierarchy import AGREEMENT, Parent, find_parents, is_unclear
from medmultipoints.transforms.regions.layers import LayerObjects, find_layer_objects
from medmultipoints.transforms.regions.readings import unite_readings

OUTSIDE: Final = "outside_the_picture"
"""Reason of an annotation outside of its picture, whose object may be elsewhere in the picture."""
ReadLayer = Callable[[MaskLayer], Values]


@dataclass(frozen=True, slots=True)
class AnnotatedObjects:
    """Regions of a picture, numbered by evidence and label, with the specks and the unused annotations.

    ``uncertain``: a mask marks areas as unknown, a parent label disagrees with its parts, or readings disagree.
    """

    regions: tuple[Region, ...]
    specks: tuple[Speck, ...]
    unused: tuple[UnusedAnnotation, ...]
    uncertain: bool = False


def find_annotated_objects(
    sample: Sample, width: int, height: int, read_layer: ReadLayer, picture: NDArray[np.uint8] | None
) -> AnnotatedObjects:
    """Return all regions of a declared source's picture of ``width`` x ``height`` px, in the picture's frame.

    An annotation yields one region per kind of evidence; all share its key. Boxes are clipped to the frame.
    An annotation that repeats the label and place of another one is left out; see ``unite_readings`` for several
    readings of a picture.
    ``picture``: RGB pixels to measure tones from. Raises ImageProblem if a mask cannot be used.
    """
    if not (sample.annotations or sample.layers):
        return AnnotatedObjects((), (), ())
    regions, unused = _read_annotations(sample, width, height, picture)
    reading_of = {one.key: one.reading for one in sample.annotations}
    specks: list[Speck] = []
    uncertain = False
    for number, layer in enumerate(sample.layers):
        layered = _read_objects(layer, width, height, read_layer, picture)
        specks += [speck for _, speck in layered.specks]
        for value in layered.left_out:
            detail = f"{layer.member}: {layer.left_out[value]}"
            unused.append(UnusedAnnotation(f"{layer.member}#{number}={value}", "", "label_ignored", detail, "dropped"))
        uncertain |= layered.uncertain
        keys = [f"{layer.member}#{number}.{place}" for place in range(len(layered.objects))]
        reading_of |= dict.fromkeys(keys, layer.reading)
        found = zip(layered.objects, keys, strict=True)
        regions += [replace(one, sample_id=sample.sample_id, object_key=key) for one, key in found]
    regions, conflicts = unite_readings(regions, sample.layers, reading_of, sample.labels_exhaustive)
    unused += conflicts
    uncertain |= bool(conflicts)
    parts = {parent: below for parent, *below in map(json.loads, sample.parts)}
    parents = find_parents(regions, parts, width, height)
    unused += _leave_out_parents(regions, parents)
    uncertain |= any(not parent.agrees for parent in parents) or is_unclear(regions, parts)
    kept = [region for region in regions if region.label not in {parent.label for parent in parents}]
    return AnnotatedObjects(tuple(_number(kept)), tuple(specks), tuple(unused), uncertain)


def _read_annotations(
    sample: Sample, width: int, height: int, picture: NDArray[np.uint8] | None
) -> tuple[list[Region], list[UnusedAnnotation]]:
    """Return the regions of a sample's annotations, and the annotations that are repeated or outside of the picture."""
    regions: list[Region] = []
    unused: list[UnusedAnnotation] = []
    seen: dict[tuple[object, ...], str] = {}
    for annotation in sample.annotations:
        if annotation.crowd or annotation.ignore:
            continue
        place = (annotation.box, annotation.polygons, annotation.rle)
        same = (annotation.reading, annotation.label, annotation.track_id, *place)
        first = seen.setdefault(same, annotation.key)
        if first != annotation.key and any(place):
            detail = f"{annotation.key}: the same {annotation.label} in the same place as {first}"
            unused.append(UnusedAnnotation(annotation.key, annotation.label, "annotation_repeated", detail))
            continue
        found = list(_annotation_regions(sample.sample_id, annotation, width, height, picture))
        regions += found
        if not found:
            detail = f"{annotation.key}: {annotation.label} lies outside the {width}x{height} px picture"
            unused.append(UnusedAnnotation(annotation.key, annotation.label, OUTSIDE, detail))
    return regions, unused


def _leave_out_parents(regions: list[Region], parents: tuple[Parent, ...]) -> Iterator[UnusedAnnotation]:
    """Yield the objects of each parent label: its parts are counted instead."""
    for parent in parents:
        named = ", ".join(parent.parts)
        for key in sorted({str(region.object_key) for region in regions if region.label == parent.label}):
            if parent.agrees:
                detail = (
                    f"{key}: {parent.label} is the union of {named}, which are counted (overlap {parent.overlap:.3f})"
                )
                yield UnusedAnnotation(key, parent.label, "union_of_parts", detail, "dropped")
            else:
                said = f"overlap by {parent.overlap:.3f}, less than {AGREEMENT}"
                detail = f"{key}: {parent.label} and the union of {named} {said}"
                yield UnusedAnnotation(key, parent.label, "parent_differs_from_parts", detail)


def _read_objects(
    layer: MaskLayer, width: int, height: int, read_layer: ReadLayer, picture: NDArray[np.uint8] | None
) -> LayerObjects:
    try:
        values = read_layer(layer)
        if values.shape != (height, width):
            size = f"{values.shape[1]}x{values.shape[0]}"
            raise ImageProblem("size_mismatch", f"it is {size} px, the image {width}x{height}")
        return find_layer_objects(layer, values, picture)
    except ImageProblem as problem:
        reason = problem.reason if problem.reason.startswith("mask_") else f"mask_{problem.reason}"
        raise ImageProblem(reason, f"its mask {layer.member}: {problem.detail}") from problem


def _annotation_regions(
    sample_id: str, annotation: Annotation, width: int, height: int, picture: NDArray[np.uint8] | None
) -> Iterator[Region]:
    key, label = annotation.key, annotation.label
    if annotation.rle is not None:
        white = _decode(annotation, width, height)
        if white.any():
            yield _identify(measure_mask(white, picture), sample_id, annotation)
    if annotation.polygons:
        yield from _polygon_region(sample_id, annotation, width, height, picture)
    clipped = clip_box(annotation.box, width, height) if annotation.box else None
    if annotation.box is not None and clipped is not None:
        yield Region(
            sample_id=sample_id,
            evidence="box" if annotation.track_id is None else "track",
            label=label,
            index=0,
            box=clipped,
            object_key=key,
            track_id=annotation.track_id,
            truncated=reaches_border(annotation.box, width, height),
        )


def _decode(annotation: Annotation, width: int, height: int) -> NDArray[np.bool_]:
    try:
        return decode_rle(str(annotation.rle), height, width)
    except ValueError as error:
        raise ImageProblem("mask_size_mismatch", f"its mask {annotation.key}: {error}") from error


def _polygon_region(
    sample_id: str, annotation: Annotation, width: int, height: int, picture: NDArray[np.uint8] | None
) -> Iterator[Region]:
    """Yield the region of a polygon: its box spans the vertices, its mask holds the pixel centres inside."""
    extent = polygon_box(annotation.polygons)
    box = clip_box(extent, width, height)
    if box is None:
        return
    white = fill_polygons(annotation.polygons, width, height)
    region = Region(
        sample_id=sample_id,
        evidence="polygon",
        label=annotation.label,
        index=0,
        box=box,
        object_key=annotation.key,
        track_id=annotation.track_id,
        truncated=reaches_border(extent, width, height),
    )
    if white.any():
        found = measure_mask(white, picture)
        found = replace(found, evidence="polygon", box=box, truncated=region.truncated)
        region = _identify(found, sample_id, annotation)
    yield region


def _identify(region: Region, sample_id: str, annotation: Annotation) -> Region:
    return replace(
        region,
        sample_id=sample_id,
        label=annotation.label,
        object_key=annotation.key,
        track_id=annotation.track_id,
    )


def _number(regions: list[Region]) -> Iterator[Region]:
    """Yield the regions numbered from 0 per evidence and label, in their given order."""
    seen: Counter[tuple[str, str]] = Counter()
    for region in regions:
        place = (region.evidence, region.label)
        yield replace(region, index=seen[place])
        seen[place] += 1
