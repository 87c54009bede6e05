"""A class is proposed, and asked to be labelled, where it can occur and is not annotated."""

import numpy as np
import polars as pl

from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.masks.components import measure_mask
from medmultipoints.transforms.witnesses.next_rows import next_rows
from medmultipoints.transforms.witnesses.proposal_rows import Proposing, propose

COLON, SEMEN = ("Colon", "endoscopy"), ("Semen", "microscopy")
SETTINGS = {"a": COLON, "b": COLON, "c": SEMEN, "d": ("Colon", None), "e": ("Colon", "CT")}
ANNOTATED = frozenset({("a", "polyps"), ("c", "sperm")})
HASHES = {"a": 0, "b": 3, "c": 3, "d": 2**64 - 1, "e": 5}


def proposing() -> Proposing:
    return Proposing(
        names={"polyp": "polyps", "sperm": "sperm"},
        annotated=ANNOTATED,
        settings=SETTINGS,
        objects=empty_frame(load_table("objects")),
        corrections=empty_frame(load_table("corrections")),
        least_stability=0.9,
        least_likeness=0.05,
    )


def predicted(label: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One object of a label in the middle of each picture, and the pictures."""
    mask = np.zeros((32, 32), np.bool_)
    mask[8:24, 8:24] = True
    one = {
        "model": "red", "model_sha256": "m", "width": 32, "height": 32, "original_width": 32, "original_height": 32,
        "scale": 1.0, "split": "train", "source": "own", "licence": "CC0-1.0", "group_id": "g", "count": 1,
        "labels": [label], "bbox": [[8.0, 8.0, 24.0, 24.0]], "rles": [measure_mask(mask).rle], "areas_px": [256],
        "score_bins": [9], "stabilities": [0.97], "tones": [[]],
    }  # fmt: skip
    rows = [
        one | {"sample_id": name, "image_sha256": name * 64, "stored_sha256": name * 64, "prediction_id": f"{name}:m"}
        for name in SETTINGS
    ]
    images = pl.DataFrame(
        [{"sample_id": name, "perceptual_hash": f"{code:016x}"} for name, code in HASHES.items()]
    ).with_columns(original_width=32, original_height=32)
    return pl.DataFrame(rows), images


def test_a_class_is_proposed_in_pictures_of_its_organ_and_modality() -> None:
    proposed, refused = propose(*predicted("polyps"), proposing())
    assert ["b", "d"] == [row["sample_id"] for row in proposed]
    assert {("c", "other_organ_or_modality"), ("e", "other_organ_or_modality")} == {
        (row["sample_id"], row["reason"]) for row in refused
    }


def test_a_class_that_the_release_lacks_is_refused_everywhere() -> None:
    proposed, refused = propose(*predicted("zebra"), proposing())
    assert [] == proposed
    assert [(name, "unknown_label") for name in SETTINGS] == [(row["sample_id"], row["reason"]) for row in refused]


def test_what_to_label_next_is_far_from_what_is_labelled_with_the_class() -> None:
    rows = next_rows(*predicted("polyps"), proposing(), {"m": frozenset({"polyps", "zebra"})})
    assert [("d", 1.0), ("b", round(2 / 64, 4))] == [(row["sample_id"], row["distance"]) for row in rows]
    assert [] == next_rows(*predicted("zebra"), proposing(), {"m": frozenset({"zebra"})})
