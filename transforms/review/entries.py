"""Turn a reviewer's edits into the smallest set of correction entries for the recipe.

Coordinates are pixels of the original image, half-open. An unchanged object gets no entry and keeps its mask; a moved,
cut, joined or redrawn object is replaced alone.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import clip_box
from medmultipoints.transforms.review.mask_files import Masks

Entry = Mapping[str, Any]
MOST_OBJECTS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object of the release as the reviewer saw it; ``label`` is a key of the recipe's labels."""

    object_id: str
    label: str
    box: Box
    rle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An object as the reviewer left it: a box or a mask (``rle``); ``origin`` is the object it was made from."""

    label: str
    box: Box | None = None
    rle: str | None = None
    origin: str | None = None
    changed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Reviewer, image, date and reason of a decision."""

    image: str
    image_sha256: str
    reviewer: str
    date: str
    reason: str


def tidy_box(sides: Sequence[Any], width: int, height: int) -> Box:
    """Return a drawn box in whole pixels inside the image; raise UsageError if less than one pixel is left."""
    if len(sides) != 4 or not all(isinstance(side, int | float) and math.isfinite(side) for side in sides):
        raise UsageError(f"the box {list(sides)} is not four numbers. Draw it again.")
    x1, y1, x2, y2 = (float(round(side)) for side in sides)
    box = clip_box(Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), width, height)
    if box is None:
        raise UsageError(
            f"the box {list(sides)} has no whole pixel inside the {width} x {height} image. Draw it again."
        )
    return box


def accept_entry(by: Signed, kind: str, box: Sequence[float] | None = None, label: str | None = None) -> Entry:
    """Return the entry that accepts the findings of a kind, or only those with this box or label."""
    return _entry(by, action="accept", kind=kind, label=label, box=None if box is None else list(box))


def exclude_entry(by: Signed, seen: Seen | None = None) -> Entry:
    """Return the entry that excludes an image or one of its objects."""
    return _entry(by, action="exclude", **_pinned(seen))


def withdrawal_entry(by: Signed, luma_blake3: str | None) -> Entry:
    """Return the entry that withdraws an image and its copies from every later release."""
    own = {"image_sha256": by.image_sha256, "luma_blake3": luma_blake3}
    signature = {"reason": by.reason, "reviewer": by.reviewer, "date": by.date}
    return {key: value for key, value in {**own, **signature}.items() if value is not None}


def as_exclusion(withdrawal: Entry, image: str) -> Entry:
    """Return a withdrawal as a settled decision about an image of this release, which no other reviewer overrides."""
    return {**withdrawal, "image": image, "action": "exclude", "withdrawn": True, "settles": True}


def edit_entries(
    by: Signed, seen: Sequence[Seen], drawn: Sequence[Drawn], size: tuple[int, int], file_name: str
) -> tuple[list[Entry], dict[str, Masks]]:
    """Return the entries that turn the seen objects into the drawn ones, and their mask files.

    ``file_name`` is the prefix of the mask files. Raise UsageError if parts of one object have different labels.
    """
    entries: list[Entry] = []
    masks: dict[str, Masks] = {}
    parts: dict[str | None, list[Drawn]] = {}
    for one in drawn:
        parts.setdefault(one.origin, []).append(one)
    for before in seen:
        entries += _about(by, before, parts.pop(before.object_id, []), size, file_name, masks)
    new = parts.pop(None, [])
    for label in sorted({one.label for one in new}):
        own = [one for one in new if one.label == label]
        for kind, chosen in (
            ("masks", [one for one in own if one.rle]),
            ("boxes", [one for one in own if not one.rle]),
        ):
            if chosen:
                entries.append(_shapes(by, f"add_{kind}", label, chosen, size, file_name, masks))
    if parts:
        raise UsageError(f"this picture has no object {next(iter(parts))}. Reload the page.")
    return entries, masks


def _about(
    by: Signed, seen: Seen, parts: Sequence[Drawn], size: tuple[int, int], name: str, masks: dict[str, Masks]
) -> Iterable[Entry]:
    """Return the entries for one seen object."""
    if not parts:
        return [exclude_entry(by, seen)]
    labels = sorted({part.label for part in parts})
    if len(labels) > 1:
        raise UsageError(
            f"parts of one object have the labels {' and '.join(labels)}. Give them one, or draw a new one."
        )
    if len(parts) == 1 and not parts[0].changed:
        return [] if labels[0] == seen.label else [_entry(by, action="set_label", **_pinned(seen), label=labels[0])]
    if any(part.rle for part in parts) and not all(part.rle for part in parts):
        raise UsageError("parts of one object are a box and a mask. Make both the same.")
    action = "replace_masks" if parts[0].rle else "replace_boxes"
    return [_shapes(by, action, labels[0], parts, size, name, masks, **_pinned(seen))]


def _shapes(
    by: Signed,
    action: str,
    label: str,
    parts: Sequence[Drawn],
    size: tuple[int, int],
    name: str,
    masks: dict[str, Masks],
    **more: Any,
) -> Entry:
    """Return an entry with boxes, or with masks in a file that is added to ``masks``."""
    rles = tuple(part.rle for part in parts if part.rle)
    if rles:
        digest = hashlib.sha256("\n".join(rles).encode()).hexdigest()[:12]
        file = f"{name}-{digest}.rle.json"
        masks[file] = Masks(width=size[0], height=size[1], rles=rles)
        return _entry(by, action=action, **more, label=label, masks=file)
    boxes = [[*_sides(part.box)] for part in parts if part.box]
    return _entry(by, action=action, **more, label=label, boxes=boxes)


def _pinned(seen: Seen | None) -> dict[str, Any]:
    return {} if seen is None else {"object": seen.object_id, "box": _sides(seen.box)}


def _sides(box: Box) -> list[float]:
    return [int(side) if float(side).is_integer() else round(side, 3) for side in box]


def _entry(by: Signed, **values: Any) -> Entry:
    """Return an entry with its keys in file order: image, decision, reviewer."""
    signature = {"reason": by.reason, "reviewer": by.reviewer, "date": by.date}
    given = {"image": by.image, "image_sha256": by.image_sha256, **values, **signature}
    return {key: value for key, value in given.items() if value is not None}


def sort_key(entry: Entry) -> tuple[str, ...]:
    """Return the key that sorts entries in a file: image, object, action, reviewer."""
    keys = ("image", "label", "object", "action", "kind", "reviewer", "date", "image_sha256")
    return tuple(str(entry.get(key, "")) for key in keys)
