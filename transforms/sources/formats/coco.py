"""Read COCO: JSON with images, annotations and categories.

Boxes are x, y, width, height in pixel edges from 0. Annotations are streamed; a picture is yielded after its last
annotation.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    choose_documents,
    hint_missing,
    in_same_folders,
    propose_images,
)
from medmultipoints.transforms.sources.reading.records.coco_shapes import key_points, read_segmentation
from medmultipoints.transforms.sources.reading.records.json_rows import JsonDocument, first_item, show
from medmultipoints.transforms.sources.reading.shapes import (
    ZERO_EXTENT,
    Fault,
    box_fault,
    crosses_itself,
    finite,
    outline,
    polygon_fault,
)

_SIGNS = (
    re.compile(rb'"images"\s*:\s*\[\s*(\{|\])'),
    re.compile(rb'"annotations"\s*:\s*\[\s*(\{|\])'),
    re.compile(rb'"categories"\s*:\s*\[\s*(\{|\])'),
)
_CROSSINGS_SOUGHT = 20_000
"""Number of annotations checked for self-crossing polygons, which takes longer than reading them."""
_PLACES = frozenset({"bbox", "segmentation", "keypoints"})
CATEGORY: Final = "category_id"
_FIELDS = re.compile(rb'"(image_id|category_id|file_name|supercategory)"')


def _is_coco(head: bytes) -> bool:
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return bare.startswith(b"{") and any(sign.search(bare) for sign in _SIGNS) and bool(_FIELDS.search(bare))


def _coco_files(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.of("text") if _is_coco(listing.head(name)) and _has_objects(listing, name))


def _has_objects(listing: Listing, name: str) -> bool:
    """Return whether the first annotation locates an object, unlike captions, panoptic segments and mask files."""
    try:
        first = first_item(listing, name, "annotations")
    except MemberProblem:
        return True
    return not isinstance(first, dict) or bool(_PLACES & first.keys())


@dataclass(frozen=True, slots=True)
class _Image:
    file_name: str
    width: int | None
    height: int | None

    @property
    def size(self) -> tuple[int, int] | None:
        return (self.width, self.height) if self.width and self.height else None


@dataclass
class _Evidence:
    """Counts over the annotations of all files."""

    objects: int = 0
    crowds: int = 0
    no_extent: int = 0
    as_sizes: int = 0
    as_corners: int = 0
    boxes: int = 0
    fractions: int = 0
    beyond: int = 0
    rle_sizes: int = 0
    crossing: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    key_points: int = 0
    unknown: int = 0
    category_keys: Counter[str] = field(default_factory=Counter)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the COCO files among the members."""
    listing = listed(files)
    found: dict[str, frozenset[str]] = {}
    joined: set[str] = set()
    index = PictureIndex(listing.photos)
    draft = Draft("coco", stated)
    names: dict[str, set[str]] = {}
    for name in _coco_files(listing):
        try:
            images = _images(JsonDocument(listing, name))
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        if not images:
            draft.hint("images_missing", f"{name} has no list of images at its top; COCO's lists belong there")
            continue
        joins = {image.file_name: index.find(image.file_name, name) for image in images.values()}
        found[name] = frozenset(join.member or stated_name for stated_name, join in joins.items())
        names[name] = {join.member for join in joins.values() if join.member}
        hint_missing(draft, name, list(joins.values()))
    if not found:
        return None
    draft.line("format", "coco", f"{plural(len(found), 'JSON file')} with images, annotations and categories")
    chosen = choose_documents(draft, listing, found)
    joined = set().union(*(names[name] for name in chosen))
    propose_images(draft, listing, in_same_folders(listing, sorted(joined)), listing.pictures)
    seen = _Evidence()
    for name in chosen:
        _gather_evidence(draft, listing, name, seen)
    _conclude(draft, seen)
    return draft.done()


def _images(document: JsonDocument) -> dict[Any, _Image]:
    """Return images by id, without ambiguous ids of several files."""
    found: dict[Any, _Image] = {}
    repeated: set[Any] = set()
    for entry in document.items("images"):
        if isinstance(entry, dict) and isinstance(entry.get("file_name"), str):
            width, height = entry.get("width"), entry.get("height")
            key, image = _id(entry.get("id")), _Image(entry["file_name"], _side(width), _side(height))
            if found.setdefault(key, image).file_name != image.file_name:
                repeated.add(key)
    return {key: image for key, image in found.items() if key not in repeated}


def _id(value: Any) -> Any:
    """Return a hashable id: ``1``, ``1.0`` and ``"1"`` are one id, since writers mix them; other values as text."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and str(int(value)) == value else value
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and finite([value]) and value == int(value) else show(value)


def _side(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and finite([value]) and value >= 1 else None


def _categories(document: JsonDocument, key: str = CATEGORY) -> dict[Any, str]:
    """Return category names by id, without ambiguous ids of several names.

    DENTEX's ``category_id_3`` refers to the list ``categories_3``.
    """
    found: dict[Any, str] = {}
    repeated: set[Any] = set()
    for entry in document.items("categories" + key.removeprefix(CATEGORY)):
        if isinstance(entry, dict) and entry.get("name") not in (None, ""):
            number, label = _id(entry.get("id")), str(entry["name"]).strip()
            if found.setdefault(number, label) != label:
                repeated.add(number)
    return {number: label for number, label in found.items() if number not in repeated}


def _gather_evidence(draft: Draft, listing: Listing, name: str, seen: _Evidence) -> None:
    document = JsonDocument(listing, name)
    key = str(draft.states("fields.label") or CATEGORY)
    images, categories = _images(document), _categories(document, key)
    folded = Counter(label.casefold() for label in categories.values())
    twins = [label for label in categories.values() if folded[label.casefold()] > 1]
    if twins:
        draft.hint("category_names_repeat", f"{name}: categories {', '.join(map(repr, sorted(twins)))} have one name")
    for entry in document.items("annotations"):
        if not isinstance(entry, dict):
            continue
        image = images.get(_id(entry.get("image_id")))
        seen.unknown += image is None or _id(entry.get(key)) not in categories
        seen.category_keys.update(key for key in entry if key.startswith(CATEGORY))
        seen.objects += 1
        seen.crowds += _is_crowd(entry)
        seen.key_points += bool(entry.get("keypoints"))
        _count_box(entry.get("bbox"), image, seen)
        _count_outline(entry.get("segmentation"), image, seen)


def _count_box(box: Any, image: _Image | None, seen: _Evidence) -> None:
    if not isinstance(box, list) or len(box) != 4 or not finite(box):
        return
    a, b, c, d = box
    seen.boxes += 1
    seen.no_extent += c == 0 or d == 0
    seen.as_corners += c > a and d > b
    seen.fractions += max(box) <= 1
    if image is not None and image.size is not None:
        width, height = image.size
        fits = a >= -0.5 and b >= -0.5 and a + c <= width + 0.5 and b + d <= height + 0.5
        seen.as_sizes += fits
        seen.beyond += not fits


def _count_outline(segmentation: Any, image: _Image | None, seen: _Evidence) -> None:
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


def _ask_category(draft: Draft, seen: _Evidence) -> None:
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


def _conclude(draft: Draft, seen: _Evidence) -> None:
    _ask_category(draft, seen)
    if seen.boxes and seen.fractions == seen.boxes:
        text = (
            f"No number of {plural(seen.boxes, 'box', 'boxes')} is above 1. Are they fractions of the picture's size?"
        )
        draft.ask("boxes.unit", text, ["fraction", "pixels"], "fraction")
    beyond = seen.beyond and seen.as_corners == seen.boxes and seen.beyond * 20 > seen.boxes
    if beyond:
        draft.ask(
            "boxes.form",
            f"COCO's boxes are x, y, width, height, but {seen.beyond:,} of {plural(seen.boxes, 'box', 'boxes')} would "
            "then pass the picture's edge, and all could be two corners. Which is it?",
            ["xyxy", "xywh"],
            "xyxy",
        )
    elif seen.boxes:
        draft.line(
            "boxes.form", "xywh", f"{seen.as_sizes:,} of {plural(seen.boxes, 'box', 'boxes')} lie in their picture so"
        )
    if seen.beyond and not beyond:
        draft.hint("beyond_frame", f"{plural(seen.beyond, 'box', 'boxes')} reach beyond the picture's frame")
    _hint_counts(draft, seen)


def _hint_counts(draft: Draft, seen: _Evidence) -> None:
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


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture after its last annotation."""
    return read_documents(declaration, files, _coco_files, _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    declaration, document = pictures.declaration, JsonDocument(pictures.listing, name)
    images, categories = _images(document), _categories(document, declaration.fields.get("label", CATEGORY))
    left = Counter(_id(entry.get("image_id")) for entry in document.items("annotations") if isinstance(entry, dict))
    held: dict[Any, list[Annotation | ReadProblem]] = {}
    done: set[Any] = set()
    for at, entry in enumerate(document.items("annotations")):
        key = f"{name}#{entry.get('id', at) if isinstance(entry, dict) else at}"
        image_id = _id(entry.get("image_id")) if isinstance(entry, dict) else None
        image = images.get(image_id)
        if image is None:
            detail = f"{key}: no image, or several, have the id {show(image_id)}"
            yield ReadProblem(key=key, reason="image_unknown", detail=detail)
            continue
        held.setdefault(image_id, []).append(_annotation(declaration, key, entry, image, categories))
        left[image_id] -= 1
        if not left[image_id]:
            done.add(image_id)
            yield from _read_image(pictures, name, image_id, image, held.pop(image_id))
    for image_id, image in images.items():
        if image_id not in done:
            yield from _read_image(pictures, name, image_id, image, [])


def _read_image(
    pictures: Pictures, name: str, image_id: Any, image: _Image, found: list[Annotation | ReadProblem]
) -> Reading:
    joined = pictures.index.find(image.file_name, name)
    return pictures.join(joined, image.file_name, f"{name}#image {image_id}", found, name, image.size)


def _annotation(
    declaration: Declaration, key: str, entry: Mapping[str, Any], image: _Image, categories: Mapping[Any, str]
) -> Annotation | ReadProblem:
    number = entry.get(declaration.fields.get("label", CATEGORY))
    label = declaration.label if number is None else categories.get(_id(number))
    if label is None:
        detail = f"{key}: no category, or several, have the id {show(number)}"
        return ReadProblem(key=key, reason="category_unknown", detail=detail)
    polygons, rle, fault = read_segmentation(entry.get("segmentation"), image.size)
    box, box_problem = _box(declaration, entry.get("bbox"), image)
    if rle is None and not polygons:
        fault = fault or box_problem
    fault = box_problem if box_problem and box_problem.reason not in (ZERO_EXTENT, "box_missing") else fault
    points = key_points(entry.get("keypoints"))
    lone = points[0] if points and box is None and rle is None and not polygons else None
    keep = declaration.boxes.degenerate == "keep"
    if lone is None and fault is not None and not (keep and fault.reason == ZERO_EXTENT):
        return ReadProblem(key=key, reason=fault.reason, detail=f"{key}: {fault.detail}", label=label)
    attributes = {"keypoints": show(entry["keypoints"], 4096)} if points else {}
    return Annotation(
        key=key,
        label=label,
        box=box,
        polygons=polygons,
        rle=rle,
        point=lone,
        crowd=_is_crowd(entry),
        ignore=entry.get("ignore") == 1,
        attributes=attributes,
    )


def _is_crowd(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry is a crowd region; CVAT (which writes ``occluded``) marks each mask with iscrowd 1."""
    return entry.get("iscrowd") == 1 and "occluded" not in (entry.get("attributes") or ())


def _box(declaration: Declaration, stated: Any, image: _Image) -> tuple[Box | None, Fault | None]:
    if not isinstance(stated, list) or len(stated) != 4:
        return None, Fault("box_missing", f"the box is {show(stated)}, not four numbers")
    if not finite(stated):
        return None, Fault("box_not_a_number", f"the box {show(stated)} has a value that is not a finite number")
    a, b, c, d = stated
    if declaration.boxes.unit == "fraction" and image.size is not None:
        a, b, c, d = (value * side for value, side in zip(stated, (*image.size, *image.size), strict=True))
    box = Box(a, b, c, d) if declaration.boxes.form == "xyxy" else Box(a, b, a + c, b + d)
    fault = box_fault(box, stated, *(image.size or ()))
    keep = fault is None or (fault.reason == ZERO_EXTENT and declaration.boxes.degenerate == "keep")
    return (box if keep else None), fault


FORMAT = Format(
    name="coco",
    title="COCO JSON (boxes, polygons, run lengths, key points)",
    recognise=recognise,
    read=read,
    weight=80,
    lost="captions, panoptic PNGs, skeletons; key points are kept as attributes",
    export="CVAT: COCO 1.0; Roboflow: COCO; Label Studio: COCO",
)
