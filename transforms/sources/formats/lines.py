"""Read text files with one object per line: KITTI, DOTA, a label and four numbers (PolypGen, mAP).

One file per picture; columns are separated by blanks or commas and counted from 1. Class numbers with fractions are
YOLO's.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.records import SIDES
from medmultipoints.transforms.regions.decimals import parse_decimal
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Annotation, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import BOX_KEYS, Format, field_keys
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.box_forms import FormEvidence, decide_form, declared_place
from medmultipoints.transforms.sources.reading.class_names import ask_class_names, class_name, class_number
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_files
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, corners_place, finite, outline

_EDGES: Final = SIDES


@dataclass(frozen=True, slots=True)
class _Layout:
    """Layout of a line: numbers of columns, columns of label and box or first corner, and labels to ignore.

    ``numbered``: labels are class numbers, and boxes are in pixels; fractions are YOLO's.
    """

    title: str
    columns: tuple[int, ...]
    fields: Mapping[str, str]
    ignored: Mapping[str, str]
    numbered: bool = False

    def fits(self, cells: Sequence[str]) -> bool:
        if len(cells) not in self.columns:
            return False
        label = int(self.fields.get("label", "0"))
        numbers = [cell for at, cell in enumerate(cells, start=1) if at != label]
        if not all(map(_is_number, numbers)):
            return False
        if self.numbered:
            return class_number(cells[label - 1]) is not None and max(map(parse_decimal, numbers)) > _ABOVE_FRACTIONS
        return not label or not _is_number(cells[label - 1])


_ABOVE_FRACTIONS: Final = 1.5
_DONT_CARE: Final = {"DontCare": "regions in which nothing is annotated"}
_LAYOUTS: Final = (
    _Layout("KITTI", (15, 16), {"label": "1", "x1": "5", "y1": "6", "x2": "7", "y2": "8"}, _DONT_CARE),
    _Layout("DOTA", (9, 10), {"label": "9", "outline": "1"}, {}),
    _Layout("a label and four numbers", (5,), {"label": "1", "x1": "2", "y1": "3", "x2": "4", "y2": "5"}, {}),
    _Layout("four numbers and a label", (5,), {"label": "5", "x1": "1", "y1": "2", "x2": "3", "y2": "4"}, {}),
    _Layout(
        "a class number and four numbers", (5,), {"label": "1", "x1": "2", "y1": "3", "x2": "4", "y2": "5"}, {}, True
    ),
    _Layout("four numbers", (4,), {"x1": "1", "y1": "2", "x2": "3", "y2": "4"}, {}),
)
_HEADS: Final = ("imagesource:", "gsd:")
"""Beginnings of the header lines of DOTA."""


def _is_number(text: str) -> bool:
    try:
        parse_decimal(text)
    except ValueError:
        return False
    return True


def _lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line, except headers and a first line that counts the others."""
    rows = [
        (at, line.replace(",", " ").split())
        for at, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1)
        if line.strip() and not line.strip().lower().startswith(_HEADS)
    ]
    counted = bool(rows) and rows[0][1] == [str(len(rows) - 1)]
    yield from rows[counted:]


def _layout_of(head: bytes) -> _Layout | None:
    """Return the layout that all lines of a file's head match, ignoring a last line that may be cut, or None."""
    rows = [cells for _, cells in _lines(head)]
    if len(head) >= 1 << 16 and len(rows) > 1:
        rows.pop()
    return next((layout for layout in _LAYOUTS if rows and all(map(layout.fits, rows))), None)


def _label_files(listing: Listing, index: PictureIndex) -> dict[str, _Layout | None]:
    """Return the layout of each text file named after a picture; None for files without lines."""
    found: dict[str, _Layout | None] = {}
    for name in _texts(listing):
        head = listing.head(name)
        if index.find_own(name).join != "missing":
            layout = _layout_of(head)
            if layout is not None or not any(_lines(head)):
                found[name] = layout
    return found


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the text files named after pictures."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("lines", stated)
    held = _label_files(listing, index)
    times = Counter(layout.title for layout in held.values() if layout is not None)
    if not times:
        return None
    title = times.most_common(1)[0][0]
    layout = next(layout for layout in _LAYOUTS if layout.title == title)
    fitting = [name for name, own in held.items() if own in (None, layout)]
    folders = {name.rpartition("/")[0] for name in fitting if held[name] is not None}
    fitting = [name for name in fitting if name.rpartition("/")[0] in folders]
    draft.line("format", "lines", f"{plural(times[title], 'text file')} named after pictures: {title} a line")
    chosen = choose_joined_files(draft, listing, {name: index.find_own(name) for name in fitting})
    for key, column in layout.fields.items():
        draft.line(f"fields.{key}", column, f"{title}, columns counted from 1")
    if layout.ignored and any(cells[0] in layout.ignored for name in chosen for _, cells in _lines(listing.head(name))):
        draft.line("labels", {label: {"ignore": why} for label, why in layout.ignored.items()}, title)
    if "label" not in layout.fields:
        draft.ask("label", "No column is a label. What is the label of all objects?")
    if layout.numbered:
        place = int(layout.fields["label"]) - 1
        texts = {cells[place] for name in chosen for _, cells in _lines(listing.read(name))}
        numbers = {number for text in texts if (number := class_number(text)) is not None}
        ask_class_names(draft, listing, chosen, sorted(numbers))
    if "x1" in layout.fields:
        _decide(draft, listing, index, chosen, layout.fields)
    return draft.done()


def _decide(
    draft: Draft, listing: Listing, index: PictureIndex, names: Sequence[str], fields: Mapping[str, str]
) -> None:
    forms, corners = FormEvidence(), FrameEvidence()
    for name in names:
        size = size_or_none(listing, index.find_own(name).member)
        for _, cells in _lines(listing.read(name)):
            numbers = _numbers(cells, fields)
            if finite(numbers) and min(numbers) >= 0:
                forms.add(numbers, size)
                corners.add(numbers, *(size or (0, 0)))
    decide_form(draft, forms, None, corners)


def _numbers(cells: Sequence[str], fields: Mapping[str, str]) -> list[float]:
    return [_number(cells, fields[key]) for key in _EDGES]


def _number(cells: Sequence[str], column: str) -> float:
    try:
        return parse_decimal(cells[int(column) - 1])
    except (ValueError, IndexError):
        return float("nan")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield one picture per file, with the objects of its lines."""
    return read_documents(declaration, files, _texts, _read_file)


def _texts(listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in listing.of("text", "empty") if split_path(name).extension == ".txt")


def _read_file(pictures: Pictures, name: str) -> Reading:
    declaration, joined = pictures.declaration, pictures.index.find_own(name)
    if joined.join == "missing" and not declaration.annotations:
        return
    size = size_or_none(pictures.listing, joined.member)
    lines = _lines(pictures.listing.read(name))
    found = [_annotation(declaration, f"{name}#{at}", cells, size) for at, cells in lines]
    yield from pictures.join(joined, split_path(name).stem, name, found, name)


def _annotation(
    declaration: Declaration, key: str, cells: Sequence[str], size: tuple[int, int] | None
) -> Annotation | ReadProblem:
    column = declaration.fields.get("label", "")
    label = (
        cells[int(column) - 1] if column.isdecimal() and int(column) <= len(cells) else declaration.label or "object"
    )
    number = class_number(label) if declaration.classes else None
    if number is not None:
        label = class_name(declaration.classes, number)
    return make_annotation(key, label, _place(declaration, cells, size), {})


def _place(declaration: Declaration, cells: Sequence[str], size: tuple[int, int] | None) -> Place | Fault:
    fields = declaration.fields
    if "outline" in fields:
        first = int(fields["outline"])
        numbers = [_number(cells, str(first + at)) for at in range(8)]
        if not finite(numbers):
            return Fault("box_not_a_number", f"the corners {' '.join(cells[:8])} have a value that is not a number")
        return corners_place(outline(numbers))
    if not set(_EDGES) <= fields.keys():
        return Fault("box_missing", "no fields x1, y1, x2, y2 are declared")
    return declared_place(declaration, _numbers(cells, fields), size)


FORMAT = Format(
    name="lines",
    title="Text files with one object per line (KITTI, DOTA, label and four numbers)",
    recognise=recognise,
    read=read,
    weight=39,
    lost="positions in space, scores, difficulty; oriented boxes become bounding boxes with corners as an attribute",
    export="CVAT: KITTI 1.0; any script that writes a label and four numbers per line",
    keys=BOX_KEYS | field_keys("label", *_EDGES, "outline") | {"classes", "label"},
)
