"""Compute the published metrics of Table I of arXiv 2505.16647, flaws included.

Missed objects cost nothing in the point metrics and the IoU; items without a predicted point are left out;
average precision depends on the order of the file. See ``docs/evaluation.md``.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.scoring.answers.items import BOXES, COUNT, PARTS, POINTS, Item
from medmultipoints.transforms.scoring.answers.published_parsing import PublishedAnswer, read_published
from medmultipoints.transforms.scoring.detection import Floats, average_precisions, box_ious

MATCH_PX: Final = 10.0
Metrics = dict[str, float]
Pairs = Sequence[tuple[Item, PublishedAnswer]]


def published_metrics(items: Sequence[Item]) -> dict[str, Metrics]:
    """Return the metrics of each occurring task, in the order of the items.

    ``items`` and ``unreadable`` (no fenced JSON) and ``stopped`` (the published program would end there; the part
    counts as empty) come first; then count_mae, count_mse; point_mae and point_rmse (px), matching_accuracy,
    zero_cases; mAP, mAP_50, mAP_75, iou. A mean over nothing is 0, an average precision without true boxes -1,
    as published.
    """
    pairs = [(item, read_published(item.truth.task, item.response)) for item in items if item.truth.task in PARTS]
    found = {task: [pair for pair in pairs if pair[0].truth.task == task] for task in PARTS}
    with np.errstate(over="ignore", invalid="ignore"):  # answers may hold 1e308
        return {task: _task_metrics(task, own) for task, own in found.items() if own}


def _task_metrics(task: str, pairs: Pairs) -> Metrics:
    metrics: Metrics = {
        "items": len(pairs),
        "unreadable": sum(not answer.readable for _, answer in pairs),
        "stopped": sum(stops(item, answer) for item, answer in pairs),
    }
    if COUNT in PARTS[task]:
        metrics |= _count_metrics(pairs)
    if POINTS in PARTS[task]:
        metrics |= _point_metrics(pairs)
    return metrics | (_box_metrics(pairs) if BOXES in PARTS[task] else {})


def stops(item: Item, answer: PublishedAnswer) -> bool:
    """Return whether the published program stops with an error: malformed answer, or a point if the truth has none."""
    return answer.stopped or bool(answer.points and not item.truth.points)


def _count_metrics(pairs: Pairs) -> Metrics:
    errors = np.array([answer.count - item.truth.count for item, answer in pairs])
    return {"count_mae": float(np.abs(errors).mean()), "count_mse": float((errors**2).mean())}


def _point_metrics(pairs: Pairs) -> Metrics:
    distances = [nearest_distances(item, answer) for item, answer in pairs]
    scored = [found for found in distances if found.size]
    return {
        "point_mae": _mean([float(found.mean()) for found in scored]),
        "point_rmse": _mean([float(np.sqrt((found**2).mean())) for found in scored]),
        "matching_accuracy": _mean([float((found < MATCH_PX).mean()) for found in scored]),
        "zero_cases": len(distances) - len(scored),
    }


def nearest_distances(item: Item, answer: PublishedAnswer) -> Floats:
    """Return the distance in px from each predicted point to the nearest true point; empty for a zero case.

    An item whose true answer is "none" is a zero case, too: the published program ``stops`` at a point there.
    """
    if not answer.points or not item.truth.points:
        return np.empty(0)
    gap = np.asarray(answer.points)[:, None, :] - np.asarray(item.truth.points)[None, :, :]
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]).min(axis=1), np.float64)


def _box_metrics(pairs: Pairs) -> Metrics:
    true, predicted = [item.truth.boxes for item, _ in pairs], [answer.boxes for _, answer in pairs]
    precision = average_precisions(true, predicted)
    ious = [float(box_ious(p, t).max(axis=1).mean()) for p, t in zip(predicted, true, strict=True) if p and t]
    whole = {"mAP": float(precision.mean()), "mAP_50": float(precision[0]), "mAP_75": float(precision[5])}
    return whole | {"iou": _mean(ious)}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
