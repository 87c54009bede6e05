"""The pictures of a source as a format reader needs them: found by name, each given out once, sizes from headers."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from PIL import Image

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Annotation, Reading, ReadProblem
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.reading.listing import Listing, matching
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex

MISSING: Final = "picture_missing"
AMBIGUOUS: Final = "picture_ambiguous"
TWICE: Final = "picture_annotated_twice"


class Pictures:
    """Pictures of one declaration; remembers which were given out."""

    def __init__(self, listing: Listing, declaration: Declaration) -> None:
        self.listing = listing
        self.index = PictureIndex(
            matching(listing.pictures if declaration.images else listing.photos, declaration.images)
        )
        self._given: set[str] = set()

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height that the header of a picture says; MemberProblem where it says none."""
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
        """Yield the record of a picture, after the problems of its entries.

        Where it was given out before, each of its entries is a problem ``picture_annotated_twice``.
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

    def rest(self) -> Iterator[AnnotatedPicture]:
        """Yield pictures of which no annotation says anything."""
        for name in self.index.names:
            if name not in self._given:
                yield AnnotatedPicture(member=name, name=name, annotated=False)


def picture_size(listing: Listing, name: str) -> tuple[int, int]:
    """Return width and height from the header of a picture file."""
    if listing.kinds.get(name) == "lfs":
        raise MemberProblem("lfs_pointer", f"{name} is a pointer of Git LFS, not the picture; run `git lfs pull`")
    for data in (listing.head(name), None):
        try:
            with Image.open(io.BytesIO(listing.read(name) if data is None else data)) as image:
                return image.size
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            problem = error
    raise MemberProblem("unreadable_image", f"{name} is no picture that can be read: {problem}") from problem


def size_or_none(listing: Listing, name: str | None) -> tuple[int, int] | None:
    """Return the size of a picture; None where there is no picture, or it cannot be read."""
    try:
        return None if name is None else picture_size(listing, name)
    except MemberProblem:
        return None


def missing(joined: Joined, stated: str, key: str, found: Sequence[Annotation | ReadProblem]) -> Reading:
    """Yield one problem per entry of a picture that is not there, or that two pictures could be.

    One where it has none.
    """
    if joined.join == "ambiguous":
        reason, detail = AMBIGUOUS, f"{stated!r} is the name of several pictures of this source"
    else:
        reason, detail = MISSING, f"no picture {stated!r} is in this source"
    if not found:
        yield ReadProblem(key=key, reason=reason, detail=detail, picture=stated)
    for item in found:
        yield ReadProblem(key=item.key, reason=reason, detail=detail, picture=stated, label=item.label)
