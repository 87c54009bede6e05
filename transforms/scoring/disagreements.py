"""Find the items that the two metric sets treat differently, and the reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from medmultipoints.transforms.scoring.answers.items import COUNT, PARTS, Answer, Item, Truth
from medmultipoints.transforms.scoring.answers.published_parsing import PublishedAnswer, read_published
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant
from medmultipoints.transforms.scoring.assignment import most_pairs
from medmultipoints.transforms.scoring.detection import box_ious
from medmultipoints.transforms.scoring.published_metrics import MATCH_PX, stops

EXAMPLES: Final = 3
# Reason -> how the published and the strict metrics differ.
REASONS: Final = {
    "parsing": "read by the tolerant parser only; the published one takes it for an empty answer",
    "unread": "read by neither; published: a count of 0, or left out of the means; strict: wrong, all objects missed",
    "no_part": "JSON without the part asked for; published: a count of 0, or left out; strict: wrong, all missed",
    "key": "both read it, but take another number from it (a key, a list, a form the published parser does not know)",
    "left_out": "no place answered; published leaves the item out of its means, strict counts its objects as missed",
    "misses": "true objects that no answer reaches; the published place metrics do not see them",
    "shared": "several answers at one true object; published matches them all, strict one of them",
    "stopped": "the published program would end here with an error; the part counts as empty",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The number of items of a task that the sets treat differently for one reason, with examples.

    ``objects``: missed true objects (left_out, misses), surplus answers (shared), otherwise the items.
    """

    task: str
    reason: str
    items: int
    objects: int
    examples: tuple[str, ...]

    @property
    def why(self) -> str:
        return REASONS[self.reason]


def find_disagreements(items: Sequence[Item]) -> list[Disagreement]:
    """Return one row per occurring task and reason, in the order of tasks and ``REASONS``.

    One item may have several reasons.
    """
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    with np.errstate(over="ignore", invalid="ignore"):  # answers may hold 1e308
        for item in items:
            for reason, objects in _reasons(item) if item.truth.task in PARTS else ():
                found.setdefault((item.truth.task, reason), []).append((item.truth.item_id, objects))
    ordered = [(task, reason) for task in PARTS for reason in REASONS if (task, reason) in found]
    return [_row(task, reason, found[task, reason]) for task, reason in ordered]


def _row(task: str, reason: str, cases: Sequence[tuple[str, int]]) -> Disagreement:
    examples = tuple(item_id for item_id, _ in cases[:EXAMPLES])
    return Disagreement(task, reason, len(cases), sum(objects for _, objects in cases), examples)


def _reasons(item: Item) -> Iterator[tuple[str, int]]:
    published, tolerant = read_published(item.truth.task, item.response), read_tolerant(item.truth, item.response)
    if stops(item, published):
        yield "stopped", 1
    if tolerant.failure:
        yield "no_part" if published.readable else "unread", 1
    elif not published.readable:
        yield "parsing", 1
    elif _differ(item.truth, published, tolerant):
        yield "key", 1
    if PARTS[item.truth.task] != (COUNT,):
        yield from _place_reasons(item.truth, published)


def _differ(truth: Truth, published: PublishedAnswer, tolerant: Answer) -> bool:
    if COUNT in truth.parts and published.count != tolerant.count:
        return True
    return published.points != (tolerant.points or ()) or published.boxes != (tolerant.boxes or ())


def _place_reasons(truth: Truth, published: PublishedAnswer) -> Iterator[tuple[str, int]]:
    """Yield the reasons and numbers of objects for which the place metrics differ."""
    true, answered = truth.points or truth.boxes, published.points or published.boxes
    if not answered:
        if truth.count:
            yield "left_out", truth.count
        return
    near = _near(truth, published) if true else np.zeros((len(answered), 0), np.bool_)
    pairs = most_pairs(near)
    if truth.count > pairs:
        yield "misses", truth.count - pairs
    shared = int(near.any(axis=1).sum()) - pairs
    if shared > 0:
        yield "shared", shared


def _near(truth: Truth, published: PublishedAnswer) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which answer matches which true object: a distance below 10 px, or an IoU of at least 0.5."""
    if published.boxes:
        return np.asarray(box_ious(published.boxes, truth.boxes) >= 0.5, np.bool_)
    gap = np.asarray(published.points)[:, None, :] - np.asarray(truth.points)[None, :, :]
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]) < MATCH_PX, np.bool_)
