"""Read MOT challenge: ``gt.txt`` of frame, identity, left, top, width, height, flag, class, visibility, from 1.

Some writers count from 0; the numbers prove which, if possible. A flag of 0 marks rows to ignore. ``det.txt`` holds
detections and is not read.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Box
from medmultipoints.transforms.regions.decimals import parse_decimal
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import (
    AnnotatedPicture,
    Files,
    Reading,
    ReadProblem,
    Recognition,
    with_problems,
)
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.class_names import class_name, find_class_names, has_names, names_wanted
from medmultipoints.transforms.sources.reading.frame_evidence import LEAST
from medmultipoints.transforms.sources.reading.joining import frame_missing, picture_size
from medmultipoints.transforms.sources.reading.listing import Listing, folder, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.proposing import Draft, patterns_of
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, box_place, finite, not_finite

_ROW: Final = re.compile(
    rb"^\s*\d+(\.0+)?\s*,\s*-?\d+(\.0+)?\s*,(\s*-?[\d.eE+-]+\s*,){3}\s*-?[\d.eE+-]+\s*(,[^,]*){0,5}$"
)
MOSTLY: Final = 0.7
"""Least share of valid rows among the first lines, so that one damaged row does not hide a file."""
_STATED: Final = re.compile(rb"(?m)^\s*(\w+)\s*=\s*(\d{1,9}(?:\.\d{1,9})?)")
_FRAME: Final = re.compile(r"(\d+)$")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as in the file; ``flag`` and ``label`` are None without such a column."""

    line: int
    frame: int
    track: str
    box: tuple[float, float, float, float]
    flag: float | None
    label: int | None


def _is_mot(head: bytes) -> bool:
    lines = [line for line in head.splitlines()[:30] if line.strip()]
    if len(head) >= 1 << 16 and len(lines) > 1:
        lines.pop()
    return sum(_ROW.match(line) is not None for line in lines) > len(lines) * MOSTLY


def _truths(listing: Listing) -> tuple[str, ...]:
    """Return the files of rows that hold truth; files that are each named after a picture are of another format."""
    found = tuple(name for name in listing.of("text") if _is_mot(listing.head(name)))
    stems = {split_path(name).stem for name in listing.pictures}
    if sum(split_path(name).stem in stems for name in found) > 1:
        return ()
    return tuple(name for name in found if split_path(name).filename.lower() != "det.txt")


def _stated(listing: Listing, name: str) -> dict[str, float]:
    """Return the numbers that a seqinfo.ini near the file gives, by key in lower case."""
    found: dict[str, float] = {}
    for place in (folder(folder(name)), folder(name)):
        member = f"{place}/seqinfo.ini" if place else "seqinfo.ini"
        if listing.kinds.get(member) == "text":
            numbers = _STATED.findall(listing.head(member))
            found |= {key.decode().lower(): float(number) for key, number in numbers if float(number) > 0}
    return found


def _sequence(name: str) -> str:
    """Return the folder of the sequence of a file; its last part names the sequence."""
    return f"/{folder(name)}".removesuffix("/gt").lstrip("/")


def _not_decoded(listing: Listing, name: str) -> str:
    """Return the sentence about the nearest videos above a file without pictures, or an empty text."""
    place = _sequence(name)
    while not (near := [one for one in listing.of("video") if one.startswith(f"{place}/".lstrip("/"))]) and place:
        place = folder(place)
    if not near:
        return ""
    frames = f"{_sequence(name)}/img1".lstrip("/")
    video = shlex.quote(near[0]) if len(near) == 1 else "VIDEO"
    line = f"mkdir {shlex.quote(frames)} && ffmpeg -i {video} -fps_mode passthrough -q:v 2"
    said = f"{name}: there are no pictures, and the frames of {', '.join(near[:3])} are not decoded for this format"
    return f"{said}. Write them as pictures, in the folder of the source: {line} {shlex.quote(f'{frames}/%06d.jpg')}"


def _rows(listing: Listing, name: str) -> Iterator[_Row | ReadProblem]:
    """Yield each row, or a problem for a damaged row, whose frame is unknown."""
    for line, text in enumerate(listing.read(name).decode("utf-8-sig", "replace").splitlines(), start=1):
        parts = [part.strip() for part in text.rstrip(", \t\r").split(",")]
        if parts == [""]:
            continue
        try:
            numbers = [parse_decimal(part) for part in parts]
            frame, track, *box = numbers[:6]
            flag = numbers[6] if len(numbers) > 6 else None
            label = _whole(numbers[7]) if len(numbers) > 7 and len(numbers) != 10 else None
            yield _Row(line, _whole(frame), f"{track:g}", (box[0], box[1], box[2], box[3]), flag, label)
        except (ValueError, IndexError, OverflowError):
            detail = f"{name}, line {line}: {text[:80]!r} is not a row of at least six numbers"
            yield ReadProblem(key=f"{name}#{line}", reason="row_damaged", detail=detail)


def _whole(number: float) -> int:
    if not number.is_integer():
        raise ValueError(f"{number} is not a whole number")
    return int(number)


def _frames(name: str, pictures: Sequence[str]) -> dict[int, str]:
    """Return the pictures nearest to the file in the folder tree, by the number at the end of their names."""
    place = folder(name)
    while True:
        near = [picture for picture in pictures if not place or picture.startswith(f"{place}/")]
        if near or not place:
            break
        place = folder(place)
    folders = {folder(picture) for picture in near}
    if len(folders) > 1 and not place:
        near = []
    found = ((picture, _FRAME.search(split_path(picture).stem)) for picture in near)
    return {int(number[1]): picture for picture, number in found if number}


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the MOT files among the members."""
    listing = listed(files)
    truths = _truths(listing)
    if not truths:
        return None
    draft = Draft("mot", stated)
    draft.line("format", "mot", f"{plural(len(truths), 'text file')} of frame, identity and box")
    draft.line("annotations", patterns_of(truths, listing.kinds), "rows of six or more numbers")
    frames = {name: _frames(name, listing.photos) for name in truths}
    members = sorted({member for held in frames.values() for member in held.values()})
    if members:
        draft.line(
            "images",
            patterns_of(members, listing.pictures),
            plural(len(members), "frame"),
        )
    rows = {name: [row for row in _rows(listing, name) if isinstance(row, _Row)] for name in truths}
    _decide_base(draft, listing, rows, frames)
    _decide_labels(draft, listing, truths, [row for held in rows.values() for row in held])
    detections = [name for name in listing.of("text") if _is_mot(listing.head(name)) and name not in truths]
    if detections:
        draft.hint(
            "detections", f"{plural(len(detections), 'file')} named det.txt hold detections, not truth; left out"
        )
    return draft.done()


def _decide_base(
    draft: Draft, listing: Listing, rows: Mapping[str, Sequence[_Row]], frames: Mapping[str, Mapping[int, str]]
) -> None:
    everything = [row for held in rows.values() for row in held]
    first = min((row.frame for row in everything), default=1)
    lowest = min((min(row.box[:2]) for row in everything), default=1)
    numbers = sorted({number for held in frames.values() for number in held})
    said = f"frames from {first}, pictures from {numbers[0] if numbers else '?'}; the least left or top is {lowest:g}"
    zeros, ones = (sum(number in row.box[:2] for row in everything) for number in (0, 1))
    if zeros >= LEAST and zeros > ones:
        draft.refuse("boxes.frame", "inclusive-1", f"{zeros:,} boxes begin at 0, which is not counted from 1")
    if zeros or first == 0:
        draft.line("boxes.frame", "edges", f"{said}: a number of 0 is not counted from 1")
    else:
        text = f"MOT counts from 1, some writers from 0. Which is it here? {said}"
        edge = _beyond(listing, rows, frames)
        choices = ["inclusive-1", "edges"]
        draft.ask("boxes.frame", f"{text}; {edge} end one pixel beyond the far edge", choices, "inclusive-1")
    if first == 1 and numbers and numbers[0] == 0:
        text = f"Pictures are numbered from 0, rows from 1. Is row 1 the first picture (MOT), or picture 1? {said}"
        draft.ask("frame_base", text, ["1", "0"], "1")


def _beyond(listing: Listing, rows: Mapping[str, Sequence[_Row]], frames: Mapping[str, Mapping[int, str]]) -> int:
    """Return the number of boxes that end one pixel beyond the width or height, as boxes counted from 1 can."""
    found = 0
    for name, held in rows.items():
        picture = next(iter(frames[name].values()), None)
        try:
            size = picture_size(listing, picture) if picture else None
        except MemberProblem:
            size = None
        if size is not None:
            found += sum(
                row.box[0] + row.box[2] == size[0] + 1 or row.box[1] + row.box[3] == size[1] + 1 for row in held
            )
    return found


def _decide_labels(draft: Draft, listing: Listing, truths: Sequence[str], rows: Sequence[_Row]) -> None:
    numbers = sorted({row.label for row in rows if row.label is not None and row.label >= 0})
    ignored = sum(row.flag == 0 for row in rows)
    if ignored:
        draft.hint("ignored_rows", f"{plural(ignored, 'row')} with flag 0: regions to ignore, not counted")
    lists = find_class_names(listing, truths).lists.items()
    from_one = {name: ("", *held) if held[0] else held for name, held in lists}
    named = {name: held for name, held in from_one.items() if numbers and has_names(held, numbers)}
    if len(set(named.values())) == 1:
        held = next(iter(named.values()))
        draft.line("classes", held, f"{', '.join(named)}: names of the numbers from 1 on, as MOT counts them")
    elif numbers and numbers != [1]:
        text = f"What are the class numbers {', '.join(map(str, numbers[:20]))}? {names_wanted(numbers)}"
        draft.ask("classes", text, [toml_value([str(at) for at in range(numbers[-1] + 1)])])
    else:
        draft.ask("label", "What are the tracked objects? Give their label.")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each frame of each sequence with the boxes of its tracks."""
    listing = listed(files)
    pictures = matching(listing.pictures if declaration.images else listing.photos, declaration.images)
    given: set[str] = set()
    for name in matching(_truths(listing), declaration.annotations):
        by_frame: defaultdict[int, list[_Row]] = defaultdict(list)
        damaged: list[ReadProblem] = []
        for row in _rows(listing, name):
            if isinstance(row, ReadProblem):
                damaged.append(row)
            else:
                by_frame[row.frame].append(row)
        yield from damaged
        frames = _frames(name, pictures)
        if not frames and (said := _not_decoded(listing, name)):
            yield ReadProblem(key=name, reason="frames_not_decoded", detail=said)
            continue
        shift = _shift(declaration, frames, by_frame)
        shifted = {n - shift: rows for n, rows in by_frame.items()}
        yield from _read_sequence(declaration, listing, name, shifted, frames, tuple(damaged))
        given |= set(frames.values())
    for picture in pictures:
        if picture not in given:
            yield AnnotatedPicture(member=picture, name=picture, annotated=False)


def _shift(declaration: Declaration, frames: Mapping[int, str], rows: Mapping[int, Sequence[_Row]]) -> int:
    """Return the frame number of the rows minus that in picture names, which may count from 0."""
    if not frames or not rows:
        return 0
    return 1 if declaration.frame_base == 1 and min(frames) == 0 else 0


def _read_sequence(
    declaration: Declaration,
    listing: Listing,
    name: str,
    rows: Mapping[int, Sequence[_Row]],
    frames: Mapping[int, str],
    damaged: tuple[ReadProblem, ...],
) -> Reading:
    """Yield each frame of a sequence; ``damaged`` rows may belong to any of them."""
    sequence = _sequence(name) or split_path(name).stem
    stated = _stated(listing, name)
    first = 0 if 0 in frames else 1
    for number in sorted(rows.keys() | frames.keys()):
        picture = frames.get(number)
        try:
            size = None if picture is None else picture_size(listing, picture)
        except MemberProblem as problem:
            yield ReadProblem(key=str(picture), reason=problem.reason, detail=problem.detail, picture=picture)
            continue
        found = [_annotation(declaration, name, row, size) for row in rows.get(number, ())]
        if picture is None:
            yield from frame_missing(name, number, found)
            continue
        made = AnnotatedPicture(
            member=picture,
            name=picture,
            width=int(stated["imwidth"]) if "imwidth" in stated else None,
            height=int(stated["imheight"]) if "imheight" in stated else None,
            shows=(sequence, number - first),
            fps=stated.get("framerate"),
            read_from=(name,),
            columns={"group": sequence.rpartition("/")[2]},
            doubts=damaged,
        )
        yield from with_problems(made, found)


def _annotation(
    declaration: Declaration, name: str, row: _Row, size: tuple[int, int] | None
) -> Annotation | ReadProblem:
    label = declaration.label or (str(row.label) if row.label is not None and row.label >= 0 else "object")
    if declaration.classes and row.label is not None:
        label = class_name(declaration.classes, row.label)
    made = make_annotation(f"{name}#{row.line}", label, _place(declaration, row, size), {}, row.track)
    if isinstance(made, Annotation) and row.flag == 0:
        return Annotation(key=made.key, label=label, box=made.box, track_id=row.track, ignore=True)
    return made


def _place(declaration: Declaration, row: _Row, size: tuple[int, int] | None) -> Place | Fault:
    if not finite(row.box):
        return not_finite(f"the box {row.box}")
    x, y, w, h = row.box
    shift = 1 if declaration.boxes.frame == "inclusive-1" else 0
    return box_place(
        Box(x - shift, y - shift, x - shift + w, y - shift + h), row.box, size, declaration.boxes.degenerate
    )


FORMAT = Format(
    name="mot",
    title="MOT challenge (tracks over frames)",
    recognise=recognise,
    read=read,
    weight=70,
    lost="visibility; detections (det.txt)",
    export="CVAT: MOT 1.1",
    keys=frozenset({"boxes.frame", "boxes.degenerate", "classes", "frame_base", "label"}),
)
