"""Read Label Studio JSON: tasks with annotations of several people, in percent of the picture's size.

Rotation is clockwise in degrees about the top-left corner. Cancelled annotations and predictions are not used. Brush
strokes have a run-length code of their own, over four channels.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.pictures.decode import MAX_PIXELS
from medmultipoints.transforms.records import Box, Point
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.joining import Pictures, read_documents
from medmultipoints.transforms.sources.reading.listing import Listing, bare, listed
from medmultipoints.transforms.sources.reading.making import make_annotation
from medmultipoints.transforms.sources.reading.picture_index import Joined, PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, ask_ellipses, choose_joined_documents
from medmultipoints.transforms.sources.reading.records.json_rows import stream_tasks
from medmultipoints.transforms.sources.reading.records.row_facts import entry_facts, weigh_columns
from medmultipoints.transforms.sources.reading.shapes import (
    Fault,
    Place,
    box_place,
    ellipse_place,
    finite,
    not_finite,
    oriented_place,
    outline_place,
    point_place,
)
from medmultipoints.transforms.sources.reading.stated_sizes import size_of

_WORDS = re.compile(rb'"(from_name|rectanglelabels|polygonlabels|keypointlabels|brushlabels|ellipselabels)"')
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")


def _is_label_studio(head: bytes) -> bool:
    text = bare(head)
    if not text.startswith(b"["):
        return False
    return bool(_WORDS.search(text)) or (b'"data"' in text and (b'"annotations"' in text or b'"completions"' in text))


_OWN: Final = frozenset({"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"})
"""Keys of a task in JSON-MIN by the format."""


@dataclass(frozen=True, slots=True)
class _Version:
    """Annotation of a task by one person."""

    key: str
    regions: tuple[Mapping[str, Any], ...]
    ground_truth: bool = False
    updated: str = ""


@dataclass(frozen=True, slots=True)
class _Task:
    """A picture with the annotations of each person, the cancelled ones, the number of predictions, and its data."""

    key: str
    picture: str
    versions: tuple[_Version, ...]
    cancelled: tuple[str, ...]
    predictions: int
    facts: Mapping[str, str]

    @property
    def size(self) -> tuple[int, int] | None:
        sizes = (size_of(r.get("original_width"), r.get("original_height")) for v in self.versions for r in v.regions)
        return next((size for size in sizes if size is not None), None)


def _tasks(listing: Listing, name: str) -> Iterator[_Task]:
    for at, entry in enumerate(stream_tasks(listing, name)):
        if isinstance(entry, dict):
            yield _full_task(name, at, entry) if "data" in entry else _short_task(name, at, entry)


def _full_task(name: str, at: int, entry: Mapping[str, Any]) -> _Task:
    key = f"{name}#{entry.get('id', at)}"
    stated = entry.get("annotations") or entry.get("completions") or []
    held = [item for item in stated if isinstance(item, dict)] if isinstance(stated, list) else []
    versions = tuple(
        _Version(
            key=f"{key}/{item.get('id', number)}",
            regions=tuple(_regions(item.get("result"))),
            ground_truth=item.get("ground_truth") is True,
            updated=str(item.get("updated_at") or item.get("created_at") or ""),
        )
        for number, item in enumerate(held)
        if not item.get("was_cancelled")
    )
    cancelled = tuple(
        f"{key}/{item.get('id', number)}" for number, item in enumerate(held) if item.get("was_cancelled")
    )
    predictions = entry.get("predictions")
    guesses = len(predictions) if isinstance(predictions, list) else 0
    return _Task(key, _picture(entry["data"]), versions, cancelled, guesses, entry_facts(entry["data"]))


def _regions(result: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the regions of a result, joining separate geometry and label entries by id."""
    labels: dict[str, Mapping[str, Any]] = {}
    held = [item for item in result if isinstance(item, dict)] if isinstance(result, list) else []
    for item in held:
        value = item.get("value")
        if isinstance(value, dict) and (own := _id(item)) and _label_of(value):
            labels.setdefault(own, value)
    seen: set[str] = set()
    for item in held:
        value, own = item.get("value"), _id(item)
        if not isinstance(value, dict) or not _has_place(value) or (own and own in seen):
            continue
        seen.add(own)
        sides = {key: item.get(key) for key in ("original_width", "original_height", "image_rotation")}
        yield {**labels.get(own, {}), **value, **sides}


def _id(item: Mapping[str, Any]) -> str:
    """Return the id of a region as text, or an empty text without one."""
    return str(item.get("id") or "")


def _has_place(value: Mapping[str, Any]) -> bool:
    return ("x" in value and "y" in value) or "points" in value or "rle" in value or "vertices" in value


def _short_task(name: str, at: int, entry: Mapping[str, Any]) -> _Task:
    """Return a task in the short form (JSON-MIN), with regions next to the picture's name."""
    key = f"{name}#{entry.get('id', at)}"
    regions = [
        region
        for value in entry.values()
        if isinstance(value, list)
        for region in value
        if isinstance(region, dict) and _has_place(region)
    ]
    return _Task(key, _picture(entry), (_Version(f"{key}/0", tuple(regions)),), (), 0, entry_facts(entry))


def _picture(data: Any) -> str:
    """Return the picture's name in a task's data: the first text with an image extension, else the first text."""
    texts = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    named = [text for text in texts if re.search(r"\.(jpe?g|png|tiff?|bmp|webp|dcm)(\W|$)", text, re.IGNORECASE)]
    found = next(iter(named or texts), "")
    return found.rpartition("?d=")[2].partition("?")[0]


def _find(index: PictureIndex, stated: str, near: str) -> Joined:
    """Return the picture of a task; uploads have a prefix of eight hex digits and a hyphen."""
    joined = index.find(stated, near)
    folder, _, filename = stated.rpartition("/")
    if joined.join == "missing" and _UPLOAD.match(filename):
        return index.find(f"{folder}/{_UPLOAD.sub('', filename)}", near)
    return joined


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the Label Studio files among the members."""
    listing = listed(files)
    index = PictureIndex(listing.photos)
    draft = Draft("label-studio", stated)
    held: dict[str, list[tuple[_Task, Joined]]] = {}
    for name in listing.texts(_is_label_studio):
        try:
            held[name] = [(task, _find(index, task.picture, name)) for task in _tasks(listing, name)]
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
    if not held:
        return None
    draft.line("format", "label-studio", f"{plural(len(held), 'JSON file')} with tasks, data and results")
    joins = {name: [(f"{task.picture} {task.size}", join) for task, join in tasks] for name, tasks in held.items()}
    chosen = choose_joined_documents(draft, listing, joins)
    tasks = [task for name in chosen for task, _ in held[name]]
    _conclude(draft, tasks)
    weigh_columns(draft, {task.picture: task.facts for task in tasks}, _OWN)
    return draft.done()


def _conclude(draft: Draft, tasks: Sequence[_Task]) -> None:
    several = [task for task in tasks if len(task.versions) > 1]
    if several:
        text = f"{plural(len(several), 'task')} with annotations of several people. Whose are read?"
        truths = all(sum(version.ground_truth for version in task.versions) == 1 for task in several)
        likely = "ground-truth" if truths else "latest"
        choices = dict.fromkeys([likely, "latest", "first", "ground-truth", "each"])
        draft.ask("annotators", text, list(choices), likely)
        if draft.asks("annotators"):
            draft.hint("several_annotators", f"{text} Until this is answered, the objects of all of them are counted")
    regions = [region for task in tasks for version in task.versions for region in version.regions]
    ask_ellipses(draft, sum("radiusX" in region for region in regions))
    double = sum(len(_labels_of(region)) > 1 for region in regions)
    if double:
        draft.hint("labels_several", f"{plural(double, 'region')} with several labels: one object of each label")
    cancelled = sum(len(task.cancelled) for task in tasks)
    if cancelled:
        draft.hint(
            "cancelled",
            f"{plural(cancelled, 'annotation')} that {'was' if cancelled == 1 else 'were'} cancelled; left out",
        )
    guesses = sum(task.predictions for task in tasks)
    if guesses:
        draft.hint("predictions", f"{plural(guesses, 'prediction')} of models; never read as truth")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield the picture of each task with the objects of the chosen annotators."""
    return read_documents(declaration, files, lambda listing: listing.texts(_is_label_studio), _read_file)


def _read_file(pictures: Pictures, name: str) -> Reading:
    for task in _tasks(pictures.listing, name):
        yield from _read_task(pictures, name, task)


def _read_task(pictures: Pictures, name: str, task: _Task) -> Reading:
    declaration, joined = pictures.declaration, _find(pictures.index, task.picture, name)
    for key in task.cancelled:
        yield ReadProblem(key=key, reason="annotation_cancelled", detail=f"{key} was cancelled", verdict="dropped")
    kept = _kept(declaration.annotators, task.versions)
    for version in task.versions:
        if version not in kept:
            detail = f"{version.key} is not read: annotators = {declaration.annotators!r}"
            yield ReadProblem(key=version.key, reason="other_annotator", detail=detail, verdict="dropped")
    found = [
        make_annotation(f"{version.key}/{at}{f'.{number}' if number else ''}", label, _place(declaration, region), {})
        for version in kept
        for at, region in enumerate(version.regions)
        for number, label in enumerate(_labels_of(region))
    ]
    if task.versions or joined.member is None:
        yield from pictures.join(joined, task.picture, task.key, found, name, task.size, task.facts)


def _kept(rule: str | None, versions: Sequence[_Version]) -> Sequence[_Version]:
    if rule in (None, "each") or len(versions) < 2:
        return versions
    if rule == "ground-truth":
        return [version for version in versions if version.ground_truth]
    return [max(versions, key=lambda version: version.updated)] if rule == "latest" else versions[:1]


def _labels_of(value: Mapping[str, Any]) -> list[str]:
    """Return the labels of a region: it is one object of each; one empty label if it has none."""
    for key, held in value.items():
        if key.endswith("labels") and isinstance(held, list) and held:
            return list(dict.fromkeys(map(str, held)))
    return [""]


def _label_of(value: Mapping[str, Any]) -> str:
    return _labels_of(value)[0]


def _place(declaration: Declaration, region: Mapping[str, Any]) -> Place | Fault:
    size = size_of(region.get("original_width"), region.get("original_height"))
    if size is None:
        return Fault("size_missing", "the region has no original_width and original_height")
    width, height = size
    if region.get("image_rotation"):
        detail = (
            f"the picture was turned by {region['image_rotation']} degrees when it was annotated: the frame of the "
        )
        return Fault("picture_turned", f"{detail}numbers is unknown; turn it back in Label Studio and export again")
    if "rle" in region:
        return _brush(region["rle"], size)
    outline = region.get("points") or region.get("vertices")
    if isinstance(outline, list):
        pairs = [(p.get("x"), p.get("y")) if isinstance(p, dict) else p for p in outline]
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 and finite(pair) for pair in pairs):
            return Fault("polygon_not_a_number", "the polygon has a point that is not a pair of numbers")
        return outline_place([value * side / 100 for pair in pairs for value, side in zip(pair, size, strict=True)])
    numbers = [region.get(key, 0) for key in ("x", "y", "width", "height", "rotation", "radiusX", "radiusY")]
    if not finite(numbers):
        return not_finite("the region")
    x, y, w, h, degrees, rx, ry = (value * part for value, part in zip(numbers, _parts(width, height), strict=True))
    if "radiusX" in region:
        return ellipse_place(declaration.shapes.ellipse, [x, y, rx, ry], degrees)
    if "height" not in region:
        return point_place(Point(x, y))
    box = Box(x, y, x + w, y + h)
    if degrees % 360:
        return oriented_place(box, degrees, Point(x, y))
    return box_place(box, numbers[:4], size, declaration.boxes.degenerate)


def _parts(width: int, height: int) -> tuple[float, ...]:
    return width / 100, height / 100, width / 100, height / 100, 1, width / 100, height / 100


def _brush(stated: Any, size: tuple[int, int]) -> Place | Fault:
    width, height = size
    try:
        pixels = decode_brush(bytes(stated), width * height * 4)
    except (ValueError, TypeError, OverflowError) as error:
        return Fault("rle_damaged", f"the brush mask cannot be decoded: {error}")
    mask = pixels.reshape(height, width, 4)[..., 3] > 0
    if not mask.any():
        return Fault("mask_empty", "the brush mask has no pixel")
    return Place(rle=encode_rle(mask.astype(np.uint8), 0, 0, width, height))


def decode_brush(data: bytes, expected: int) -> NDArray[np.uint8]:
    """Return the channel values of Label Studio's run-length code. Raise ValueError unless there are ``expected``.

    Source: ``decode_rle`` of label-studio-converter: 32 bits of length, 5 of word size, four sizes of 4 bits, then runs
    (1, index of the size, length, value) and literals (0, index of the size, length, values).
    """
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    at = 0

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(bits):
            raise ValueError("the code ends too early")
        value = int("".join(map(str, bits[at : at + count])), 2) if count else 0
        at += count
        return value

    length, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if length != expected or length > 4 * MAX_PIXELS or word > 8:
        raise ValueError(f"{length} values where the picture has {expected}")
    out = np.zeros(length, np.uint8)
    place = 0
    while place < length:
        repeated = take(1)
        end = min(place + 1 + take(sizes[take(2)]), length)
        if repeated:
            out[place:end] = take(word)
        else:
            for position in range(place, end):
                out[position] = take(word)
        place = end
    return out


FORMAT = Format(
    name="label-studio",
    title="Label Studio JSON",
    recognise=recognise,
    read=read,
    weight=86,
    lost="predictions, cancelled annotations, choices of whole pictures, relations, e-mail addresses",
    export="Label Studio: JSON or JSON-MIN",
    keys=frozenset({"boxes.degenerate", "shapes.ellipse", "annotators"}),
)
