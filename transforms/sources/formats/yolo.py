"""Read YOLO: one text file per picture, one object per line, in fractions of the picture's width and height.

The number of values distinguishes lines: 5 are a box, 6 a box with a confidence, a track or an angle, an odd number
from 7 a polygon; 9 on all lines may be oriented boxes, and numbers that fit ``kpt_shape`` are boxes with key points.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import degrees, pi
from typing import Any

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.box_forms import place_numbers
from medmultipoints.transforms.sources.reading.class_names import (
    ClassNames,
    class_name,
    class_number,
    find_class_names,
    has_names,
    names_by_folder,
    names_wanted,
)
from medmultipoints.transforms.sources.reading.frame_evidence import LEAST
from medmultipoints.transforms.sources.reading.joining import Pictures, missing
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import (
    Draft,
    choose_files,
    in_same_folders,
    propose_images,
)
from medmultipoints.transforms.sources.reading.records.yolo_lines import (
    SLACK,
    LineEvidence,
    fraction,
    gather_lines,
    is_angle,
    label_rows,
)
from medmultipoints.transforms.sources.reading.shapes import (
    Fault,
    box_fault,
    corners_place,
    oriented_place,
    outline,
    polygon_fault,
)

_LINE = re.compile(rb"^\s*\d+(\.0*)?(\s+[-+0-9.eE]+|\s+nan|\s+inf){4,}\s*$", re.IGNORECASE)

_WHICH = "Which are right for all labels? If none is, declare a source for each folder, with its own `path`"


def _is_yolo(head: bytes) -> bool:
    lines = [line for line in head.removeprefix(b"\xef\xbb\xbf").replace(b",", b" ").splitlines()[:40] if line.strip()]
    if len(head) >= 1 << 16 and len(lines) > 1:
        lines.pop()
    fitting = sum(bool(_LINE.match(line)) and _in_unit(line) for line in lines)
    return bool(lines) and fitting * 2 > len(lines)


def _in_unit(line: bytes) -> bool:
    return all(-SLACK <= value <= 1 + SLACK for value in map(fraction, line.decode("ascii", "replace").split()[1:5]))


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the YOLO label files among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    labels = [name for name in listing.of("text") if _is_label_file(listing, index, name)]
    if not labels:
        return None
    folders = {name.rpartition("/")[0] for name in labels}
    empty = [
        name
        for name in listing.of("empty")
        if (path := split_path(name)).extension == ".txt"
        and (name.rpartition("/")[0] in folders or index.find_stem(path.stem, name).member)
    ]
    draft = Draft("yolo", stated)
    draft.line("format", "yolo", f"{plural(len(labels), 'text file')} with lines of a class number and fractions")
    everything = sorted([*labels, *empty])
    joins = {name: index.find_own(name) for name in everything}
    chosen = choose_files(
        draft, listing, everything, lambda name: joins[name].member or name, _neighbours(listing, folders)
    )
    joined = [join.member for name in chosen if (join := joins[name]).member]
    propose_images(draft, listing, in_same_folders(listing, joined), [n for n in listing.pictures if n not in joined])
    _hint_unpaired(draft, listing, joins, chosen, _odd_files(listing, index, folders, everything))
    seen = gather_lines(listing, chosen)
    names = find_class_names(listing, set(everything))
    _decide_shapes(draft, seen, names)
    if not _are_named_by_folder(draft, listing, chosen, names):
        _decide_names(draft, seen, names)
    return draft.done()


def _hint_unpaired(
    draft: Draft, listing: Listing, joins: Mapping[str, Joined], chosen: Sequence[str], odd: Sequence[str]
) -> None:
    """Hint at label files without a picture, pictures without a label file, and ``odd`` files that are neither."""
    joined = [join.member for name in chosen if (join := joins[name]).member]
    if lost := len(chosen) - len(joined):
        draft.hint("pictures_missing", f"{plural(lost, 'label file')} without a picture of the same name")
    if odd:
        said = f"{plural(len(odd), 'file')} named like label files without a label on the first line, such as {odd[0]}"
        draft.hint("label_files_odd", f"{said}: rejected line by line, never taken as empty")
    if without := len(in_same_folders(listing, joined)) - len(joined) - len(odd):
        draft.hint("label_files_missing", f"{plural(without, 'picture')} without a label file: not known to be empty")


def _is_label_file(listing: Listing, index: PictureIndex, name: str) -> bool:
    """Return whether a text holds lines of YOLO; lines with commas only in a file that is named after a picture."""
    head = listing.head(name)
    return _is_yolo(head) and (not _is_csv(head) or index.find_own(name).join != "missing")


def _is_lines(head: bytes) -> bool:
    return _is_yolo(head) and not _is_csv(head)


def _odd_files(listing: Listing, index: PictureIndex, folders: set[str], known: Sequence[str]) -> list[str]:
    """Return files next to the labels that are named after a picture but do not begin like a label file."""
    taken = set(known)
    return [
        name
        for name in listing.names()
        if name not in taken
        and (path := split_path(name)).extension == ".txt"
        and name.rpartition("/")[0] in folders
        and index.find_stem(path.stem, name).member
    ]


def _neighbours(listing: Listing, folders: set[str]) -> set[str]:
    """Return all text files next to the labels; the proposed pattern may also match others, such as classes.txt."""
    return {name for name in listing.of("text", "empty") if name.rpartition("/")[0] in folders}


def _is_csv(head: bytes) -> bool:
    return b"," in head.split(b"\n", 1)[0]


def _decide_shapes(draft: Draft, seen: LineEvidence, names: ClassNames) -> None:
    lengths = ", ".join(f"{count:,} of {length} numbers" for length, count in sorted(seen.lengths.items())[:6])
    lengths += ", and others" if len(seen.lengths) > 6 else ""
    said = f"{plural(seen.lines, 'line')}: {lengths}"
    outlines = {length for length in seen.lengths if length > 6}
    key = "shapes.outline"
    if names.key_points and outlines == {5 + names.key_points[0] * names.key_points[1]}:
        draft.line(key, "key-points", f"{said}; kpt_shape is {list(names.key_points)}")
    elif len(outlines) == 1 and seen.beyond_unit and seen.visible == seen.lengths[max(outlines)]:
        draft.line(key, "key-points", f"{said}; every third number after the box is 0, 1 or 2, not a fraction")
    elif seen.angles:
        text = f"{plural(seen.angles, 'line')} have a sixth number that is not a confidence. Is it an angle in radians,"
        draft.ask(key, f"{text} clockwise, of an oriented box? Otherwise write its four corners", ["oriented"])
    elif outlines == {9} and set(seen.lengths) == {9}:
        choices = ["oriented", "polygon"]
        draft.ask(key, f"Are four corners an oriented box or an outline of the object? {said}", choices, "oriented")
    elif outlines and any(length % 2 == 0 for length in outlines):
        draft.ask(
            key,
            f"Lines with an even number of values are not polygons. Are they boxes with key points? {said}",
            ["key-points"],
        )
    elif len(outlines) == 1 and set(seen.lengths) == outlines and seen.points_in_box == seen.lines:
        choices = ["polygon", "key-points"]
        draft.ask(key, f"All lines have one length: outlines, or boxes with key points? {said}", choices)
    elif outlines:
        draft.line(key, "polygon", f"{said}; lengths that differ are outlines")
        if set(seen.lengths) & {5}:
            draft.hint("mixed_kinds", f"boxes and outlines are mixed: {said}; each line is read by its own length")
    _decide_form(draft, seen)
    _hint_lines(draft, seen)


def _decide_form(draft: Draft, seen: LineEvidence) -> None:
    """Ask for the form of boxes if many would pass the edge as centre and size, and all fit another form."""
    form = "xyxy" if seen.as_corners == seen.plain else "xywh" if seen.as_sizes == seen.plain else None
    stated = draft.states("boxes.form")
    fits = {"xyxy": seen.as_corners, "xywh": seen.as_sizes, "cxcywh": seen.plain - seen.beyond}
    corners = seen.as_corners == seen.plain
    better = "cxcywh" if stated == "xyxy" and not seen.beyond else "xyxy" if stated != "xyxy" and corners else None
    if better and seen.plain >= LEAST and fits.get(stated, 0) * 10 < seen.plain * 9:
        said = f"{fits.get(stated, 0):,} of {plural(seen.plain, 'box', 'boxes')} lie in the picture so, all as {better}"
        draft.refuse("boxes.form", stated, said)
    if stated is not None:
        draft.line("boxes.form", stated, "stated")
    elif form and seen.beyond > 2 and seen.beyond * 10 > seen.plain:
        said = f"YOLO's boxes are centre and size, but {seen.beyond:,} of {plural(seen.plain, 'box', 'boxes')}"
        shape = "two corners" if form == "xyxy" else "a corner and a size"
        text = f"{said} would pass the picture's edge, and all could be {shape}. Which is it?"
        draft.ask("boxes.form", text, [form] if better else [form, "cxcywh"], form)


def _hint_lines(draft: Draft, seen: LineEvidence) -> None:
    if seen.tracks and not seen.angles:
        draft.hint("tracks", f"{plural(seen.tracks, 'line')} with a sixth number above 1, taken for that of a track")
    elif 6 in seen.lengths and not seen.angles:
        draft.hint(
            "confidences", f"{plural(seen.lengths[6], 'line')} with a confidence: these may be predictions, not truth"
        )
    for word, count, rest in (
        ("zero_extent", seen.no_extent, "of zero extent; rejected unless kept"),
        ("beyond_frame", seen.beyond, "that reach beyond the picture's frame; cut at its edge"),
        ("rounded_beyond_frame", seen.rounded, "that pass the frame by rounding (at most 0.002); cut at its edge"),
        ("damaged_lines", seen.bad, "with values that are not fractions; rejected"),
    ):
        if count:
            draft.hint(word, f"{plural(count, 'line')} {rest}")
    if seen.empty:
        draft.hint("empty_files", f"{plural(seen.empty, 'label file')} without a line: pictures without objects")


def _are_named_by_folder(draft: Draft, listing: Listing, labels: Sequence[str], names: ClassNames) -> bool:
    """Return whether folders have lists that differ, each with all names of the labels below it, and hint at them."""
    files = names_by_folder(names.lists, labels)
    below = {file: [label for label in labels if files[label] == file] for file in sorted(set(files.values()))}
    named = all(has_names(names.lists[file], gather_lines(listing, own).numbers) for file, own in below.items())
    if not below or not named or draft.states("classes") is not None:
        return False
    said = "; ".join(f"{file}: {', '.join(names.lists[file])}" for file in below)
    draft.hint("class_names_by_folder", f"{said}. Without `classes`, each list names the labels below its folder")
    return True


def _decide_names(draft: Draft, seen: LineEvidence, names: ClassNames) -> None:
    highest = max(seen.numbers, default=-1)
    used = ", ".join(map(str, sorted(seen.numbers)[:20]))
    fitting = {name: held for name, held in names.lists.items() if has_names(held, seen.numbers)}
    distinct = dict.fromkeys(fitting.values())
    if len(distinct) == 1:
        source = ", ".join(fitting)
        draft.line("classes", next(iter(distinct)), f"{source}; class numbers in use: {used}")
    elif distinct:
        said = "; ".join(f"{name}: {', '.join(held)}" for name, held in fitting.items())
        choices = [toml_value(held) for held in distinct]
        draft.ask("classes", f"Names of the class numbers contradict: {said}. {_WHICH}", choices)
        draft.hint("class_names_contradict", said)
    else:
        shifted = [held[1:] for held in names.lists.values() if not held[0]]  # a table that counts from 1
        offered = [toml_value(held) for held in (*shifted, *names.guesses.values()) if len(held) > highest]
        wanted = names_wanted([*seen.numbers] or [0])
        draft.ask("classes", f"What are the class numbers {used}? No file of the source names them. {wanted}", offered)
        for name, held in names.lists.items() if not shifted else ():
            draft.hint("class_names_too_few", f"{name} holds {plural(len(held), 'name')}, but number {highest} occurs")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per label file, joined by its stem."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    texts = matching(listing.of("text", "empty"), declaration.annotations)
    labels = [name for name in texts if pictures.index.find_own(name).member or _is_lines(listing.head(name))]
    lists = find_class_names(listing, labels).lists
    above = {} if declaration.classes else names_by_folder(lists, labels)
    named = [name for name, held in lists.items() if held == declaration.classes]
    whole = {file: declaration.model_copy(update={"classes": lists[file]}) for file in above.values()}
    for name in labels:
        joined = pictures.index.find_own(name)
        own, sources = (whole[above[name]], [above[name]]) if above else (declaration, named)
        rows = list(label_rows(listing, name))
        if joined.member is None:
            yield from missing(joined, split_path(name).stem, name, list(_objects(own, name, rows, (1, 1))))
            continue
        try:
            size = pictures.size(joined.member)
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail, picture=joined.member)
            continue
        yield from pictures.give(joined.member, list(_objects(own, name, rows, size)), [name, *sources])
    yield from _unreadable(listing, declaration, pictures)
    yield from pictures.rest()


def _unreadable(listing: Listing, declaration: Declaration, pictures: Pictures) -> Iterator[ReadProblem]:
    """Yield a problem for each file named like a picture's label file that is not text."""
    text = set(listing.of("text", "empty"))
    for name in matching([name for name in listing.names() if name not in text], declaration.annotations):
        path = split_path(name)
        if path.extension == ".txt" and (picture := pictures.index.find_stem(path.stem, name).member):
            detail = f"{name}: it is named after {picture}, but is not text: {listing.head(name)[:8]!r}…"
            yield ReadProblem(key=name, reason="label_file_unreadable", detail=detail, picture=picture)


def _objects(
    declaration: Declaration, name: str, rows: Sequence[tuple[int, list[str]]], size: tuple[int, int]
) -> Iterator[Annotation | ReadProblem]:
    for line, row in rows:
        key = f"{name}#{line}"
        values = [fraction(text) for text in row[1:]]
        label = _label(declaration, row[0])
        place = None if label is None else _place(declaration, values, size)
        if label is None:
            detail = f"{key}: {row[0]!r} is not one of the {len(declaration.classes)} class numbers with a name"
            yield ReadProblem(key=key, reason="category_unknown", detail=detail)
        elif isinstance(place, Fault):
            yield ReadProblem(key=key, reason=place.reason, detail=f"{key}: {place.detail}", label=label)
        else:
            yield Annotation(key=key, label=label, **(place or {}))


def _label(declaration: Declaration, text: str) -> str | None:
    number = class_number(text)
    if number is None:
        return None
    if not declaration.classes:
        return str(number)
    return class_name(declaration.classes, number) or None


def _place(declaration: Declaration, values: list[float], size: tuple[int, int]) -> dict[str, Any] | Fault:
    """Return the annotation fields that locate the object, or the fault of the line."""
    width, height = size
    kind = declaration.shapes.outline
    if len(values) < 4:
        return Fault("line_too_short", f"the line has {len(values)} numbers after the class, a box needs 4")
    if not all(-1 <= value <= 2 for value in (values if len(values) > 5 and kind != "key-points" else values[:4])):
        return Fault(
            "not_a_fraction", f"{' '.join(f'{value:g}' for value in values[:6])} are not fractions of the picture"
        )
    if len(values) > 5 and kind != "key-points":
        fault = polygon_fault(values)
        numbers = [value * side for value, side in zip(values, (width, height) * len(values), strict=False)]
        if fault is not None or kind != "oriented" or len(values) != 8:
            return fault or {"polygons": (outline(numbers),)}
        place = corners_place(outline(numbers))
        return place if isinstance(place, Fault) else {"box": place.box, "attributes": place.attributes}
    parts = place_numbers(declaration.boxes.form or "cxcywh", values[:4])
    box = Box(parts.x1 * width, parts.y1 * height, parts.x2 * width, parts.y2 * height)
    if len(values) == 5 and (kind == "oriented" or is_angle(values[4])):
        return _turned(box, values[4], kind)
    fault = box_fault(box, values[:4], width, height)
    if fault is not None and not (fault.reason == "box_zero_extent" and declaration.boxes.degenerate == "keep"):
        return fault
    attributes: dict[str, str] = {}
    if len(values) == 5:
        attributes["confidence"] = f"{values[4]:g}"
    elif len(values) > 5:
        attributes["keypoints"] = " ".join(f"{value:g}" for value in values[4:])
    return {"box": box, "attributes": attributes}


def _turned(box: Box, angle: float, kind: str | None) -> dict[str, Any] | Fault:
    """Return the extent of a box turned clockwise by an angle in radians, if declared to be one."""
    if kind != "oriented" or not abs(angle) <= 2 * pi:
        detail = f"the sixth number, {angle:g}, is an angle of unknown unit, not a confidence; write the four corners"
        return Fault("angle_unknown", detail)
    place = oriented_place(box, degrees(angle))
    return place if isinstance(place, Fault) else {"box": place.box, "attributes": place.attributes}


FORMAT = Format(
    name="yolo",
    title="YOLO (boxes, outlines, oriented boxes, poses)",
    recognise=recognise,
    read=read,
    weight=40,
    lost="masks with holes; label files hold no picture sizes, and no class names without a names file",
    export="CVAT: Ultralytics YOLO; Roboflow: YOLOv8; labelImg: Save as YOLO",
    keys=frozenset({"boxes.form", "boxes.degenerate", "classes", "shapes.outline"}),
)
