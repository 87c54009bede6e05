"""Tally one item: its contribution to the sums from which the strict metrics are computed."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.scoring import assignment
from medmultipoints.transforms.scoring.answers.items import BOXES, COUNT, POINTS, Answer, Places, Truth
from medmultipoints.transforms.scoring.detection import THRESHOLDS, Floats

POINT_HITS: Final = tuple(f"point_hits_{radius * 100:.0f}" for radius in assignment.RADII)
BOX_HITS: Final = tuple(f"box_hits_{threshold * 100:.0f}" for threshold in THRESHOLDS)
NAMED_RADIUS: Final = 0.5  # in sizes of the object; names of places this close are compared
NAMED_IOU: Final = 0.5
COLUMNS: Final = (
    *("items", "unread", "counted", "exact", "relative_error", "absolute_error", "absent", "absent_right"),
    *("point_items", "point_error", "points_true", "points_predicted", *POINT_HITS),
    *("boxes_true", "boxes_predicted", "box_iou", "box_objects", *BOX_HITS),
    *("named", "named_right"),
)
_PLACE: Final = {name: place for place, name in enumerate(COLUMNS)}


def tally(truth: Truth, answer: Answer) -> Floats:
    """Return the contribution of one item to each of ``COLUMNS``; unread parts count as empty."""
    found: dict[str, float] = {"items": 1, "unread": bool(answer.failure)}
    if COUNT in truth.parts:
        found |= _count(truth, answer)
    if POINTS in truth.parts:
        found |= _points(truth, answer)
    if BOXES in truth.parts:
        found |= _boxes(truth, answer)
    if truth.count == 0:
        says_none = not (answer.failure or answer.count or answer.points or answer.boxes)
        found |= {"absent": 1, "absent_right": says_none}
    row = np.zeros(len(COLUMNS))
    for name, value in found.items():
        row[_PLACE[name]] = value
    return row


def column(sums: Floats, name: str) -> Floats:
    """Return one of ``COLUMNS``, the last axis of ``sums``."""
    return np.asarray(sums[..., _PLACE[name]], np.float64)


def _count(truth: Truth, answer: Answer) -> dict[str, float]:
    """Return the count columns; an unread count is wrong by the whole count, and by 1 if the true count is 0."""
    error = abs(truth.count - answer.count) if answer.count is not None else max(truth.count, 1)
    relative = error / max(truth.count, 1)
    return {"counted": 1, "exact": error == 0, "relative_error": relative, "absolute_error": error}


def _points(truth: Truth, answer: Answer) -> dict[str, float]:
    sizes = assignment.object_sizes(truth.points, truth.boxes)
    names = truth.names or ("",) * len(truth.points)
    order = sorted(range(len(names)), key=lambda place: (truth.points[place], sizes[place], names[place]))
    true = tuple(truth.points[place] for place in order)
    predicted, predicted_names = _sorted(answer.points or (), answer.names)
    distances = assignment.relative_distances(predicted, true, sizes[order])
    unread = answer.points is None
    named = _named(
        np.where(distances <= NAMED_RADIUS, 1 - distances, 0), predicted_names, [names[place] for place in order]
    )
    sums = {"point_items": 1, "point_error": 1.0 if unread else assignment.point_error(distances)}
    hits = dict(zip(POINT_HITS, assignment.point_matches(distances), strict=True))
    return sums | {"points_true": len(true), "points_predicted": len(predicted)} | hits | named


def _boxes(truth: Truth, answer: Answer) -> dict[str, float]:
    predicted, predicted_names = _sorted(answer.boxes or (), answer.names)
    true, names = _sorted(truth.boxes, truth.names)
    ious, total, objects = assignment.box_overlap(predicted, true)
    hits = dict(zip(BOX_HITS, assignment.box_matches(ious), strict=True))
    sums = {"boxes_true": len(true), "boxes_predicted": len(predicted), "box_iou": total, "box_objects": objects}
    return sums | hits | _named(np.where(ious >= NAMED_IOU, ious, 0), predicted_names, names)


def _sorted(places: Places, names: Sequence[str]) -> tuple[Places, list[str]]:
    """Return places and names, sorted, so that sums of floats do not depend on the order written."""
    listed = sorted(zip(places, names or [""] * len(places), strict=True))
    return tuple(place for place, _ in listed), [name for _, name in listed]


def _named(closeness: Floats, said: Sequence[str], true: Sequence[str]) -> dict[str, float]:
    """Return the number of matched objects with a known true name, and the number of correct names among them."""
    pairs = [(said[row], true[column]) for row, column in assignment.closest_pairs(closeness) if true[column]]
    return {"named": len(pairs), "named_right": sum(_plain(name) == _plain(known) for name, known in pairs)}


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
