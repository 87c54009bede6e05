"""Explain why no format reads a source: the files found, and what to declare or write instead."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.array_items import array_shapes
from medmultipoints.transforms.rasters.parquet_rows import open_table
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Hint
from medmultipoints.transforms.sources.paths import differ_in_zeros, split_path
from medmultipoints.transforms.sources.reading.joining import size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, folder
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.records.table_rows import even_rows, find_tables

_LOOKED_AT: Final = 24
_SHOWN: Final = 60


def find_unjoined(listing: Listing) -> Iterator[Hint]:
    """Yield a hint for each kind of file that may hold annotations, with the missing information."""
    yield from _arrays(listing)
    yield from _parquets(listing)
    texts = listing.of("text")
    tables = list(find_tables(listing, 2))
    yield from _tables(listing, [name for name in tables if name in texts])
    yield from _texts(listing, [name for name in texts if name not in tables])
    yield from _pictures(listing)


def _arrays(listing: Listing) -> Iterator[Hint]:
    said = [
        f"{name} {key} {kind} {shape}".replace("  ", " ")
        for name in listing.of("array")
        for key, (shape, kind) in array_shapes(listing.read(name)).items()
    ]
    if said:
        text = f"arrays of {'; '.join(said[:4])}: stacks must hold pictures as items x height x width (x 3) "
        yield Hint("not_read_array", f"{text}and masks as items x height x width, both of whole numbers")


def _parquets(listing: Listing) -> Iterator[Hint]:
    for name in listing.of("parquet")[:1]:
        try:
            columns = open_table(listing.read(name), name).schema_arrow.names
        except MemberProblem as problem:
            yield Hint("damaged", problem.detail)
            continue
        said = f"{name} has the columns {', '.join(columns[:12])}: none holds boxes of objects or masks"
        yield Hint("not_read_parquet", f"{said}; sources need them; labels of whole pictures are not enough")


def _tables(listing: Listing, names: Sequence[str]) -> Iterator[Hint]:
    for name in names[:3]:
        row = next((row for _, row in even_rows(listing, name, 2)), {})
        shown = "; ".join(f"{column}: {text[:24]}" for column, text in row.items())[:200]
        said = f"{name} ({shown}): no column names pictures of this source"
        yield Hint("not_read_table", f"{said}; it must name them by their files")


def _texts(listing: Listing, names: Sequence[str]) -> Iterator[Hint]:
    """Yield hints about XML, and about text files named after pictures."""
    index = PictureIndex(listing.photos)
    own = [name for name in names if index.find_own(name).member]
    for name in [name for name in own or names if listing.head(name, 1) == b"<"][:1]:
        text = f"{name} is XML of an unknown kind, {listing.head(name, _SHOWN).decode('utf-8', 'replace')!r}…"
        yield Hint("not_read_xml", f"{text}; write Pascal VOC, CVAT or COCO")
    for name in [name for name in own if listing.head(name, 1) != b"<"][:1]:
        line = listing.head(name).decode("utf-8-sig", "replace").strip().splitlines()[0][:_SHOWN]
        text = f"{plural(len(own), 'text file')} named after pictures, such as {name} with {line!r}, in no known form"
        yield Hint("not_read_lines", f"{text}; write one line per object: its label and the four numbers of its box")


def _joining_numbers(masks: Sequence[str], pictures: Sequence[str]) -> str:
    """Return the hole that joins masks with pictures whose names differ in leading zeros alone; empty if none do."""
    pair = differ_in_zeros((split_path(name).stem for name in masks), (split_path(name).stem for name in pictures))
    if pair is None:
        return ""
    hole = re.sub(r"\d+(?!.*\d)", "{n:int}", pair[0])
    return f"with {hole} in both: {pair[0]} and {pair[1]} differ in leading zeros alone, which such a hole ignores"


def _joining_holes(listing: Listing, mask: str) -> str:
    """Return which holes join a mask with its picture: the folder, if several folders hold the same two names."""
    place, size = folder(mask), size_or_none(listing, mask)
    beside = [name for name in listing.pictures if folder(name) == place and name != mask]
    own = [name for name in beside if size_or_none(listing, name) == size and not _is_drawn(listing, name)]
    pair = [name.rpartition("/")[2] for name in (*own[:1], mask)]
    folders = [{folder(known) for known in listing.pictures if known.endswith(f"/{name}")} for name in pair]
    if not own or len(set.intersection(*folders)) < 2:
        return "with {stem} in both"
    above = f"{folder(place)}/" if folder(place) else ""
    return f'with one hole for the folder, such as "{above}{{case}}/{pair[0]}" and "{above}{{case}}/{pair[1]}"'


def _is_drawn(listing: Listing, name: str) -> bool:
    look = listing.look(name)
    return look is None or look.is_drawing


def _pictures(listing: Listing) -> Iterator[Hint]:
    """Yield a hint about pictures without annotations: masks that do not join by name, or folders of classes."""
    pictures = listing.pictures
    sampled = pictures[:: max(1, len(pictures) // _LOOKED_AT)]
    looks = [(name, look) for name in sampled if (look := listing.look(name)) is not None]
    drawn = [name for name, look in looks if look.is_drawing]
    folders = sorted({folder(name).rpartition("/")[2] for name in pictures if folder(name)})
    if drawn and len(drawn) < len(looks):
        said = f"{len(drawn)} of {plural(len(looks), 'picture')} looked at have flat areas, as masks do, such as "
        said += f'{drawn[0]}, but no name joins them with pictures: state format = "masks", and images and annotations'
        others = [name for name in pictures if name not in drawn]
        yield Hint(
            "masks_unjoined",
            f"{said} as patterns {_joining_numbers(drawn, others) or _joining_holes(listing, drawn[0])}",
        )
    elif pictures:
        said = f"{plural(len(pictures), 'picture')} without annotations: sources need boxes, outlines or masks"
        if len(folders) > 1:
            said += f"; classes of whole pictures (folders {', '.join(folders[:6])}, or tables) are not enough"
        yield Hint("pictures_alone", said)
