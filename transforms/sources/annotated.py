"""What a format reader yields: pictures with any number of annotations, in one coordinate frame.

Boxes, points and polygons are in pixels of the picture as it is stored, edges half-open, origin top-left: the pixel of
column x is the span x to x + 1. A reader converts the numbers of its format to this frame; it rounds and clips nothing.
Readers are pure: they open members through ``Files`` and yield records, one picture at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal, Protocol

from medmultipoints.transforms.records import Annotation, MaskLayer, Members

__all__ = ["AnnotatedPicture", "Annotation", "Files", "Hint", "MaskLayer", "Proof", "Question", "ReadProblem"]
__all__ += ["Reading", "Recognise", "Recognition", "picture_key", "with_problems"]


class Files(Members, Protocol):
    """The members of one source, of which large ones can be read in part."""

    def head(self, name: str, count: int) -> bytes:
        """Return the first ``count`` bytes of a member, fewer where it is shorter."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a member for reading from its start; the caller closes it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedPicture:
    """One picture with what its source says of it.

    ``member`` holds the picture: a file; a video with its ``frame`` (from 0); or a volume or stack with its ``plane``.
    ``name`` is unique in the source; empty: the path of the member. ``width`` and ``height`` are those that the
    annotation gives. ``rendering`` says how values become grey levels, as ``transforms.sources.intensity`` reads it.
    ``annotated``: the source says something of this picture, if only that it is empty. ``read_from``: further members
    that served. ``columns``: group, split, organ, modality, finding, classification, licence, where they are known.
    ``doubts``: entries that could not be read and may be of this picture, too.
    """

    member: str
    name: str = ""
    plane: str = ""
    frame: int | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    rendering: str = ""
    annotated: bool = True
    annotations: tuple[Annotation, ...] = ()
    layers: tuple[MaskLayer, ...] = ()
    read_from: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    doubts: "tuple[ReadProblem, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProblem:
    """An input that a reader cannot use: a member, or an entry ``<member>#<entry>`` of one.

    ``reason`` is a stable snake_case word, ``detail`` a sentence that names the file and the values at fault.
    ``picture`` is the name of the picture (or its member) that the entry belongs to; with a ``label``, the count of
    that label in the picture is no longer certain; without one, of a rejected entry, the count of no label is.
    """

    key: str
    reason: str
    detail: str
    verdict: Literal["dropped", "rejected"] = "rejected"
    picture: str | None = None
    label: str | None = None


Reading = Iterator[AnnotatedPicture | ReadProblem]


def with_problems(picture: AnnotatedPicture, found: Iterable[Annotation | ReadProblem]) -> Reading:
    """Yield the problems among the entries of a picture, each under its name, then the picture."""
    for item in found:
        if isinstance(item, ReadProblem):
            yield replace(item, picture=picture_key(picture))
    yield picture


def picture_key(picture: AnnotatedPicture) -> str:
    """Return what identifies a picture: its member, and the plane or frame of it."""
    part = picture.plane or ("" if picture.frame is None else f"frame:{picture.frame}")
    return f"{picture.member}#{part}" if part else picture.member


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a line of a proposed declaration is right: its key and the evidence, with counts."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What no data can show: the key that answers it, the question, and the possible answers as TOML values."""

    key: str
    text: str
    choices: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """Something odd that a person should look at."""

    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a format makes of the members of a source.

    ``read`` is the part of the declaration that is proved or stated, as TOML holds it (``{"format": "coco", …}``);
    ``questions`` are those that remain open.
    """

    read: Mapping[str, object]
    proofs: tuple[Proof, ...] = ()
    questions: tuple[Question, ...] = ()
    hints: tuple[Hint, ...] = ()


Recognise = Callable[[Files, Mapping[str, object]], Recognition | None]
"""From members and the ``[read]`` keys that are already stated, which are taken as they are and never asked again."""
