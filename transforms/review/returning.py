"""Match objects returned by another tool with the exported ones: same, moved, cut, joined, new or deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import are_near, iou, lies_in
from medmultipoints.transforms.review.entries import Drawn, Seen

SAME_PX: Final = 0.51
"""Largest distance of sides, in pixels, of an unmoved box: tools round to percent and decimals."""
PART_SHARE: Final = 0.8
"""Share of an object's area inside another from which it is a part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An object returned by a tool, in pixels of the original; ``object_id`` if the tool kept it."""

    label: str
    box: Box
    rle: str | None = None
    object_id: str | None = None


def match_returned(seen: Sequence[Seen], returned: Sequence[Returned]) -> list[Drawn]:
    """Return each object with its origin, matched by id, then by overlap, then as a part or a whole."""
    by_id = {one.object_id: one for one in seen}
    origins: list[Seen | None] = [by_id.get(one.object_id or "") for one in returned]
    taken = {one.object_id for one in origins if one}
    pairs = sorted(
        (
            (iou(one.box, before.box), place, number)
            for place, one in enumerate(returned)
            if origins[place] is None
            for number, before in enumerate(seen)
        ),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    for overlap, place, number in pairs:
        if overlap > 0.5 and origins[place] is None and seen[number].object_id not in taken:
            origins[place] = seen[number]
            taken.add(seen[number].object_id)
    for place, one in enumerate(returned):
        if origins[place] is None:
            origins[place] = next((before for before in seen if lies_in(one.box, before.box, PART_SHARE)), None)
        if origins[place] is None:
            free = [before for before in seen if before.object_id not in taken]
            inside = [before for before in free if lies_in(before.box, one.box, PART_SHARE)]
            origins[place] = max(inside, key=lambda before: before.box.area, default=None)
            taken |= {before.object_id for before in [origins[place]] if before}
    return [_drawn(one, origin, origins.count(origin)) for one, origin in zip(returned, origins, strict=True)]


def _drawn(one: Returned, origin: Seen | None, parts: int) -> Drawn:
    if origin is None:
        return Drawn(label=one.label, box=None if one.rle else one.box, rle=one.rle)
    same = parts == 1 and (one.rle == origin.rle if one.rle or origin.rle else are_near(one.box, origin.box, SAME_PX))
    if same:
        return Drawn(label=one.label, box=origin.box, rle=origin.rle, origin=origin.object_id, changed=False)
    return Drawn(label=one.label, box=None if one.rle else one.box, rle=one.rle, origin=origin.object_id)
