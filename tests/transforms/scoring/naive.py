"""The published metrics computed a second time, slowly, from their description alone: plain Python, no arrays."""

import json
import re
from math import dist, sqrt
from struct import pack, unpack


def single(number):
    """The number in single precision, as torchmetrics has thresholds, recalls and boxes."""
    return unpack("f", pack("f", number))[0]


THRESHOLDS = [single(0.5 + (0.95 - 0.5) / 9 * step) for step in range(10)]
LEVELS = [single(step * 0.01) for step in range(101)]


def block(text):
    found = re.search(r"```json(.*?)```", text, re.DOTALL | re.IGNORECASE)
    try:
        return json.loads(found.group(1))
    except (AttributeError, ValueError):
        return []


def count_of(task, value):
    if task == "counting":
        if isinstance(value, list):
            if not value:
                return 0
            if value[0].get("point_2d") or value[0].get("bbox_2d"):
                return len(value)
            value = value[0]
        return ([n for key, n in value.items() if "count" in key and isinstance(n, int)] or [0])[-1]
    return len(value) if isinstance(value, list) else value.get("counts", 0)


def places_of(value, key):
    if isinstance(value, dict):
        inner = value.get(key, [])
        return inner if inner and isinstance(inner[0], list) else [inner] if inner else []
    return [entry[key] for entry in value if entry.get(key)]


def mean(values):
    return sum(values) / len(values) if values else 0.0


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def hits_in_file_order(true, predicted, threshold):
    """For each of the first 100 boxes of an item whether it takes a true box that no earlier one took."""
    taken, hits = set(), []
    for box in predicted[:100]:
        best, chosen = min(threshold, 1 - 1e-10), None
        for place, candidate in enumerate(true):
            value = iou(box, candidate)
            if place not in taken and value >= best:
                best, chosen = value, place
        taken.add(chosen)
        hits.append(chosen is not None)
    return hits


def box_as_stored(box):
    """The corners of a box that is stored as left, top, width and height in single precision."""
    x1, y1, x2, y2 = map(single, box)
    return x1, y1, x1 + single(x2 - x1), y1 + single(y2 - y1)


def average_precision(pairs, threshold):
    total = sum(len(true) for true, _ in pairs)
    if not total:
        return -1.0
    stored = [
        ([box_as_stored(box) for box in true], [box_as_stored(box) for box in predicted]) for true, predicted in pairs
    ]
    hits = [hit for true, predicted in stored for hit in hits_in_file_order(true, predicted, threshold)]
    curve, right = [], 0
    for number, hit in enumerate(hits, start=1):
        right += hit
        curve.append((right / total, right / number))
    return mean([max([precision for recall, precision in curve if recall >= level], default=0.0) for level in LEVELS])


def published(task, cases):
    """``cases``: (true count, true points, true boxes, response text)."""
    values = [block(case[3]) for case in cases]
    found = {}
    if task in ("counting", "cnt_and_point", "count_and_box"):
        errors = [count_of(task, value) - case[0] for case, value in zip(cases, values, strict=True)]
        found |= {"count_mae": mean([abs(e) for e in errors]), "count_mse": mean([e * e for e in errors])}
    if task in ("pointing", "cnt_and_point"):
        maes, rmses, shares, zero = [], [], [], 0
        for case, value in zip(cases, values, strict=True):
            points = places_of(value, "point_2d")
            if not points or not case[1]:
                zero += 1
                continue
            nearest = [min(dist(point, one) for one in case[1]) for point in points]
            maes.append(mean(nearest))
            rmses.append(sqrt(mean([d * d for d in nearest])))
            shares.append(mean([d < 10 for d in nearest]))
        found |= {"point_mae": mean(maes), "point_rmse": mean(rmses), "matching_accuracy": mean(shares)}
        found["zero_cases"] = zero
    if task in ("bounding", "count_and_box"):
        pairs = [(case[2], places_of(value, "bbox_2d")) for case, value in zip(cases, values, strict=True)]
        precisions = [average_precision(pairs, threshold) for threshold in THRESHOLDS]
        found |= {"mAP": mean(precisions), "mAP_50": precisions[0], "mAP_75": precisions[5]}
        found["iou"] = mean(
            [mean([max(iou(p, t) for t in true) for p in predicted]) for true, predicted in pairs if predicted and true]
        )
    return found
