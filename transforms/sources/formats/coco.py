"""Read COCO: JSON with images, annotations and categories.

Boxes are x, y, width, height in pixel edges from 0. Annotations are streamed; a picture is yielded after its last
annotation.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.class_names import class_name
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
from medmultipoints.transforms.sources.reading.records.coco_evidence import CocoEvidence, conclude, gather_evidence
from medmultipoints.transforms.sources.reading.records.coco_lists import (
    CATEGORY,
    CocoImage,
    box_numbers,
    identifier,
    is_crowd,
    read_categories,
    read_images,
)
from medmultipoints.transforms.sources.reading.records.coco_shapes import contradiction, key_points, read_segmentation
from medmultipoints.transforms.sources.reading.records.json_rows import JsonDocument, first_item, show
from medmultipoints.transforms.sources.reading.records.row_facts import weigh_columns
from medmultipoints.transforms.sources.reading.shapes import (
    ZERO_EXTENT,
    Fault,
    Place,
    box_fault,
    finite,
    not_finite,
    oriented_place,
)

_SIGNS = (
    re.compile(rb'"images"\s*:\s*\[\s*(\{|\])'),
    re.compile(rb'"annotations"\s*:\s*\[\s*(\{|\])'),
    re.compile(rb'"categories"\s*:\s*\[\s*(\{|\])'),
)
_PLACES = frozenset({"bbox", "segmentation", "keypoints"})
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


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the COCO files among the members."""
    listing = listed(files)
    found: dict[str, frozenset[str]] = {}
    joined: set[str] = set()
    index = PictureIndex(listing.photos)
    draft = Draft("coco", stated)
    names: dict[str, dict[str, str]] = {}
    facts: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for name in _coco_files(listing):
        try:
            images = read_images(JsonDocument(listing, name))
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        if not images:
            draft.hint("images_missing", f"{name} has no list of images at its top; COCO's lists belong there")
            continue
        joins = {image.file_name: index.find(image.file_name, name) for image in images.values()}
        found[name] = frozenset(join.member or stated_name for stated_name, join in joins.items())
        names[name] = {stated_name: join.member for stated_name, join in joins.items() if join.member}
        facts[name] = {image.file_name: image.facts for image in images.values()}
        hint_missing(draft, name, list(joins.values()))
    if not found:
        return None
    draft.line("format", "coco", f"{plural(len(found), 'JSON file')} with images, annotations and categories")
    chosen = choose_documents(draft, listing, found)
    joined = {member for name in chosen for member in names[name].values()}
    propose_images(draft, listing, in_same_folders(listing, sorted(joined)), listing.pictures)
    seen = CocoEvidence()
    for name in chosen:
        gather_evidence(draft, listing, name, seen, names[name])
    conclude(draft, seen)
    own = {image: held for name in chosen for image, held in facts[name].items()}
    weigh_columns(draft, own, more=sorted(seen.other_keys))
    return draft.done()


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture after its last annotation."""
    return read_documents(declaration, files, _coco_files, _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    declaration, document = pictures.declaration, JsonDocument(pictures.listing, name)
    images, categories = read_images(document), read_categories(document, declaration.fields.get("label", CATEGORY))
    left, times = _count_entries(document)
    held: dict[Any, list[Annotation | ReadProblem]] = {}
    done: set[Any] = set()
    for at, entry in enumerate(document.items("annotations")):
        number = _number(entry, at)
        key = f"{name}#{number}" if times[number] < 2 else f"{name}#{number}@{at}"
        image_id = identifier(entry.get("image_id")) if isinstance(entry, dict) else None
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


def _count_entries(document: JsonDocument) -> tuple[Counter[Any], Counter[str]]:
    """Return the number of annotations by image, and by their own id or, without one, their position."""
    images: Counter[Any] = Counter()
    own: Counter[str] = Counter()
    for at, entry in enumerate(document.items("annotations")):
        own[_number(entry, at)] += 1
        if isinstance(entry, dict):
            images[identifier(entry.get("image_id"))] += 1
    return images, own


def _number(entry: Any, at: int) -> str:
    return str(entry.get("id", at) if isinstance(entry, dict) else at)


def _read_image(
    pictures: Pictures, name: str, image_id: Any, image: CocoImage, found: list[Annotation | ReadProblem]
) -> Reading:
    joined = pictures.index.find(image.file_name, name)
    return pictures.join(joined, image.file_name, f"{name}#image {image_id}", found, name, image.size, image.facts)


def _annotation(
    declaration: Declaration, key: str, entry: Mapping[str, Any], image: CocoImage, categories: Mapping[Any, str]
) -> Annotation | ReadProblem:
    number = entry.get(declaration.fields.get("label", CATEGORY))
    label = _label(declaration, number, categories)
    if label is None:
        detail = f"{key}: no category, or several, have the id {show(number)}"
        return ReadProblem(key=key, reason="category_unknown", detail=detail)
    polygons, rle, fault = read_segmentation(entry.get("segmentation"), image.size, declaration.boxes.unit)
    box, box_problem = _box(declaration, entry.get("bbox"), image)
    if rle is None and not polygons:
        fault = fault or box_problem
    fault = box_problem if box_problem and box_problem.reason not in (ZERO_EXTENT, "box_missing") else fault
    fault = fault or contradiction(box, polygons, entry.get("segmentation"))
    turned = _turned(box, entry) if fault is None and rle is None and not polygons else None
    box, fault = (turned.box, fault) if isinstance(turned, Place) else (box, fault or turned)
    points = key_points(entry.get("keypoints"))
    lone = points[0] if points and box is None and rle is None and not polygons else None
    keep = declaration.boxes.degenerate == "keep"
    if lone is None and fault is not None and not (keep and fault.reason == ZERO_EXTENT):
        return ReadProblem(key=key, reason=fault.reason, detail=f"{key}: {fault.detail}", label=label)
    attributes = {"keypoints": show(entry["keypoints"], 4096)} if points else {}
    attributes |= turned.attributes if isinstance(turned, Place) else {}
    return Annotation(
        key=key,
        label=label,
        box=box,
        polygons=polygons,
        rle=rle,
        point=lone,
        crowd=is_crowd(entry),
        ignore=entry.get("ignore") == 1,
        attributes=attributes,
    )


def _turned(box: Box | None, entry: Mapping[str, Any]) -> Place | Fault | None:
    """Return the place of a box that CVAT rotates by an attribute, in degrees about its centre; None if it does not."""
    held = entry.get("attributes")
    degrees = held.get("rotation") if isinstance(held, dict) else None
    if box is None or not isinstance(degrees, int | float) or not finite([degrees]) or not degrees:
        return None
    return oriented_place(box, degrees)


def _label(declaration: Declaration, number: Any, categories: Mapping[Any, str]) -> str | None:
    """Return the label of a category number; declared names of numbers win over those of the file."""
    key = identifier(number)
    if number is None or not declaration.classes or not isinstance(key, int):
        return declaration.label if number is None else categories.get(key)
    return class_name(declaration.classes, key) or None


def _box(declaration: Declaration, stated: Any, image: CocoImage) -> tuple[Box | None, Fault | None]:
    stated = box_numbers(stated)
    if not isinstance(stated, list) or len(stated) != 4:
        return None, Fault("box_missing", f"the box is {show(stated)}, not four numbers")
    if not finite(stated):
        return None, not_finite(f"the box {show(stated)}")
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
    keys=frozenset({"boxes.form", "boxes.unit", "boxes.degenerate", "classes", "label", "fields.label"}),
)
