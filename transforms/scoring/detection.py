"""Average precision of boxes without scores, by the COCO evaluator and apart from any order.

All boxes are corners x1, y1, x2, y2 in pixels; one class.
"""

import contextlib
import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from medmultipoints.transforms.scoring.answers.items import Places

Floats = NDArray[np.float64]
THRESHOLDS: Final[Floats] = np.linspace(0.5, 0.95, 10)
RECALLS: Final[Floats] = np.linspace(0.0, 1.0, 101)
MAX_BOXES: Final = 100
_SINGLE_THRESHOLDS: Final[Floats] = THRESHOLDS.astype(np.float32).astype(np.float64)
_SINGLE_RECALLS: Final[Floats] = RECALLS.astype(np.float32).astype(np.float64)
"""As the published program has them: torchmetrics makes them, and the boxes, in single precision.

So a box whose IoU is 0.6 exactly misses the threshold 0.6, and one of 0.9 passes 0.9; 0.5 and 0.75 are exact.
"""
_UNLIMITED: Final = [0.0, 1e10]


def average_precisions(true: Sequence[Places], predicted: Sequence[Places]) -> Floats:
    """Return COCO average precision at each of the ten ``THRESHOLDS``, all scores equal; -1 each where no box is true.

    ``true`` and ``predicted`` hold the boxes of one item at the same position. As every score is equal, the
    evaluator's stable sort keeps the boxes in the order of the items and, within an item, as written; the first
    100 of an item count. So the value depends on that order: it is the published one, not a good one. Boxes,
    thresholds and recalls are in single precision, as in the published program.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # the evaluator reports its progress there
        evaluation = COCOeval(_coco(true, scored=False), _coco(predicted, scored=True), "bbox")
        evaluation.params.imgIds = list(range(len(true)))
        evaluation.params.catIds = [1]
        evaluation.params.maxDets = [MAX_BOXES]
        evaluation.params.iouThrs, evaluation.params.recThrs = _SINGLE_THRESHOLDS, _SINGLE_RECALLS
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [_UNLIMITED], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: Floats = evaluation.eval["precision"][:, :, 0, 0, 0]
    return np.asarray(precision.mean(axis=1), np.float64)


def tied_average_precisions(matched: Floats, predicted: Floats, true: Floats) -> Floats:
    """Return average precision of boxes without ranking: all are one step of the precision-recall curve.

    Matched pairs, predicted and true boxes, as numbers that broadcast. The step has one precision and one recall;
    the value is that precision times the share of the 101 recall points up to that recall. nan where no box is true.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(predicted > 0, matched / np.maximum(predicted, 1), 0.0)
        reached = np.floor(np.asarray(matched * 100 / true) + 1e-9) + 1
        return np.where(true > 0, np.where(matched > 0, precision * reached / 101, 0.0), np.nan)


def _coco(boxes: Sequence[Places], *, scored: bool) -> Any:
    """Return annotations in the evaluator's own structure; ids from 1, because it takes 0 for unmatched."""
    rows = [(image, _single(box)) for image, listed in enumerate(boxes) for box in listed]
    extra = {"score": 1.0} if scored else {"iscrowd": 0}
    annotations = [
        {"id": number, "image_id": image, "category_id": 1, "bbox": [x, y, width, height]}
        | {"area": width * height}
        | extra
        for number, (image, (x, y, width, height)) in enumerate(rows, start=1)
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(len(boxes))],
        "annotations": annotations,
        "categories": [{"id": 1}],
    }
    coco.createIndex()
    return coco


def _single(box: Sequence[float]) -> tuple[float, float, float, float]:
    """Return left, top, width and height of corners, computed in single precision."""
    x1, y1, x2, y2 = np.asarray(box, np.float64).astype(np.float32)
    return float(x1), float(y1), float(x2 - x1), float(y2 - y1)


def box_ious(first: Places, second: Places) -> Floats:
    """Return the IoU of each box of the first with each of the second; boxes without area overlap nothing."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    a, b = np.asarray(first, np.float64)[:, None, :], np.asarray(second, np.float64)[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    overlap = np.prod(np.clip(sides, 0, None), axis=-1)
    areas = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1)
    union = areas - overlap
    ious: Floats = np.divide(overlap, union, out=np.zeros_like(overlap), where=(union > 0) & (overlap > 0))
    return ious
