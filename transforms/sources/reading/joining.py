"""Join annotations with the pictures of a source, yielding each picture once."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from PIL import Image

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import PILLOW_ERRORS, said_by
from medmultipoints.transforms.pictures.orientation import find_orientations
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Annotation, Files, Reading, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.path_patterns import hole_columns
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.records.row_facts import row_facts

MISSING: Final = "picture_missing"
AMBIGUOUS: Final = "picture_ambiguous"
TWICE: Final = "picture_annotated_twice"
_SWAPPING: Final = frozenset({5, 6, 7, 8})
"""Orientation tags that swap width and height."""


class Pictures:
    """Pictures of a declaration, of which each is yielded at most once."""

    def __init__(self, listing: Listing, declaration: Declaration) -> None:
        self.listing = listing
        self.declaration = declaration
        self.index = PictureIndex(
            matching(listing.pictures if declaration.images else listing.photos, declaration.images)
        )
        self._given: set[str] = set()

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height from a picture's header. Raise MemberProblem if it cannot be read."""
        return picture_size(self.listing, name)

    def give(
        self,
        member: str,
        found: Sequence[Annotation | ReadProblem],
        read_from: Sequence[str],
        size: tuple[int, int] | None = None,
        columns: Mapping[str, str] | None = None,
        doubts: Sequence[ReadProblem] = (),
    ) -> Reading:
        """Yield the problems of a picture's entries, then the picture.

        If the picture was yielded before, yield a problem ``picture_annotated_twice`` for each entry instead.
        """
        twice = member in self._given
        self._given.add(member)
        for item in found:
            if isinstance(item, ReadProblem):
                yield replace(item, picture=member)
            elif twice:
                detail = f"{item.key}: another entry of this source annotates {member} already"
                yield ReadProblem(key=item.key, reason=TWICE, detail=detail, picture=member, label=item.label)
        if twice:
            return
        width, height = size or (None, None)
        yield AnnotatedPicture(
            member=member,
            name=member,
            width=width,
            height=height,
            annotations=tuple(item for item in found if isinstance(item, Annotation)),
            read_from=tuple(read_from),
            columns=columns or {},
            doubts=tuple(doubts),
        )

    def join(
        self,
        joined: Joined,
        stated: str,
        key: str,
        found: Sequence[Annotation | ReadProblem],
        read_from: str,
        size: tuple[int, int] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Reading:
        """Yield the picture that the name ``stated`` joins, or one problem per entry if it joins none or several.

        ``facts``: what the entry states about the picture, of which the declaration may name some.
        """
        if joined.member is None:
            yield from missing(joined, stated, key, found)
        else:
            columns = hole_columns(read_from, self.declaration.annotations)
            columns |= row_facts(self.declaration, [facts] if facts else [])
            yield from self.give(joined.member, found, [read_from], size, columns)

    def join_own(
        self,
        name: str,
        stated: str,
        found: Sequence[Annotation | ReadProblem],
        size: tuple[int, int] | None = None,
    ) -> Reading:
        """Yield the picture with the stem of the annotation file ``name``, else the one that the file names."""
        joined = self.index.find_own(name, stated)
        yield from self.join(joined, stated or split_path(name).stem, name, found, name, size)

    def rest(self) -> Iterator[AnnotatedPicture]:
        """Yield the pictures without an annotation."""
        for name in self.index.names:
            if name not in self._given:
                yield AnnotatedPicture(member=name, name=name, annotated=False)


def read_documents(
    declaration: Declaration,
    files: Files,
    find: Callable[[Listing], Sequence[str]],
    read: Callable[[Pictures, str], Reading],
) -> Reading:
    """Yield what ``read`` yields for each annotation file, a problem for a damaged file, then all other pictures."""
    listing = listed(files)
    pictures = Pictures(listing, declaration)
    for name in matching(find(listing), declaration.annotations):
        try:
            yield from read(pictures, name)
        except MemberProblem as problem:
            yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail)
    yield from pictures.rest()


def picture_size(listing: Listing, name: str) -> tuple[int, int]:
    """Return width and height of a picture, as its annotations count them. Raise MemberProblem if it cannot be read."""
    if listing.kinds.get(name) == "lfs":
        raise MemberProblem("lfs_pointer", f"{name} is a Git LFS pointer, not the picture; run `git lfs pull`")
    for read in (listing.head, listing.read):
        data = read(name)
        try:
            with Image.open(io.BytesIO(data)) as image:
                size = image.size
            return size[::-1] if listing.as_shown and is_turned(listing, name) else size
        except PILLOW_ERRORS as error:
            problem = error
    said = said_by(problem, data)
    raise MemberProblem("unreadable_image", f"{name} cannot be read as a picture: {said}") from problem


def is_turned(listing: Listing, name: str) -> bool:
    """Return whether an orientation tag swaps width and height of a picture."""
    try:
        return swaps_sides(listing.read(name))
    except MemberProblem:
        return False


def swaps_sides(data: bytes) -> bool:
    """Return whether an orientation tag of a picture's bytes swaps width and height."""
    return not _SWAPPING.isdisjoint(find_orientations(data))


def size_or_none(listing: Listing, name: str | None) -> tuple[int, int] | None:
    """Return width and height of a picture, or None if there is no picture or it cannot be read."""
    try:
        return None if name is None else picture_size(listing, name)
    except MemberProblem:
        return None


def not_found(stated: object, kind: str = "picture") -> str:
    """Return the sentence about a file that is not in the source, or that is not read because it is hidden.

    Folders of an absolute path are those of another machine, and say nothing about this source.
    """
    path = split_path(str(stated).replace("\\", "/"))
    elsewhere = path.folders and (not path.folders[0] or ":" in path.folders[0])
    if path.filename.startswith(".") or (path.is_hidden and not elsewhere):
        return f"{kind} {stated!r}: names that begin with a dot are hidden and not read; rename it"
    return f"no {kind} {stated!r} is in this source"


def frame_missing(name: str, number: int, found: Sequence[Annotation | ReadProblem]) -> Reading:
    """Yield one problem per entry of a frame without a picture; ``name``: the annotation file."""
    for item in found:
        detail = f"{name}: there is no picture of frame {number}"
        yield ReadProblem(key=item.key, reason=MISSING, detail=detail, picture=f"{name} {number}", label=item.label)


def missing(joined: Joined, stated: str, key: str, found: Sequence[Annotation | ReadProblem]) -> Reading:
    """Yield one problem per entry of a missing or ambiguous picture, or a single one without entries."""
    if joined.join == "ambiguous":
        reason, detail = AMBIGUOUS, f"{stated!r} is the name of several pictures of this source"
    else:
        reason, detail = MISSING, not_found(stated)
        if stated.lower().endswith(".dcm"):
            detail += "; annotations of this format are not joined with DICOM: write the pictures as PNG"
    if not found:
        yield ReadProblem(key=key, reason=reason, detail=detail, picture=stated)
    for item in found:
        yield ReadProblem(key=item.key, reason=reason, detail=detail, picture=stated, label=item.label)
