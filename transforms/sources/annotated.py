"""Records that format readers yield: pictures with annotations, in one coordinate frame.

Boxes, points and polygons are in pixels of the picture as stored, half-open, origin top-left: column x spans x to
x + 1. Readers convert to this frame without rounding or clipping. They open members through ``Files`` and yield one
picture at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal, Protocol

from medmultipoints.transforms.records import Annotation, MaskLayer, Members

__all__ = ["AnnotatedPicture", "Annotation", "Files", "Hint", "MaskLayer", "Proof", "Question", "ReadProblem"]
__all__ += ["Reading", "Recognise", "Recognition", "picture_key", "with_problems"]


class Files(Members, Protocol):
    """Members of one source; large ones can be read in part."""

    def head(self, name: str, count: int) -> bytes:
        """Return the first ``count`` bytes of a member, or fewer if it is shorter."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a member for reading from its start; the caller closes it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedPicture:
    """A picture with its annotations.

    ``member``: an image file, a video with ``frame`` (from 0), or a volume or stack with ``plane``. ``shows``: the
    video and its frame (from 0) that an image file shows. ``name``: unique in the source; empty means the path of the
    member. ``width`` and ``height``: as stated by the annotation.
    ``rendering``: rule for gray levels, see ``transforms.rasters.intensity``. ``annotated``: the source gives the
    objects of this picture, or that it has none. ``read_from``: further members used. ``columns``: group, split, organ,
    modality, finding, classification and licence, if known. ``doubts``: unreadable entries that may belong to this
    picture.
    """

    member: str
    name: str = ""
    plane: str = ""
    frame: int | None = None
    shows: tuple[str, int] | None = None
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
    """An unusable input: a member, or an entry ``<member>#<entry>`` of one.

    ``reason`` is a stable snake_case word, ``detail`` a sentence that names the file and the values at fault.
    ``picture``: name or member of the entry's picture. If ``label`` is set, that label's count in the picture is
    uncertain; for a rejected entry without ``label``, the counts of all labels are.
    """

    key: str
    reason: str
    detail: str
    verdict: Literal["dropped", "rejected"] = "rejected"
    picture: str | None = None
    label: str | None = None


Reading = Iterator[AnnotatedPicture | ReadProblem]


def with_problems(picture: AnnotatedPicture, found: Iterable[Annotation | ReadProblem]) -> Reading:
    """Yield the problems among the entries of a picture, each under its name, then the picture with the others."""
    held: list[Annotation] = []
    for item in found:
        if isinstance(item, Annotation):
            held.append(item)
        else:
            yield replace(item, picture=picture_key(picture))
    yield replace(picture, annotations=tuple(held))


def picture_key(picture: AnnotatedPicture) -> str:
    """Return the key of a picture: its member, with its plane or frame."""
    part = picture.plane or ("" if picture.frame is None else f"frame:{picture.frame}")
    return f"{picture.member}#{part}" if part else picture.member


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence for a key of a proposed declaration, with counts."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the data cannot answer: its key, text, and possible answers as TOML values."""

    key: str
    text: str
    choices: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """An irregularity for a person to check."""

    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """Proposal of a format for the members of a source.

    ``read``: proved or stated keys of the declaration, as in TOML (``{"format": "coco", …}``).
    """

    read: Mapping[str, object]
    proofs: tuple[Proof, ...] = ()
    questions: tuple[Question, ...] = ()
    hints: tuple[Hint, ...] = ()


Recognise = Callable[[Files, Mapping[str, object]], Recognition | None]
"""Function of the members and the ``[read]`` keys already stated, which are accepted without asking again."""
