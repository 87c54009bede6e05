"""Declare frames of videos with one label file each, and a track file or track identities in the label file.

Only a declaration chooses this format: no content proves which number in a file name is the frame of which video.
"""

from collections.abc import Iterator
from typing import Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Annotation, Box, Sample
from medmultipoints.transforms.regions.tracks import join_tracks, parse_labels, parse_tracked
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.frames.layout import KEYS
from medmultipoints.transforms.sources.frames.reader import read_samples
from medmultipoints.transforms.sources.reading.joining import picture_size
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.proposing import ask_missing

_QUESTIONS: Final = {
    "images": 'Which files are frames? Give one pattern, such as "**/{video}/images/{video}_frame_{frame:int}.*".',
    "annotations": 'Which files have their objects? One pattern, of lines "track class cx cy w h", or two: without and '
    'with the track, such as ["**/labels/{video}_{frame:int}.txt", "**/tracks/{video}_{frame:int}.txt"].',
    "video": 'Which files are the videos, if any? Give a pattern, such as "**/{video}/{video}.mp4".',
    "classes": "What are the names of the class numbers, from 0?",
}


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each frame with its objects, for `inspect` to count and show, and the problems of all others.

    Yields nothing while a key that `inspect` asks for is missing.
    """
    if not all(getattr(declaration, key) for key in _QUESTIONS):
        return
    listing, described = listed(files), DescribedSource("frames", declaration)
    found = read_samples(files, described=described, seed=0)
    for sample in found.samples:
        member = sample.image_member or str(sample.video_member)
        try:
            annotations = tuple(_annotations(listing, sample, described.classes))
        except MemberProblem as problem:
            yield ReadProblem(key=member, reason=problem.reason, detail=problem.detail)
            continue
        yield AnnotatedPicture(
            member=member,
            name=sample.stem,
            frame=None if sample.image_member else sample.frame_index,
            fps=sample.fps,
            annotated=sample.label_member is not None,
            annotations=annotations,
        )
    for row in (row for row in found.exclusions if row.verdict == "rejected"):
        yield ReadProblem(key=row.key, reason=row.reason, detail=row.detail)


def _annotations(listing: Listing, sample: Sample, classes: tuple[str, ...]) -> Iterator[Annotation]:
    member, other = sample.label_member, sample.track_member
    if member is None or other is None:
        return
    own = None if member == other else parse_labels(listing.read(member), classes, file=member)
    tracked = parse_tracked(listing.read(other), classes, file=other)
    labels = own or tracked
    rows = join_tracks(labels, tracked, *_size(listing, sample))
    for line, label, edges, track in zip(labels.lines, rows.labels, rows.boxes.tolist(), rows.track_ids, strict=True):
        yield Annotation(key=f"{member}#{line}", label=label, box=Box(*edges), track_id=track)


def _size(listing: Listing, sample: Sample) -> tuple[int, int]:
    if sample.image_member:
        return picture_size(listing, sample.image_member)
    facts = listing.video_facts(str(sample.video_member))
    return facts.width, facts.height


FORMAT = Format(
    name="frames",
    title="Frames of videos with a label file each (YOLO lines with track identities)",
    recognise=lambda _files, stated: ask_missing("frames", stated, _QUESTIONS),
    read=read,
    index=lambda described, files: read_samples(files, described=described, seed=0),
    weight=0,
    lost="holes of paths other than video and frame, and further readings",
    export="any script that writes one line per object and frame: track, class, and the box in fractions",
    keys=KEYS,
)
