"""Report both metric sets as one JSON value, with corresponding metrics side by side."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from medmultipoints.transforms.scoring.answers.items import Item
from medmultipoints.transforms.scoring.bootstrap import known
from medmultipoints.transforms.scoring.disagreements import find_disagreements
from medmultipoints.transforms.scoring.published_metrics import published_metrics
from medmultipoints.transforms.scoring.strict import METRICS, StrictScores, strict_scores

MetricSets = Literal["published", "strict", "both"]
# Published metric -> the strict metric that measures the same.
COUNTERPARTS: Final = {
    "unreadable": "unread_rate",
    "count_mae": "count_mae",
    "count_mse": "relative_count_error",
    "point_mae": "point_error",
    "matching_accuracy": "point_f1_50",
    "zero_cases": "point_recall_50",
    "iou": "box_iou",
    "mAP": "mAP",
    "mAP_50": "mAP_50",
    "mAP_75": "mAP_75",
}
_EXTRA: Final = ("exact_count_accuracy", "absent_accuracy", "box_f1_50", "label_accuracy")


@dataclass(frozen=True, slots=True)
class Side:
    """One line of the comparison: a published metric of a task and its strict counterpart, if any."""

    task: str
    published_name: str
    published: float | None
    strict_name: str
    strict: float | None


def scoring_report(items: Sequence[Item], sets: MetricSets = "both") -> dict[str, Any]:
    """Return the metrics, the reading failures and the disagreements of the sets, ready for JSON.

    nan becomes None.
    """
    report: dict[str, Any] = {"items": len(items)}
    if sets != "strict":
        report["published"] = published_metrics(items)
    if sets != "published":
        report["strict"] = _strict(strict_scores(items))
    if sets == "both":
        report["side_by_side"] = [asdict(side) for side in side_by_side(report)]
        report["disagreements"] = [asdict(row) | {"why": row.why} for row in find_disagreements(items)]
    return report


def side_by_side(report: dict[str, Any]) -> list[Side]:
    """Return, per task, the published metrics with their strict counterparts, then strict metrics without one."""
    found = []
    for task, metrics in report["published"].items():
        strict = report["strict"]["slices"]["task"].get(task, {})
        for ours, theirs in COUNTERPARTS.items():
            if ours in metrics:
                found.append(Side(task, ours, metrics[ours], theirs, strict.get(theirs)))
        found += [Side(task, "", None, name, strict[name]) for name in _EXTRA if strict.get(name) is not None]
    return found


def _strict(scores: StrictScores) -> dict[str, Any]:
    """Return the strict metrics as plain values with intervals."""
    overall = {
        name: {"value": known(scores.overall[name]), "interval": [known(end) for end in scores.intervals[name]]}
        for name in METRICS
    }
    slices = {kind: {name: _row(row) for name, row in rows.items()} for kind, rows in scores.slices.items()}
    return {
        "items": scores.items,
        "groups": scores.groups,
        "overall": {name: entry for name, entry in overall.items() if entry["value"] is not None},
        "macro": {kind: _row(row) for kind, row in scores.macro.items()},
        "slices": slices,
        "failures": scores.failures,
        "sizes_unknown": scores.sizes_unknown,
    }


def _row(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if not math.isnan(value)}
