"""Read CreateML: a JSON list of pictures with boxes; x, y is the centre or a corner, depending on the writer."""

from collections.abc import Mapping
from typing import Any

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.frame_evidence import LEAST
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents, size_or_none
from medmultipoints.transforms.sources.reading.listing import Listing, bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, choose_joined_documents
from medmultipoints.transforms.sources.reading.records.json_rows import show, stream_tasks
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, box_place, finite, not_finite

_KEYS = ("x", "y", "width", "height")
_SLACK = 1.0


def _is_createml(head: bytes) -> bool:
    text = bare(head)
    if not text.startswith(b"["):
        return False
    return b'"coordinates"' in text or (b'"image"' in text and b'"annotations"' in text and b'"data"' not in text)


def _entries(listing: Listing, name: str) -> list[tuple[str, list[Mapping[str, Any]]]]:
    found: list[tuple[str, list[Mapping[str, Any]]]] = []
    for entry in stream_tasks(listing, name):
        picture = entry.get("image") or entry.get("imagefilename") if isinstance(entry, dict) else None
        boxes = (entry.get("annotations") or entry.get("annotation") or []) if isinstance(entry, dict) else []
        if isinstance(picture, str) and isinstance(boxes, list):
            found.append((picture, [box for box in boxes if isinstance(box, dict)]))
    return found


def _numbers(box: Mapping[str, Any]) -> list[Any]:
    held = box.get("coordinates")
    return [held.get(key) for key in _KEYS] if isinstance(held, dict) else [None] * 4


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the CreateML files among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("createml", stated)
    held: dict[str, list[tuple[str, list[Mapping[str, Any]]]]] = {}
    for name in listing.texts(_is_createml):
        try:
            given = _entries(listing, name)
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        if given:
            held[name] = given
    if not held:
        return None
    draft.line("format", "createml", f"{plural(len(held), 'JSON file')} of pictures with annotations of coordinates")
    joins = {name: [(picture, index.find(picture, name)) for picture, _ in entries] for name, entries in held.items()}
    boxes: list[tuple[list[Any], tuple[int, int] | None]] = []
    for name in choose_joined_documents(draft, listing, joins):
        for (_, join), (_, entries) in zip(joins[name], held[name], strict=True):
            size = size_or_none(listing, join.member)
            boxes += [(_numbers(box), size) for box in entries]
    _decide_form(draft, boxes)
    return draft.done()


def _decide_form(draft: Draft, boxes: list[tuple[list[Any], tuple[int, int] | None]]) -> None:
    """Decide for centre or corner if all boxes lie in their pictures for only one of them, else ask."""
    sound = [(numbers, size) for numbers, size in boxes if finite(numbers) and size is not None]
    centred = sum(_fits(n[0] - n[2] / 2, n[1] - n[3] / 2, n[2], n[3], size) for n, size in sound)
    cornered = sum(_fits(n[0], n[1], n[2], n[3], size) for n, size in sound)
    said = (
        f"of {plural(len(sound), 'box', 'boxes')}, {centred:,} lie in the picture as centres, {cornered:,} as corners"
    )
    for form, own, other in (("cxcywh", centred, cornered), ("xywh", cornered, centred)):
        if len(sound) >= LEAST and other == len(sound) and own * 10 < 9 * other:
            draft.refuse("boxes.form", form, said)
    if sound and centred == len(sound) and cornered < len(sound):
        draft.line("boxes.form", "cxcywh", said)
    elif sound and cornered == len(sound) and centred < len(sound):
        draft.line("boxes.form", "xywh", said)
    elif boxes:
        choices = ["cxcywh", "xywh"]
        draft.ask("boxes.form", f"Is x, y the centre (CreateML) or the top left corner? {said}", choices, "cxcywh")


def _fits(x: float, y: float, w: float, h: float, size: tuple[int, int] | None) -> bool:
    assert size is not None
    return x >= -_SLACK and y >= -_SLACK and x + w <= size[0] + _SLACK and y + h <= size[1] + _SLACK


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture of the list."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_createml), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    for at, (stated, boxes) in enumerate(_entries(pictures.listing, name)):
        joined = pictures.index.find(stated, name)
        size = size_or_none(pictures.listing, joined.member)
        places = [_place(pictures.declaration, box, size) for box in boxes]
        found = [
            make_annotation(f"{name}#{at}/{n}", str(box.get("label") or ""), place, {})
            for n, (box, place) in enumerate(zip(boxes, places, strict=True))
        ]
        yield from pictures.join(joined, stated, f"{name}#{at}", found, name)


def _place(declaration: Declaration, box: Mapping[str, Any], size: tuple[int, int] | None) -> Place | Fault:
    numbers = _numbers(box)
    if not finite(numbers):
        return not_finite(f"the box {show(numbers)}")
    x, y, w, h = numbers
    if declaration.boxes.form != "xywh":
        x, y = x - w / 2, y - h / 2
    return box_place(Box(x, y, x + w, y + h), numbers, size, declaration.boxes.degenerate)


FORMAT = Format(
    name="createml",
    title="CreateML JSON",
    recognise=recognise,
    read=read,
    weight=45,
    lost="nothing; the format holds only boxes",
    export="Roboflow: CreateML; Apple Create ML",
    keys=frozenset({"boxes.form", "boxes.degenerate"}),
)
