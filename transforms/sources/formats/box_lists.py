"""Read text files with one picture per line and its boxes after it: Keras YOLO, YOLOv4 PyTorch, SUN.

A line is ``path x1,y1,x2,y2,class x1,y1,x2,y2,class …``; a path alone is a picture without objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Annotation, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import BOX_KEYS, Format
from medmultipoints.transforms.sources.reading.box_forms import FormEvidence, decide_form, declared_place
from medmultipoints.transforms.sources.reading.class_names import ask_class_names, class_name, class_number
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_documents
from medmultipoints.transforms.sources.reading.records.table_columns import read_number
from medmultipoints.transforms.sources.reading.shapes import finite


def _lines(data: bytes) -> Iterator[tuple[int, str, list[list[str]]]]:
    """Yield the number of each line, its picture, and the values of its boxes: the last words with commas between."""
    for at, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1):
        words = line.split()
        boxes = list(takewhile(_is_box, (word.split(",") for word in reversed(words))))
        path = line.strip().rsplit(maxsplit=len(boxes))[0] if len(words) > len(boxes) else ""
        if words:
            yield at, path, boxes[::-1]


def _is_box(cells: Sequence[str]) -> bool:
    return len(cells) in (4, 5)


def _is_box_list(head: bytes) -> bool:
    """Return whether lines of a file's head have boxes, most of them of numbers."""
    held = [finite(_numbers(box)) for _, path, boxes in _lines(head) for box in boxes if path]
    return sum(held) * 2 > len(held)


def _find_lists(listing: Listing) -> tuple[str, ...]:
    return listing.texts(_is_box_list)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the lists of boxes among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("box-lists", stated)
    held = {name: list(_lines(listing.read(name))) for name in _find_lists(listing)}
    joins = {name: [(path, index.find(path, name)) for _, path, _ in rows] for name, rows in held.items()}
    joins = {name: found for name, found in joins.items() if any(join.join != "missing" for _, join in found)}
    if not joins:
        return None
    draft.line("format", "box-lists", f"{plural(len(joins), 'text file')} of one picture a line, with its boxes")
    chosen = choose_joined_documents(draft, listing, joins)
    boxes: list[tuple[list[str], tuple[int, int] | None]] = []
    for name in chosen:
        for (_, join), (_, _, cells) in zip(joins[name], held[name], strict=True):
            size = size_or_none(listing, join.member)
            boxes += [(box, size) for box in cells]
    _decide(draft, listing, chosen, boxes)
    return draft.done()


def _decide(
    draft: Draft,
    listing: Listing,
    chosen: Sequence[str],
    boxes: Sequence[tuple[Sequence[str], tuple[int, int] | None]],
) -> None:
    forms, corners = FormEvidence(), FrameEvidence()
    for cells, size in boxes:
        if finite(numbers := _numbers(cells)):
            forms.add(numbers, size)
            corners.add(numbers, *(size or (0, 0)))
    decide_form(draft, forms, None, corners)
    classes = {class_number(cells[4]) for cells, _ in boxes if len(cells) == 5}
    if any(len(cells) == 4 for cells, _ in boxes):
        draft.ask("label", "Boxes have no class. What is the label of the boxes without one?")
    if classes and None not in classes:
        ask_class_names(draft, listing, chosen, sorted(number for number in classes if number is not None))


def _numbers(cells: Sequence[str]) -> list[float]:
    return [read_number(cell) for cell in cells[:4]]


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield the picture of each line, with its boxes."""
    find = _find_lists if not declaration.annotations else lambda listing: listing.of("text")
    return read_documents(declaration, files, find, _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    for at, path, boxes in _lines(pictures.listing.read(name)):
        joined = pictures.index.find(path, name)
        size = size_or_none(pictures.listing, joined.member)
        found = [_annotation(pictures.declaration, f"{name}#{at}/{n}", box, size) for n, box in enumerate(boxes)]
        yield from pictures.join(joined, path, f"{name}#{at}", found, name)


def _annotation(
    declaration: Declaration, key: str, cells: Sequence[str], size: tuple[int, int] | None
) -> Annotation | ReadProblem:
    label = cells[4] if len(cells) == 5 else declaration.label or ""
    number = class_number(label) if declaration.classes else None
    if number is not None:
        label = class_name(declaration.classes, number)
    return make_annotation(key, label, declared_place(declaration, _numbers(cells), size), {})


FORMAT = Format(
    name="box-lists",
    title="Text files with one picture and its boxes per line (Keras YOLO, YOLOv4 PyTorch, SUN)",
    recognise=recognise,
    read=read,
    weight=38,
    lost="nothing; the format holds only boxes",
    export="Roboflow: YOLOv4 PyTorch, YOLO Keras",
    keys=BOX_KEYS | {"classes", "label"},
)
