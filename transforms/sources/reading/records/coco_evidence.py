"""Weigh the annotations of COCO documents: form of boxes, categories, and what is odd."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from medmultipoints.transforms.regions.boxes import are_near
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.reading.box_forms import SWAPPED, FormEvidence, refuse_form
from medmultipoints.transforms.sources.reading.class_names import names_wanted
from medmultipoints.transforms.sources.reading.frame_evidence import LEAST
from medmultipoints.transforms.sources.reading.joining import size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.records.coco_lists import (
    CATEGORY,
    CocoImage,
    box_numbers,
    identifier,
    is_crowd,
    list_categories,
    read_categories,
    read_images,
)
from medmultipoints.transforms.sources.reading.records.coco_shapes import read_segmentation
from medmultipoints.transforms.sources.reading.records.json_rows import JsonDocument
from medmultipoints.transforms.sources.reading.shapes import crosses_itself, extent, finite, outline, polygon_fault

_CROSSINGS_SOUGHT: Final = 20_000
"""Number of annotations checked for self-crossing polygons, which takes longer than reading them."""
_MOST_SIZES: Final = 4000
"""Number of pictures whose own size is read because the document gives none."""
_MOST_NUMBERS: Final = 1000
_OWN: Final = frozenset(
    {"id", "image_id", "bbox", "area", "segmentation", "iscrowd", "ignore", "keypoints", "num_keypoints", "attributes"}
)
"""Keys of an annotation by the format."""


@dataclass
class CocoEvidence:
    """Counts over the annotations of all files. ``by_size``, ``by_corners``: boxes that fit only as such.

    ``sized``: boxes of pictures of a known size, of which ``swapped`` lie inside as y, x, height, width.
    ``unstated``: pictures whose size is not stated and taken from the picture itself.
    """

    objects: int = 0
    crowds: int = 0
    no_extent: int = 0
    as_sizes: int = 0
    as_corners: int = 0
    boxes: int = 0
    fractions: int = 0
    beyond: int = 0
    forms: FormEvidence = field(default_factory=FormEvidence)
    sized: int = 0
    unstated: int = 0
    swapped: int = 0
    by_size: int = 0
    by_corners: int = 0
    contrary: int = 0
    rle_sizes: int = 0
    crossing: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    key_points: int = 0
    unknown: int = 0
    other_keys: set[str] = field(default_factory=set)
    category_keys: Counter[str] = field(default_factory=Counter)
    numbers: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    lists: set[tuple[str, ...]] = field(default_factory=set)


def gather_evidence(
    draft: Draft, listing: Listing, name: str, seen: CocoEvidence, members: Mapping[str, str] | None = None
) -> None:
    """Add the annotations of a document to the evidence.

    ``members``: pictures by file name, whose own sizes are taken where the document states none.
    """
    document = JsonDocument(listing, name)
    key = str(draft.states("fields.label") or CATEGORY)
    images, categories = read_images(document), read_categories(document, key)
    images = {number: _sized(listing, image, members or {}, seen) for number, image in images.items()}
    seen.names |= {number: label for number, label in categories.items() if isinstance(number, int)}
    seen.lists |= {names for names in (list_categories(document),) if names}
    folded = Counter(label.casefold() for label in categories.values())
    twins = [label for label in categories.values() if folded[label.casefold()] > 1]
    if twins:
        draft.hint("category_names_repeat", f"{name}: categories {', '.join(map(repr, sorted(twins)))} have one name")
    for entry in document.items("annotations"):
        if not isinstance(entry, dict):
            continue
        image, number = images.get(identifier(entry.get("image_id"))), identifier(entry.get(key))
        if isinstance(number, int) and len(seen.numbers) < _MOST_NUMBERS:
            seen.numbers.add(number)
        seen.unknown += image is None or number not in categories
        seen.category_keys.update(key for key in entry if key.startswith(CATEGORY))
        seen.other_keys |= {name for name in entry.keys() - _OWN if not name.startswith((CATEGORY, key))}
        seen.objects += 1
        seen.crowds += is_crowd(entry)
        seen.key_points += bool(entry.get("keypoints"))
        _count_box(entry, image, seen)
        _count_outline(entry.get("segmentation"), image, seen)


def _sized(listing: Listing, image: CocoImage, members: Mapping[str, str], seen: CocoEvidence) -> CocoImage:
    """Return an image with the size of its picture if the document gives none."""
    member = members.get(image.file_name)
    if image.size is not None or member is None or seen.unstated >= _MOST_SIZES:
        return image
    seen.unstated += 1
    return replace(image, size=size_or_none(listing, member))


def _count_box(entry: Mapping[str, Any], image: CocoImage | None, seen: CocoEvidence) -> None:
    box = box_numbers(entry.get("bbox"))
    if not isinstance(box, list) or len(box) != 4 or not finite(box):
        return
    a, b, c, d = box
    seen.boxes += 1
    seen.no_extent += c == 0 or d == 0
    seen.as_corners += c > a and d > b
    seen.fractions += max(box) <= 1
    seen.forms.add(box, image.size if image else None)
    as_size, as_corners = _fits_outline(entry, box)
    seen.contrary += bool(entry.get("segmentation")) and isinstance(entry["segmentation"], list) and not as_size
    seen.by_size += as_size and not as_corners
    seen.by_corners += as_corners and not as_size
    if image is not None and image.size is not None:
        width, height = image.size
        fits = a >= -0.5 and b >= -0.5 and a + c <= width + 0.5 and b + d <= height + 0.5
        seen.sized += 1
        seen.as_sizes += fits
        seen.beyond += not fits
        seen.swapped += a >= -0.5 and b >= -0.5 and b + d <= width + 0.5 and a + c <= height + 0.5


def _fits_outline(entry: Mapping[str, Any], box: list[float]) -> tuple[bool, bool]:
    """Return whether an entry's outline, or its area without one, fits the box as corner and size, and as corners."""
    a, b, c, d = box
    stated = entry.get("segmentation")
    polygons = read_segmentation(stated, None)[0] if isinstance(stated, list) else ()
    if polygons:
        found = extent(polygons)
        return are_near(found, (a, b, a + c, b + d)), are_near(found, (a, b, c, d))
    area: Any = entry.get("area")
    if isinstance(stated, dict) or not finite((area,)) or area <= 1:
        return False, False
    slack = 1 + area * 0.01
    return abs(c * d - area) <= slack, c > a and abs((c - a) * (d - b) - area) <= slack


def _count_outline(segmentation: Any, image: CocoImage | None, seen: CocoEvidence) -> None:
    if isinstance(segmentation, dict):
        size = segmentation.get("size")
        seen.rle_sizes += bool(image and image.size and size != [image.size[1], image.size[0]])
    elif isinstance(segmentation, list):
        for numbers in segmentation:
            fault = polygon_fault(numbers) if isinstance(numbers, list) else None
            if fault is not None:
                seen.faults[fault.reason] += 1
            elif isinstance(numbers, list) and seen.objects <= _CROSSINGS_SOUGHT:
                seen.crossing += crosses_itself(outline(numbers), 60)


def conclude(draft: Draft, seen: CocoEvidence) -> None:
    """Propose or ask what the annotations leave open, and add hints."""
    _ask_category(draft, seen)
    _ask_numbers(draft, seen)
    said = f"No number of {plural(seen.boxes, 'box', 'boxes')} is above 1"
    if seen.fractions == seen.boxes >= LEAST:
        draft.line("boxes.unit", "fraction", said)
    elif seen.boxes and seen.fractions == seen.boxes:
        text = f"{said}. Are they fractions of the picture's size?"
        draft.ask("boxes.unit", text, ["fraction", "pixels"], "fraction")
    if seen.boxes:
        _decide_form(draft, seen)
    if seen.contrary * 20 > seen.boxes and draft.likely("boxes.form") == "xywh":
        said = f"{seen.contrary:,} of {plural(seen.boxes, 'box', 'boxes')} do not enclose the outline of their object"
        draft.hint("outlines_contradict", f"{said}: outlines are read; are their numbers x, y in pixels?")
    _hint_counts(draft, seen)


def _decide_form(draft: Draft, seen: CocoEvidence) -> None:
    refuse_form(draft, seen.forms, ("xyxy", "xywh"))
    said = plural(seen.boxes, "box", "boxes")
    for form, own, other in (("xyxy", seen.by_corners, seen.by_size), ("xywh", seen.by_size, seen.by_corners)):
        if other >= LEAST and other > 19 * own:
            draft.refuse("boxes.form", form, f"{other:,} of {said} fit their outline or area in the other form alone")
    all_corners = seen.as_corners == seen.boxes
    asked = False
    if all_corners and seen.by_corners > 19 * seen.by_size:
        proof = f"{seen.by_corners:,} of {said} enclose their outline, or have their area, only as two corners"
        draft.line("boxes.form", "xyxy", proof)
    elif all_corners and seen.beyond * 20 > seen.boxes and not seen.by_size:
        asked = True
        text = f"COCO's boxes are x, y, width, height, but {seen.beyond:,} of {said} would then pass the picture's edge"
        choices = ["xyxy"] if seen.forms.better("xywh", ("xyxy",)) else ["xyxy", "xywh"]
        draft.ask("boxes.form", f"{text}, and all could be two corners. Which is it?", choices, "xyxy")
    elif all_corners and seen.boxes >= 8 and not seen.by_size and not seen.fractions:
        text = f"All of {said} could be two corners, and no outline or area says otherwise. Which is it?"
        draft.ask("boxes.form", text, ["xywh", "xyxy"], "xywh")
    elif seen.beyond * 10 > seen.sized and seen.swapped > seen.as_sizes:
        asked = True
        text = f"COCO's boxes are x, y, width, height: {seen.beyond:,} of {said} then pass the picture's edge, and "
        text += f"{seen.sized - seen.swapped:,} as y, x, height, width. If they are, correct the file"
        proved = seen.forms.better("xywh", ("xywh" + SWAPPED,))
        draft.ask("boxes.form", text if proved else f"{text}; if not, say xywh", [] if proved else ["xywh"])
    elif seen.sized:
        proof = f"{seen.as_sizes:,} of {plural(seen.sized, 'box', 'boxes')} lie in their picture so"
        if seen.unstated:
            proof += f"; {plural(seen.unstated, 'size')} of pictures not stated: compared with the pictures' own"
        draft.line("boxes.form", "xywh", proof)
    else:
        draft.line("boxes.form", "xywh", "as COCO defines it; no size of a picture is stated to compare")
    if seen.beyond and not asked and draft.likely("boxes.form") == "xywh":
        draft.hint("beyond_frame", f"{plural(seen.beyond, 'box', 'boxes')} reach beyond the picture's frame")


def _ask_category(draft: Draft, seen: CocoEvidence) -> None:
    """Ask for the category's key, or for the label of all objects, if no annotation has a ``category_id``."""
    stated = draft.states("fields.label")
    if stated is not None:
        draft.line("fields.label", stated, "stated")
    elif not seen.objects or seen.category_keys[CATEGORY]:
        return
    elif seen.category_keys:
        keys = sorted(seen.category_keys)
        text = f"No annotation has a category_id. Which of {', '.join(keys)} is the label of an object?"
        draft.ask("fields.label", text, keys)
    else:
        draft.ask("label", "Annotations have no category. What is the label of all of them?")


def _ask_numbers(draft: Draft, seen: CocoEvidence) -> None:
    """Ask for the names of category numbers if no category has them, or if they look shifted by one."""
    used, known = seen.numbers, seen.names.keys()
    if draft.states("classes") is not None:
        draft.line("classes", draft.states("classes"), "stated")
    elif used and not known:
        shown = ", ".join(map(str, sorted(used)[:20]))
        offered = [toml_value(names) for names in sorted(seen.lists) if len(names) > max(used)]
        text = f"What are the category numbers {shown}? The files name none."
        draft.ask("classes", f"{text} {names_wanted(sorted(used))}", offered)
    elif used and known and min(used) >= 0 and (step := _shift(used, seen.names)):
        last = max(*used, *known) + 1
        choices = [toml_value([seen.names.get(at + by, "") for at in range(last)]) for by in (step, 0)]
        text = (
            f"Categories are numbered {min(known)} to {max(known)}, annotations {min(used)} to {max(used)}: are they "
        )
        draft.ask("classes", f"{text}shifted by one? Names from 0 on", choices, choices[0])


def _shift(used: set[int], names: Mapping[int, str]) -> int:
    """Return by how much category numbers of annotations are too low (1) or too high (-1), or 0."""
    below = min(used) == min(names) - 1 and max(used) < max(names)
    above = max(used) == max(names) + 1 and min(used) > min(names)
    step = 1 if below else -1 if above else 0
    return step if step and all(number + step in names for number in used) else 0


def _hint_counts(draft: Draft, seen: CocoEvidence) -> None:
    """Add hints about annotations that are rejected, dropped or changed."""
    texts = {
        "zero_extent": (seen.no_extent, "box", "boxes", "of zero extent; rejected unless kept"),
        "crowds": (seen.crowds, "crowd region", None, "(iscrowd), never counted"),
        "rle_other_size": (seen.rle_sizes, "mask", None, "of another size than the picture; rejected"),
        "self_crossing": (seen.crossing, "polygon", None, "that cross themselves; filled by the even-odd rule"),
        "key_points": (seen.key_points, "annotation", None, "with key points, kept as attributes"),
        "unknown_entries": (seen.unknown, "annotation", None, "of an unknown picture or category; rejected"),
    }
    for key, (count, noun, several, rest) in texts.items():
        if count:
            draft.hint(key, f"{plural(count, noun, several)} {rest}")
    for reason, count in sorted(seen.faults.items()):
        draft.hint(reason, f"{plural(count, 'polygon')} that enclose nothing; the box is used")
