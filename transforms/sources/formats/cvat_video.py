"""Read CVAT XML for videos: tracks of shapes over frames counted from 0; ``outside`` ends a track.

Frames are pictures whose names end in their number, or those of the source's only video. Exports of key frames alone
have gaps, and ``interpolate`` must say how to fill them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from xml.etree.ElementTree import Element

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation
from medmultipoints.transforms.regions.decimals import is_whole
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
from medmultipoints.transforms.sources.formats.cvat import attributes_of, is_cvat, shape_place
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.frame_numbers import (
    RENUMBERED,
    are_renumbered,
    frame_step,
    numbered_pictures,
)
from medmultipoints.transforms.sources.reading.joining import frame_missing, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.proposing import Draft, ask_ellipses, patterns_of
from medmultipoints.transforms.sources.reading.records.xml_tree import iterate_xml

_SHAPES: Final = frozenset({"box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """A shape of a track in one frame."""

    frame: int
    outside: bool
    element: Element


_Tracked = tuple[str, str, _Shape]
"""Track, label and shape."""


def _tracks(listing: Listing, name: str) -> Iterator[tuple[str, str, list[_Shape]]]:
    """Yield id, label and shapes of each track."""
    with listing.open(name) as stream:
        for track in iterate_xml(stream, name, frozenset({"track"})):
            shapes = [
                _Shape(int(child.get("frame", "-1")), child.get("outside") == "1", _copy(child))
                for child in track
                if child.tag in _SHAPES and is_whole(child.get("frame", ""))
            ]
            yield track.get("id", "?"), track.get("label", ""), sorted(shapes, key=lambda shape: shape.frame)


def _copy(element: Element) -> Element:
    """Return a copy of the shape, since its track is cleared after reading."""
    copy = Element(element.tag, dict(element.attrib))
    copy.extend(list(element))
    return copy


def _files(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.texts(is_cvat) if _has_tracks(listing, name))


def _has_tracks(listing: Listing, name: str) -> bool:
    try:
        return next(_tracks(listing, name), None) is not None
    except MemberProblem:
        return False


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the CVAT files of tracks among the members."""
    listing = listed(files)
    names = _files(listing)
    if not names:
        return None
    draft = Draft("cvat-video", stated)
    draft.line("format", "cvat-video", f"{plural(len(names), 'XML file')} with <annotations> and <track>")
    draft.line("annotations", patterns_of(names, listing.kinds), "files with tracks")
    tracks = {name: _sound_tracks(draft, listing, name) for name in names}
    shapes = [shape for held in tracks.values() for track in held for shape in track]
    gaps = sum(_gaps(track, frame_step(listing, name)) for name, held in tracks.items() for track in held)
    ended = sum(shape.outside for shape in shapes)
    if ended:
        draft.hint("outside", f"{plural(ended, 'shape')} end a track (outside); they are not objects")
    if gaps:
        text = (
            f"{plural(gaps, 'gap')} between shapes of a track: the export may hold only key frames. Are boxes between "
            "them interpolated (linear), or are there no objects (as-exported)?"
        )
        draft.ask("interpolate", text, ["linear", "as-exported", "refuse"], "refuse")
    ask_ellipses(draft, sum(shape.element.tag == "ellipse" for shape in shapes))
    annotated = {shape.frame for shape in shapes}
    _decide_frames(draft, listing, names, annotated)
    if len(names) == 1 and are_renumbered(listing, names[0], annotated, {*numbered_pictures(names[0], listing.photos)}):
        draft.hint("frames_renumbered", f"{RENUMBERED} {names[0]}")
    return draft.done()


def _sound_tracks(draft: Draft, listing: Listing, name: str) -> list[list[_Shape]]:
    """Return the shapes of each track of a file, as far as it is readable."""
    found: list[list[_Shape]] = []
    try:
        found += (shapes for _, _, shapes in _tracks(listing, name))
    except MemberProblem as problem:
        draft.hint(problem.reason, problem.detail)
    return found


def _gaps(shapes: Sequence[_Shape], step: int) -> int:
    return sum(b.frame - a.frame > step for a, b in pairwise(shapes) if not a.outside)


def _interpolate(shapes: Sequence[_Shape], step: int) -> list[_Shape]:
    """Return the shapes with boxes interpolated linearly between them, as in CVAT."""
    filled: list[_Shape] = []
    for a, b in pairwise(shapes):
        filled.append(a)
        if not a.outside and a.element.tag == b.element.tag == "box":
            frames = range(a.frame + step, b.frame, step)
            filled += (_Shape(frame, False, _blend(a, b, frame)) for frame in frames)
    return filled + list(shapes[-1:])


def _blend(a: _Shape, b: _Shape, frame: int) -> Element:
    share = (frame - a.frame) / (b.frame - a.frame)
    sides = {
        side: f"{float(a.element.get(side, 'nan')) * (1 - share) + float(b.element.get(side, 'nan')) * share:.6g}"
        for side in ("xtl", "ytl", "xbr", "ybr")
    }
    blended = Element("box", {**a.element.attrib, **sides, "frame": str(frame), "keyframe": "0"})
    blended.extend(list(a.element))
    return blended


def _decide_frames(draft: Draft, listing: Listing, names: Sequence[str], frames: set[int]) -> None:
    videos = listing.of("video")
    numbered = numbered_pictures(names[0], listing.photos)
    if not numbered and len(videos) == 1:
        draft.line("video", videos[0], "the one video of the source")
    elif numbered:
        members = sorted(numbered.values())
        draft.line(
            "images",
            patterns_of(members, listing.pictures),
            plural(len(members), "frame"),
        )
        first = min(numbered)
        if first == 1 and 0 in frames:
            draft.line("frame_base", 1, "pictures are numbered from 1, frames from 0")
        elif first == 1:
            draft.ask("frame_base", "Pictures are numbered from 1. Is frame 0 the first of them?", ["1", "0"], "1")
    else:
        draft.hint("frames_missing", "no pictures with numbers and no single video: the frames are not in this source")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each frame with the shapes of its tracks."""
    listing = listed(files)
    given: set[str] = set()
    pictures = matching(listing.pictures if declaration.images else listing.photos, declaration.images)
    for name in matching(_files(listing), declaration.annotations):
        by_frame: defaultdict[int, list[_Tracked]] = defaultdict(list)
        gapped: list[ReadProblem] = []
        try:
            step = frame_step(listing, name)
            for track, label, held in _tracks(listing, name):
                shapes = _interpolate(held, step) if declaration.interpolate == "linear" else held
                if declaration.interpolate != "as-exported" and _gaps(shapes, step):
                    detail = f"{name}: track {track} has frames without a shape; [read] interpolate says what to do"
                    key = f"{name}#{track}"
                    gapped.append(ReadProblem(key=key, reason="track_has_gaps", detail=detail, label=label))
                    continue
                for shape in shapes:
                    if not shape.outside:
                        by_frame[shape.frame].append((track, label, shape))
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail)
            continue
        yield from gapped
        frames = {n - declaration.frame_base: picture for n, picture in numbered_pictures(name, pictures).items()}
        if are_renumbered(listing, name, by_frame.keys(), frames.keys()):
            frames = {}
        yield from _yield_frames(declaration, listing, name, by_frame, frames, tuple(gapped))
        given |= set(frames.values())
    for picture in pictures:
        if picture not in given and not declaration.video:
            yield AnnotatedPicture(member=picture, name=picture, annotated=False)


def _annotations(
    declaration: Declaration, listing: Listing, name: str, held: Sequence[_Tracked], member: str | None
) -> Iterator[Annotation | ReadProblem]:
    """Yield the annotations of a frame; the size of its picture is read if it has masks."""
    has_mask = any(shape.element.tag == "mask" for _, _, shape in held)
    size = _frame_size(listing, member) if has_mask and member else None
    for track, label, shape in held:
        place = shape_place(declaration, shape.element, size)
        yield make_annotation(f"{name}#{track}/{shape.frame}", label, place, attributes_of(shape.element), track)


def _frame_size(listing: Listing, member: str) -> tuple[int, int] | None:
    if listing.kinds.get(member) != "video":
        return size_or_none(listing, member)
    facts = listing.video_facts(member)
    return facts.width, facts.height


def _yield_frames(
    declaration: Declaration,
    listing: Listing,
    name: str,
    by_frame: Mapping[int, Sequence[_Tracked]],
    frames: Mapping[int, str],
    gapped: tuple[ReadProblem, ...],
) -> Reading:
    """Yield each frame; objects of the ``gapped`` tracks, which are left out, may be in any of them."""
    videos = matching(listing.of("video"), (declaration.video,)) if declaration.video else ()
    count = listing.video_facts(videos[0]).frames if videos else 0
    group = split_path(videos[0] if videos else name).stem
    for number in range(count) if videos else sorted(by_frame.keys() | frames.keys()):
        member = videos[0] if videos else frames.get(number)
        found = list(_annotations(declaration, listing, name, by_frame.get(number, ()), member))
        if member is None:
            yield from frame_missing(name, number, found)
            continue
        picture = AnnotatedPicture(
            member=member,
            name="" if videos else member,
            frame=number if videos else None,
            read_from=(name,),
            columns={"group": group},
            doubts=gapped,
        )
        yield from with_problems(picture, found)


FORMAT = Format(
    name="cvat-video",
    title="CVAT XML for videos (tracks)",
    recognise=recognise,
    read=read,
    weight=91,
    lost="polylines, cuboids, skeletons; shapes between key frames if the export leaves them out",
    export="CVAT: CVAT for video 1.1",
    keys=frozenset({"boxes.degenerate", "shapes.ellipse", "interpolate", "video", "frame_base"}),
)
