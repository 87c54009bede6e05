"""Compute the strict metrics from sums, so that any set of items or resampling is scored alike."""

from typing import Final

import numpy as np

from medmultipoints.transforms.scoring.assignment import RADII
from medmultipoints.transforms.scoring.detection import Floats, tied_average_precisions
from medmultipoints.transforms.scoring.tallies import BOX_HITS, POINT_HITS, column

METRICS: Final = (
    *("unread_rate", "exact_count_accuracy", "relative_count_error", "count_mae", "absent_accuracy"),
    "label_accuracy",
    *(f"point_{name}_{radius * 100:.0f}" for radius in RADII for name in ("precision", "recall", "f1")),
    *("point_error", "box_precision_50", "box_recall_50", "box_f1_50", "box_precision_75", "box_recall_75"),
    *("box_f1_75", "box_iou", "mAP", "mAP_50", "mAP_75"),
)


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
