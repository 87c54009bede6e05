"""Rows of pictures to label next, in which a class that a model knows is not annotated."""

from collections.abc import Mapping
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


def next_rows(
    placed: pl.DataFrame, images: pl.DataFrame, proposing: Proposing, known: Mapping[str, frozenset[str]]
) -> list[Row]:
    """Return the rows of the table ``next_labels``, in labelling order; ``known``: labels by sha256 of the model."""
    judged = {str(name): rows for (name,), rows in placed.partition_by("sample_id", as_dict=True).items()}
    asked = {name: labels for name, rows in judged.items() if (labels := _open_labels(name, rows, proposing, known))}
    hashes = {name: int(code, 16) for name, code in images.select("sample_id", "perceptual_hash").iter_rows()}
    labelled: dict[str, set[int]] = {label: set() for labels in asked.values() for label in labels}
    for name, label in proposing.annotated | proposing.completed:
        if label in labelled and name in hashes:
            labelled[label].add(hashes[name])
    pictures = [
        Unlabelled(name, _disagreement(judged[name], labels), hashes[name], labels) for name, labels in asked.items()
    ]
    order = order_of_labelling(pictures, {label: sorted(codes) for label, codes in labelled.items()})
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


def _open_labels(
    sample_id: str, rows: pl.DataFrame, proposing: Proposing, known: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return the labels of the models that judged a picture, as far as they are not annotated there but fit it.

    Where a reviewer gave all objects of a label, nothing is left to label; one object that was added is not all.
    """
    labels = frozenset[str]().union(*(known[model] for model in rows["model_sha256"]))
    return frozenset(label for label in labels if _is_left(sample_id, label, proposing))


def _is_left(sample_id: str, label: str, proposing: Proposing) -> bool:
    return proposing.is_open(sample_id, label) and (sample_id, label) not in proposing.completed


def _disagreement(rows: pl.DataFrame, labels: frozenset[str]) -> float:
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
