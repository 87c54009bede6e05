"""Plant known defects of image and mask sources on images chosen by the seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.simulated.image_mask_pairs import Draft, box_entry, pair_mask
from medmultipoints.transforms.sources.simulated.images import decode_picture, encode_picture, encode_png
from medmultipoints.transforms.sources.simulated.members import Content, Planted, digest

Plant = Callable[[Draft, str, str], str]


@dataclass(frozen=True, slots=True)
class PairFault:
    """A defect: ``plant(draft, stem, other)`` plants it and returns the member or entry at fault.

    ``other``: a stem without faults, for defects with ``repeats``; ``reason`` as in ``Planted``.
    """

    plant: Plant
    reason: str | None
    repeats: bool = False


def _stray_pixel(draft: Draft, stem: str, _: str) -> str:
    def content() -> bytes:
        mask = pair_mask(draft.source, draft.seed, stem)
        mask[0, 0] = 255
        return draft.source.encode_mask(mask)

    draft.contents[draft.source.mask(stem)] = content
    return draft.source.mask(stem)


def _inflated_box(draft: Draft, stem: str, other: str) -> str:
    _stray_pixel(draft, stem, other)
    boxes = draft.entries[stem]["bbox"]
    corner = (0, 0, max(box["xmax"] for box in boxes) - 1, max(box["ymax"] for box in boxes) - 1)
    draft.entries[stem] = {**draft.entries[stem], "bbox": [box_entry(draft.source.label, corner)]}
    return draft.source.image(stem)


def _phantom_box(draft: Draft, stem: str, _: str) -> str:
    boxes = draft.entries[stem]["bbox"]
    x, y = (boxes[0]["xmin"] + boxes[0]["xmax"]) // 2, (boxes[0]["ymin"] + boxes[0]["ymax"]) // 2
    phantom = box_entry(draft.source.label, (x, y, x + 2, y + 4))
    draft.entries[stem] = {**draft.entries[stem], "bbox": [*boxes, phantom]}
    return draft.source.image(stem)


def _repeat(change: Callable[[bytes], bytes]) -> Plant:
    """Return a plant that repeats the other stem's picture (with changed bytes), mask and boxes under this stem."""

    def plant(draft: Draft, stem: str, other: str) -> str:
        source = draft.source
        draft.contents[source.image(stem)] = _changed(draft.contents[source.image(other)], change)
        draft.contents[source.mask(stem)] = draft.contents[source.mask(other)]
        draft.entries[stem] = draft.entries[other]
        return source.image(stem)

    return plant


def _image(change: Callable[[bytes], bytes]) -> Plant:
    """Return a plant that changes the bytes of the picture's file."""

    def plant(draft: Draft, stem: str, _: str) -> str:
        name = draft.source.image(stem)
        draft.contents[name] = _changed(draft.contents[name], change)
        return name

    return plant


def _changed(content: Content, change: Callable[[bytes], bytes]) -> Content:
    return lambda: change(content())


def _with_comment(data: bytes) -> bytes:
    """Return the file with a comment segment after the start marker: other bytes, same pixels."""
    comment = b"saved again"
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


def _slightly_brighter(data: bytes) -> bytes:
    return encode_picture(cv2.add(decode_picture(data), np.full(4, 3.0)).astype(np.uint8), 80)


def _mask_of_other_size(draft: Draft, stem: str, _: str) -> str:
    def content() -> bytes:
        mask = pair_mask(draft.source, draft.seed, stem)
        return draft.source.encode_mask(np.ascontiguousarray(mask[:-3, :-5]))

    draft.contents[draft.source.mask(stem)] = content
    return draft.source.mask(stem)


def _without_image(draft: Draft, stem: str, _: str) -> str:
    """Remove the image and the annotation entry, but keep the mask."""
    del draft.contents[draft.source.image(stem)], draft.entries[stem]
    return draft.source.mask(stem)


def _without_mask(draft: Draft, stem: str, _: str) -> str:
    del draft.contents[draft.source.mask(stem)]
    return draft.source.image(stem)


def _without_entry(draft: Draft, stem: str, _: str) -> str:
    del draft.entries[stem]
    return draft.source.image(stem)


def _entry_only(draft: Draft, stem: str, _: str) -> str:
    """Remove the image and the mask, but keep the annotation entry."""
    del draft.contents[draft.source.image(stem)], draft.contents[draft.source.mask(stem)]
    return draft.source.entry(stem)


def _box(change: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]) -> Plant:
    """Return a plant that replaces the first box of the entry by ``change(box, entry)``."""

    def plant(draft: Draft, stem: str, _: str) -> str:
        entry = draft.entries[stem]
        draft.entries[stem] = {**entry, "bbox": [change(entry["bbox"][0], entry), *entry["bbox"][1:]]}
        return draft.source.image(stem)

    return plant


PAIR_FAULTS: Mapping[str, PairFault] = {
    "stray_pixel": PairFault(_stray_pixel, None),
    "inflated_box": PairFault(_inflated_box, None),
    "phantom_box": PairFault(_phantom_box, None),
    "duplicate_bytes": PairFault(_repeat(lambda data: data), None, repeats=True),
    "duplicate_pixels": PairFault(_repeat(_with_comment), None, repeats=True),
    "near_duplicate": PairFault(_repeat(_slightly_brighter), None, repeats=True),
    "truncated_image": PairFault(_image(lambda data: data[: len(data) // 2]), "truncated_image"),
    "empty_image": PairFault(_image(lambda _data: b""), "empty_file"),
    "mislabelled_image": PairFault(_image(lambda data: encode_png(decode_picture(data))), "mislabelled_image"),
    "mask_of_other_size": PairFault(_mask_of_other_size, "mask_size_mismatch"),
    "mask_without_image": PairFault(_without_image, "image_missing"),
    "image_without_mask": PairFault(_without_mask, "mask_missing"),
    "entry_without_image": PairFault(_entry_only, "image_missing"),
    "image_without_entry": PairFault(_without_entry, "annotation_missing"),
    "box_lacks_key": PairFault(
        _box(lambda box, _: {key: value for key, value in box.items() if key != "ymax"}), "box_key_missing"
    ),
    "box_outside": PairFault(_box(lambda box, entry: {**box, "xmax": entry["width"] + 9}), "box_outside_image"),
    "box_inverted": PairFault(_box(lambda box, _: {**box, "xmin": box["xmax"]}), "box_inverted"),
    "box_nan": PairFault(_box(lambda box, _: {**box, "ymin": float("nan")}), "box_not_a_number"),
    "box_text": PairFault(_box(lambda box, _: {**box, "ymin": str(box["ymin"])}), "box_not_a_number"),
}
NO_FAULTS: Mapping[str, PairFault] = MappingProxyType({})


def plant_pair_faults(draft: Draft, faults: Mapping[str, PairFault]) -> tuple[Planted, ...]:
    """Plant each named fault on a separate stem. Raise UsageError if there are too few images.

    Uses only stems whose boxes do not reach the origin, so that a stray pixel there is a separate component.
    """
    stems = [stem for stem, entry in draft.entries.items() if all(_clear(box) for box in entry["bbox"])]
    stems.sort(key=lambda stem: digest(draft.seed, "fault", stem))
    needed = len(faults) + sum(fault.repeats for fault in faults.values())
    if len(stems) < needed:
        raise UsageError(
            f"{draft.source.name}: the faults need {plural(needed, 'image')} without objects at the "
            f"origin; the simulation has {len(stems)}. Simulate more images or name fewer faults."
        )
    others = reversed(stems)
    planted = []
    for (name, fault), stem in zip(faults.items(), stems, strict=False):
        member = fault.plant(draft, stem, next(others) if fault.repeats else stem)
        planted.append(Planted(draft.source.name, name, stem, member, fault.reason))
    return tuple(planted)


def _clear(box: Mapping[str, Any]) -> bool:
    return bool(max(box["xmin"], box["ymin"]) > 16)
