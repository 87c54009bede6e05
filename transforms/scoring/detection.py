"""Average precision of boxes without scores: by the COCO evaluator, and independent of order.

All boxes are corners x1, y1, x2, y2 in pixels, of one class.
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
"""IoU thresholds of the published program, in single precision, as torchmetrics makes them.

Therefore an IoU of exactly 0.6 misses the threshold 0.6, and 0.9 passes 0.9; 0.5 and 0.75 are exact.
"""
_UNLIMITED: Final = [0.0, 1e10]


def average_precisions(true: Sequence[Places], predicted: Sequence[Places]) -> Floats:
    """Return COCO average precision at each of the ten ``THRESHOLDS`` with equal scores; -1 if there is no true box.

    ``true`` and ``predicted`` hold the boxes of each item at the same position. As all scores are equal, the
    evaluator's stable sort keeps the order of the items and, within an item, the order as written; the first 100 boxes
    of an item count. The value therefore depends on that order, as the published one does. Boxes, thresholds and
    recalls are in single precision, as in the published program.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # the evaluator prints its progress
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
    """Return the average precision of unranked boxes, which form one step of the precision-recall curve.

    The arguments are numbers of matched pairs, predicted and true boxes, and broadcast. The value is the precision
    times the share of the 101 recall points up to the recall; nan if there is no true box.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(predicted > 0, matched / np.maximum(predicted, 1), 0.0)
        reached = np.floor(np.asarray(matched * 100 / true) + 1e-9) + 1
        return np.where(true > 0, np.where(matched > 0, precision * reached / 101, 0.0), np.nan)


def _coco(boxes: Sequence[Places], *, scored: bool) -> Any:
    """Return annotations in the evaluator's structure; ids start at 1, because it treats 0 as unmatched."""
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
    """Return left, top, width and height from corners, in single precision."""
    x1, y1, x2, y2 = np.asarray(box, np.float64).astype(np.float32)
    return float(x1), float(y1), float(x2 - x1), float(y2 - y1)


def box_ious(first: Places, second: Places) -> Floats:
    """Return the IoU of each box in ``first`` with each in ``second``; boxes without area have an IoU of 0."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    a, b = np.asarray(first, np.float64)[:, None, :], np.asarray(second, np.float64)[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    overlap = np.prod(np.clip(sides, 0, None), axis=-1)
    areas = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1)
    union = areas - overlap
    ious: Floats = np.divide(overlap, union, out=np.zeros_like(overlap), where=(union > 0) & (overlap > 0))
    return ious
