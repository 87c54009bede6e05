"""Rows of doubts: labelled objects compared with model predictions, and the order in which a reviewer sees them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.regions.boxes import iou, join_boxes
from medmultipoints.transforms.witnesses.doubts import Doubt, Marked, Mask, compare_picture, filled_box
from medmultipoints.transforms.witnesses.label_agreement import in_size
from medmultipoints.transforms.witnesses.proposal_rows import Pairs

LONGEST = 512
"""Largest side of the frame in which masks are compared: a thousand full-size masks would not fit in memory."""
Row = dict[str, Any]

SAME_PLACE: Final = 0.5
"""Least IoU of boxes that several models predict for one missing object."""
_JUDGED: Final = ("model_sha256", "label", "image_sha256")


def doubt_rows(
    placed: pl.DataFrame, objects: pl.DataFrame, annotated: Pairs, known: Mapping[str, frozenset[str]]
) -> list[Row]:
    """Return the rows of the table ``doubts``.

    A label is compared if the model knows it (``known``, by the model's sha256), in pictures where it has an object or
    is in ``annotated`` (sample_id, label); elsewhere a model's objects are proposals. ``placed``: predictions with the
    columns of their images.
    """
    by_image = objects.partition_by("sample_id", as_dict=True)
    none = objects.clear()
    rows = [
        row
        for prediction in placed.iter_rows(named=True)
        for row in _compare(
            prediction,
            by_image.get((prediction["sample_id"],), none).filter(
                pl.col("label").is_in(known[prediction["model_sha256"]])
            ),
            annotated,
        )
    ]
    rows.sort(key=lambda row: (-row["doubt"], row["agreement"], row["doubt_id"]))
    return [row | {"place": place} for place, row in enumerate(rows, 1)]


def _compare(prediction: Row, objects: pl.DataFrame, annotated: Pairs) -> Iterator[Row]:
    """Yield the rows of one prediction compared with the objects of its picture."""
    size = prediction["original_width"], prediction["original_height"]
    frame = _small(size)
    labelled = [_labelled(row, size, frame, prediction["scale"]) for row in objects.sort("object_id").to_dicts()]
    own = {one.label for one in labelled}
    known = own | {label for label in prediction["labels"] if (prediction["sample_id"], label) in annotated}
    seen = [place for place, label in enumerate(prediction["labels"]) if label in known]
    predicted = [_predicted(prediction, place, frame) for place in seen]
    surety = [(prediction["score_bins"][place] + 0.5) / 10 for place in seen]
    shares = {label: _share([one for one in labelled if one.label == label]) for label in own}
    for number, doubt in enumerate(compare_picture(labelled, predicted, surety)):
        yield _row(prediction, number, doubt, shares.get(doubt.label, 0.0))


def _row(prediction: Row, number: int, doubt: Doubt, share: float) -> Row:
    names = ("sample_id", "source", "image_sha256", "split", "model", "model_sha256")
    return {name: prediction[name] for name in names} | {
        "doubt_id": f"{prediction['prediction_id']}:{doubt.label}:{number}",
        "kind": doubt.kind,
        "label": doubt.label,
        "object_ids": [one.name for one in doubt.labelled],
        "source_box": _around([one.box for one in doubt.labelled]),
        "derived_box": _around([one.box for one in doubt.predicted]),
        "iou": doubt.overlap,
        "agreement": doubt.agreement,
        "share": round(share, 6),
        "doubt": doubt.doubt,
    }


def _small(size: tuple[int, int]) -> tuple[int, int]:
    """Return the frame in which masks are compared: the picture's size, reduced proportionally if too large."""
    factor = min(1.0, LONGEST / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _labelled(row: Mapping[str, Any], size: tuple[int, int], frame: tuple[int, int], scale: float) -> Marked:
    box = Box(*(row[side] / scale for side in SIDES))
    if row["rle"] is not None:
        return Marked(row["object_id"], row["label"], box, in_size(decode_rle(row["rle"], size[1], size[0]), frame))
    x, y = frame[0] / size[0], frame[1] / size[1]
    small = Box(box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y)
    return Marked(row["object_id"], row["label"], box, filled_box(small, *frame))


def _predicted(prediction: Row, place: int, frame: tuple[int, int]) -> Marked:
    mask = decode_rle(prediction["rles"][place], prediction["height"], prediction["width"])
    box = Box(*(side / prediction["scale"] for side in prediction["bbox"][place]))
    return Marked(str(place), prediction["labels"][place], box, in_size(mask, frame))


def _share(marked: list[Marked]) -> float:
    masks: list[Mask] = [one.mask for one in marked]
    return float(np.logical_or.reduce(masks).mean()) if masks else 0.0


def _around(boxes: list[Box]) -> list[float] | None:
    """Return the smallest box around all boxes."""
    return [*join_boxes(boxes)] if boxes else None


def doubts_to_review(doubts: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each doubted object of the table ``doubts``, that of the greatest doubt, in review order.

    The order is by the mean doubt of all models that judged the object, including those that agree with its label.
    Rows of a model about a label come last if its median agreement with that label is 0: it does not know the label.
    """
    blind = (
        doubts.filter(pl.col("object_ids").list.len() > 0)
        .unique(_JUDGED)
        .group_by(_JUDGED[:2])
        .agg(pl.col("agreement").median())
        .filter(agreement=0)
    )
    about = ("sample_id", "object_ids")
    means = doubts.group_by(about).agg(mean_doubt=pl.col("doubt").mean())
    ranked = (
        doubts.filter(pl.col("kind") != "agrees")
        .join(means, on=about)
        .with_columns(
            mean_doubt=pl.when(pl.col("object_ids").list.len() > 0).then("mean_doubt").otherwise("doubt"),
            blind=pl.struct(_JUDGED[:2]).is_in(blind.select(pl.struct(_JUDGED[:2])).to_series().implode()),
        )
        .sort("blind", "mean_doubt", "place", descending=[False, True, False])
    )
    chosen = [*_first_of_each(ranked.sort("blind", "place").select(*about, "label", "derived_box", "doubt_id"))]
    return ranked.filter(pl.col("doubt_id").is_in(chosen)).drop("mean_doubt", "blind")


def _first_of_each(rows: pl.DataFrame) -> Iterator[str]:
    """Yield the id of the first row of each labelled object, and of each place where one is missing."""
    seen: set[tuple[str, ...]] = set()
    missing: dict[tuple[str, str], list[Box]] = {}
    for row in rows.iter_rows(named=True):
        if row["object_ids"]:
            key = row["sample_id"], *row["object_ids"]
            if key not in seen:
                seen.add(key)
                yield row["doubt_id"]
            continue
        box, known = Box(*row["derived_box"]), missing.setdefault((row["sample_id"], row["label"]), [])
        if all(iou(box, other) < SAME_PLACE for other in known):
            known.append(box)
            yield row["doubt_id"]
