"""Rows of pictures to label next, in which a class of the release is not annotated."""

from typing import Any

import numpy as np
import polars as pl

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.witnesses.label_agreement import in_size
from medmultipoints.transforms.witnesses.label_next import Mask, Unlabelled, disagreement, order_of_labelling
from medmultipoints.transforms.witnesses.proposal_rows import Proposing

SIDE = 128
"""Side of the frame in which models' masks are compared: disagreement is about places, not edges."""
Row = dict[str, Any]


def next_rows(placed: pl.DataFrame, images: pl.DataFrame, proposing: Proposing) -> list[Row]:
    """Return the rows of the table ``next_labels``, in labelling order."""
    judged = {str(name): rows for (name,), rows in placed.partition_by("sample_id", as_dict=True).items()}
    asked = {name: rows for name, rows in judged.items() if _open_labels(name, proposing)}
    hashes = {name: int(code, 16) for name, code in images.select("sample_id", "perceptual_hash").iter_rows()}
    labelled = {sample_id for sample_id, _ in proposing.annotated}
    pictures = [Unlabelled(name, _disagreement(name, rows, proposing), hashes[name]) for name, rows in asked.items()]
    order = order_of_labelling(pictures, sorted(hashes[name] for name in labelled & hashes.keys()))
    return [
        {
            "sample_id": one.name,
            "image_sha256": judged[one.name]["image_sha256"][0],
            "place": place,
            "disagreement": one.disagreement,
            "distance": one.distance,
            "models": judged[one.name].height,
        }
        for place, one in enumerate(order, 1)
    ]


def _open_labels(sample_id: str, proposing: Proposing) -> list[str]:
    return [label for label in sorted(set(proposing.names.values())) if proposing.is_open(sample_id, label)]


def _disagreement(name: str, rows: pl.DataFrame, proposing: Proposing) -> float:
    labels = set(_open_labels(name, proposing))
    masks, steady = [], []
    for row in rows.sort("prediction_id").iter_rows(named=True):
        own = [place for place, label in enumerate(row["labels"]) if label in labels]
        masks.append(_mask(row, own))
        steady += [row["stabilities"][place] for place in own]
    return disagreement(masks, steady)


def _mask(row: Row, places: list[int]) -> Mask:
    masks = [np.zeros((SIDE, SIDE), np.bool_)]
    masks += [in_size(decode_rle(row["rles"][place], row["height"], row["width"]), (SIDE, SIDE)) for place in places]
    return np.asarray(np.logical_or.reduce(masks), np.bool_)
