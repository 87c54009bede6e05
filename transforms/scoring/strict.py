"""Compute the strict metrics: every object counts once, misses are penalised, and order does not matter."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from medmultipoints.transforms.scoring.answers.items import POINTS, Item, Truth
from medmultipoints.transforms.scoring.answers.tolerant_parsing import read_tolerant
from medmultipoints.transforms.scoring.assignment import RADII
from medmultipoints.transforms.scoring.bootstrap import Interval, intervals
from medmultipoints.transforms.scoring.detection import Floats, tied_average_precisions
from medmultipoints.transforms.scoring.tallies import BOX_HITS, COLUMNS, POINT_HITS, column, tally

DENSITY: Final = ((0, "0"), (1, "1"), (5, "2-5"), (15, "6-15"), (30, "16-30"), (math.inf, "31 and more"))
SLICES: Final[Mapping[str, Callable[[Truth], str]]] = {
    "task": lambda truth: truth.task,
    "label": lambda truth: truth.label,
    "source": lambda truth: truth.source,
    "video": lambda truth: truth.video,
    "density": lambda truth: next(name for most, name in DENSITY if truth.count <= most),
}
MACRO: Final = ("label", "source", "video")
Values = dict[str, float]

METRICS: Final = (
    *("unread_rate", "exact_count_accuracy", "relative_count_error", "count_mae", "absent_accuracy"),
    "label_accuracy",
    *(f"point_{name}_{radius * 100:.0f}" for radius in RADII for name in ("precision", "recall", "f1")),
    *("point_error", "box_precision_50", "box_recall_50", "box_f1_50", "box_precision_75", "box_recall_75"),
    *("box_f1_75", "box_iou", "mAP", "mAP_50", "mAP_75"),
)


@dataclass(frozen=True, slots=True)
class StrictScores:
    """All strict metrics; nan marks undefined ones, such as box metrics of pointing questions.

    ``overall`` pools all items; ``intervals`` are 95 % bootstrap intervals over ``groups`` independent groups;
    ``slices`` scores each task, label, source, video and density class separately, ``macro`` is the mean over the
    labels, sources and videos; ``failures`` counts the reasons why responses could not be read; ``sizes_unknown``
    counts the point questions without known boxes, for which an object size of 20 px is assumed.
    """

    items: int
    groups: int
    overall: Values
    intervals: dict[str, Interval]
    slices: dict[str, dict[str, Values]]
    macro: dict[str, Values]
    failures: dict[str, int]
    sizes_unknown: int


def strict_scores(items: Sequence[Item]) -> StrictScores:
    """Return the strict metrics of all items, independent of their order."""
    truths = [item.truth for item in items]
    answers = [read_tolerant(item.truth, item.response) for item in items]
    rows = np.array([tally(truth, answer) for truth, answer in zip(truths, answers, strict=True)])
    rows = rows.reshape(-1, len(COLUMNS))
    groups, sums = _grouped([truth.group or truth.item_id for truth in truths], rows)
    slices = {kind: _slice(list(map(name_of, truths)), rows) for kind, name_of in SLICES.items()}
    slices["density"] = {name: slices["density"][name] for _, name in DENSITY if name in slices["density"]}
    return StrictScores(
        items=len(items),
        groups=len(groups),
        overall=_plain(_total(rows)),
        intervals=intervals(groups, sums, metrics_of),
        slices=slices,
        macro={kind: _macro(slices[kind]) for kind in MACRO if slices[kind]},
        failures=dict(sorted(Counter(answer.failure for answer in answers if answer.failure).items())),
        sizes_unknown=sum(POINTS in truth.parts and len(truth.boxes) != len(truth.points) for truth in truths),
    )


def _grouped(names: Sequence[str], rows: Floats) -> tuple[list[str], Floats]:
    """Return the sorted names, and the sum of the rows of each.

    Sums are exact, so they do not depend on the row order.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    ordered = sorted(places)
    return ordered, np.array([_total(rows[places[name]]) for name in ordered]).reshape(-1, len(COLUMNS))


def _total(rows: Floats) -> Floats:
    return np.array([math.fsum(values) for values in rows.T])


def _slice(names: Sequence[str], rows: Floats) -> dict[str, Values]:
    """Return the number of items and the metrics of each named slice; items without a name are left out."""
    found, sums = _grouped(names, rows)
    named = [(name, row) for name, row in zip(found, sums, strict=True) if name]
    return {name: {"items": int(column(row, "items"))} | _plain(row) for name, row in named}


def _plain(sums: Floats) -> Values:
    values = metrics_of(sums)
    return {name: float(values[name]) for name in METRICS}


def _macro(slices: Mapping[str, Values]) -> Values:
    known = {name: [row[name] for row in slices.values() if not math.isnan(row[name])] for name in METRICS}
    return {name: math.fsum(values) / len(values) if values else math.nan for name, values in known.items()}


def metrics_of(sums: Floats) -> dict[str, Floats]:
    """Return all ``METRICS`` of sums whose last axis is ``tallies.COLUMNS``; nan if a metric is undefined.

    The precision of an empty answer is 0 if there was something to find, so that an empty answer is never perfect.
    """
    counted = column(sums, "counted")
    found = {
        "unread_rate": _share(column(sums, "unread"), column(sums, "items")),
        "exact_count_accuracy": _share(column(sums, "exact"), counted),
        "relative_count_error": _share(column(sums, "relative_error"), counted),
        "count_mae": _share(column(sums, "absolute_error"), counted),
        "absent_accuracy": _share(column(sums, "absent_right"), column(sums, "absent")),
    }
    found["label_accuracy"] = _share(column(sums, "named_right"), column(sums, "named"))
    for radius, name in zip(RADII, POINT_HITS, strict=True):
        found |= _detection(sums, "point", "points", name, f"{radius * 100:.0f}")
    found["point_error"] = _share(column(sums, "point_error"), column(sums, "point_items"))
    for percent in ("50", "75"):
        found |= _detection(sums, "box", "boxes", f"box_hits_{percent}", percent)
    found["box_iou"] = _share(column(sums, "box_iou"), column(sums, "box_objects"))
    return found | _average_precisions(sums)


def _detection(sums: Floats, prefix: str, what: str, hits: str, level: str) -> dict[str, Floats]:
    matched, true, predicted = column(sums, hits), column(sums, f"{what}_true"), column(sums, f"{what}_predicted")
    either = true + predicted
    values = {
        "precision": np.where(either > 0, matched / np.maximum(predicted, 1), np.nan),
        "recall": _share(matched, true),
        "f1": _share(2 * matched, either),
    }
    return {f"{prefix}_{name}_{level}": value for name, value in values.items()}


def _average_precisions(sums: Floats) -> dict[str, Floats]:
    predicted, true = column(sums, "boxes_predicted"), column(sums, "boxes_true")
    values = [tied_average_precisions(column(sums, name), predicted, true) for name in BOX_HITS]
    return {"mAP": np.mean(values, axis=0), "mAP_50": values[0], "mAP_75": values[5]}


def _share(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan), np.float64)
