"""Find boxes of one label that repeat the same place: drawn by several people, or listed twice."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.records import Box

_MOST_BOXES: Final = 300
"""Greatest number of boxes of one label in a picture that are compared."""
_MOST_PEOPLE: Final = 200


def repeated_pairs(boxes: Sequence[tuple[Hashable, Box]], least: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of positions of boxes of one label with an intersection over union above ``least``."""
    by_label: dict[Hashable, list[int]] = {}
    for at, (label, _) in enumerate(boxes):
        by_label.setdefault(label, []).append(at)
    for held in by_label.values():
        if 2 <= len(held) <= _MOST_BOXES:
            for first, second in _pairs([boxes[at][1] for at in held], least):
                yield held[first], held[second]


def _pairs(boxes: Sequence[Box], least: float) -> Iterator[tuple[int, int]]:
    edges = np.array([(box.x1, box.y1, box.x2, box.y2) for box in boxes])
    low = np.maximum(edges[:, None, :2], edges[None, :, :2])
    high = np.minimum(edges[:, None, 2:], edges[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = (edges[:, 2:] - edges[:, :2]).prod(axis=1)
    union = areas[:, None] + areas[None, :] - shared
    alike = np.triu(shared > least * union, 1)
    yield from ((int(a), int(b)) for a, b in zip(*alike.nonzero(), strict=True))


def find_annotator(pairs: Sequence[tuple[Mapping[str, str], Mapping[str, str]]], taken: Collection[str]) -> str | None:
    """Return the column that differs within every pair and has few distinct values, as names of people have, or None.

    A row number also differs within pairs, but its values are all distinct.
    """
    rows = {id(row): row for pair in pairs for row in pair}
    for column in pairs[0][0] if pairs else ():
        values = Counter(row.get(column, "") for row in rows.values())
        apart = all(first.get(column, "") != second.get(column, "") for first, second in pairs)
        if column not in taken and apart and "" not in values and len(values) <= min(_MOST_PEOPLE, len(rows) // 2):
            return column
    return None
