"""Unite several readings of the same pictures, such as masks and boxes, into one picture with all annotations."""

from collections.abc import Iterable
from dataclasses import replace

from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Reading, ReadProblem, picture_key


def unite(readings: Iterable[Reading]) -> Reading:
    """Yield the problems of all readings, then each picture once with the annotations of all of them.

    Annotations and masks get the number of their reading. The first reading decides which pictures there are; another
    one adds only pictures that it annotates.
    """
    held: dict[str, list[AnnotatedPicture]] = {}
    for number, reading in enumerate(readings):
        own: dict[str, list[AnnotatedPicture]] = {}
        for found in reading:
            if isinstance(found, ReadProblem):
                yield found
            else:
                own.setdefault(picture_key(found), []).append(_numbered(found, number))
        for key, pictures in own.items():
            if not number or any(one.annotated for one in pictures):
                held[key] = _joined(held[key], pictures) if key in held else pictures
    for pictures in held.values():
        yield from pictures


def _numbered(picture: AnnotatedPicture, number: int) -> AnnotatedPicture:
    return replace(
        picture,
        annotations=tuple(replace(one, reading=number) for one in picture.annotations),
        layers=tuple(replace(one, reading=number) for one in picture.layers),
    )


def _joined(before: list[AnnotatedPicture], pictures: list[AnnotatedPicture]) -> list[AnnotatedPicture]:
    """Return the picture of earlier readings with the annotations of another; repeated pictures stay repeated."""
    (one, *again), (first, *others) = before, pictures
    joined = replace(
        one,
        width=one.width or first.width,
        height=one.height or first.height,
        annotated=one.annotated or first.annotated,
        annotations=(*one.annotations, *first.annotations),
        layers=(*one.layers, *first.layers),
        read_from=tuple(dict.fromkeys((*one.read_from, *first.read_from))),
        columns={**first.columns, **one.columns},
        doubts=(*one.doubts, *first.doubts),
    )
    return [joined, *again, *others]
