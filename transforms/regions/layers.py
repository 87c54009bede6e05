"""Find the objects in the values of a mask, as its layer declares them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.components import Speck, find_regions, measure_object, reading_order
from medmultipoints.transforms.masks.mask_values import check_plateaus
from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.rasters.values import Values, distinct_codes, pack_colour, unpack_colour
from medmultipoints.transforms.records import MaskLayer, Region
from medmultipoints.transforms.regions.framing import is_inverted

UNNAMED: Final = "object"
"""Label of the objects of a mask without one, until it is given."""


@dataclass(frozen=True, slots=True)
class LayerObjects:
    """Objects of a layer, sorted by label and reading order, and the components too small to be objects.

    ``sample_id`` of the objects is empty. ``uncertain``: the layer marks an area outside the objects as unknown.
    ``left_out``: the values in the mask whose label the declaration ignores.
    """

    objects: tuple[Region, ...]
    specks: tuple[tuple[str, Speck], ...]
    uncertain: bool = False
    left_out: tuple[str, ...] = ()


def find_layer_objects(layer: MaskLayer, values: Values, picture: NDArray[np.uint8] | None = None) -> LayerObjects:
    """Return the objects in the values of a layer. With ``picture``, in RGB, each has its tone.

    Raises ImageProblem ``mask_values_unclear`` if a binary mask has neither the values 0 and 1 nor dark and bright
    ones, ``mask_value_unknown`` if a value has no label, ``mask_inverted`` if the background is white.
    """
    objects: list[Region] = []
    specks: list[tuple[str, Speck]] = []
    for label, codes in _split_labels(layer, values).items():
        if layer.object == "component":
            white = _are_any(values, codes).view(np.uint8) * np.uint8(255)
            found = find_regions(white, 128, layer.min_area_px, picture=picture)
            objects += [replace(region, label=label) for region in found.regions]
            specks += [(label, speck) for speck in found.specks]
            continue
        for region in _whole_objects(layer, values, codes, picture):
            if (area := region.area_px or 0) < layer.min_area_px:
                specks.append((label, Speck(region.box, area, "below_min_area")))
            else:
                objects.append(replace(region, label=label))
    objects.sort(key=lambda region: (region.label, reading_order(region)))
    specks.sort(key=lambda found: (found[0], reading_order(found[1])))
    return LayerObjects(tuple(objects), tuple(specks), _has_unknown_areas(layer, values), _left_out(layer, values))


def _left_out(layer: MaskLayer, values: Values) -> tuple[str, ...]:
    found = distinct_codes(values) if layer.left_out else []
    return tuple(text for code in found if (text := _text_of(layer, code)) in layer.left_out)


def _text_of(layer: MaskLayer, code: int) -> str:
    """Return a value as declarations write it."""
    return unpack_colour(code) if layer.kind == "rgb" else str(code)


def _has_unknown_areas(layer: MaskLayer, values: Values) -> bool:
    """Return whether ignored pixels form an area that is not the border of an object."""
    codes = [pack_colour(text) if "," in text else int(text) for text in layer.ignore if text[-1:].isdecimal()]
    ignored = _are_any(values, [code for code in codes if code]) if any(codes) else None
    if ignored is None or not ignored.any():
        return False
    near = cv2.dilate((~ignored & (values != 0)).view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    _, areas = cv2.connectedComponents(ignored.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return bool(np.setdiff1d(areas[ignored], areas[near & ignored]).size)


def _split_labels(layer: MaskLayer, values: Values) -> dict[str, list[int]]:
    """Return the values present in the mask, grouped by label."""
    found = distinct_codes(values)
    if layer.kind == "binary":
        codes = _object_codes(layer, found)
        _check_binary(layer, values, codes)
        return {_label_of(layer, "1"): codes} if codes else {}
    labels: dict[str, list[int]] = {}
    for code in found:
        text = _text_of(layer, code)
        if code and text not in layer.ignore:
            labels.setdefault(_label_of(layer, text), []).append(code)
    return labels


def _object_codes(layer: MaskLayer, found: list[int]) -> list[int]:
    """Return the object values of a binary mask: 1 if its values are 0 and 1, else those from 128 on."""
    codes = [code for code in found if code and str(code) not in layer.ignore]
    if codes in ([], [1]):
        return codes
    bright = [code for code in codes if code >= 128]
    if not bright or (max(codes) > 255 and len(codes) > 1):
        shown = ", ".join(map(str, codes[:5]))
        raise ImageProblem("mask_values_unclear", f"a binary mask of the values {shown}: which are the object?")
    return bright


def _check_binary(layer: MaskLayer, values: Values, codes: list[int]) -> None:
    """Raise ImageProblem for a binary mask with areas of further values or with a white background."""
    if not codes:
        return
    ignored = [int(code) for code in layer.ignore if code.isdecimal()]
    known = np.where(_are_any(values, ignored), 0, values) if ignored else values
    if int(known.max()) < 1 << 16 and codes != [1]:
        check_plateaus(known.astype(np.uint16), min(codes), lossy=layer.member.lower().endswith((".jpg", ".jpeg")))
    if is_inverted(_are_any(values, codes)):
        raise ImageProblem("mask_inverted", "it is white along the border and around a dark object. Invert the file")


def _are_any(values: Values, codes: Sequence[int]) -> NDArray[np.bool_]:
    """Return which pixels have one of the values: by a table, which takes a quarter of the time of ``np.isin``."""
    largest = int(values.max(initial=0))
    if largest >= 1 << 16 or values.min(initial=0) < 0:
        return np.isin(values, codes)
    table = np.zeros(largest + 1, np.bool_)
    table[[code for code in codes if 0 <= code <= largest]] = True
    return table[values]


def _label_of(layer: MaskLayer, text: str) -> str:
    label = layer.labels.get(text, layer.label)
    if label is None:
        known = ", ".join(layer.labels) or "none"
        raise ImageProblem("mask_value_unknown", f"the value {text} has no label; known values are {known}")
    return label


def _whole_objects(
    layer: MaskLayer, values: Values, codes: Sequence[int], picture: NDArray[np.uint8] | None
) -> Iterator[Region]:
    """Yield one object per value, or one for all values together; pixels need not be connected."""
    height, width = values.shape
    places = np.searchsorted(codes, values)
    places = np.where(np.take(codes, places, mode="clip") == values, places + 1, 0)
    if layer.object == "file":
        places = (places > 0).astype(np.int64)
    from scipy import ndimage

    for number, found in enumerate(ndimage.find_objects(places), start=1):
        pixels = (places[found] == number).astype(np.uint8)
        rows, columns = found
        yield measure_object(pixels, columns.start, rows.start, width, height, picture)


def label_values(layer: MaskLayer, values: Values) -> MaskLayer:
    """Return the layer with labels, if it has none: its values, or ``UNNAMED`` for binary and numbered masks."""
    if layer.label is not None or layer.labels:
        return layer
    if layer.kind in ("binary", "instances"):
        return replace(layer, label=UNNAMED)
    texts = [unpack_colour(v) if layer.kind == "rgb" else str(v) for v in distinct_codes(values) if v]
    return replace(layer, labels={text: text for text in texts})
