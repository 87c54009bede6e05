"""A class is proposed, and asked to be labelled, where it can occur and is not annotated."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from medmultipoints.transforms.audit.corrections import CorrectionProblem
from medmultipoints.transforms.columns.tables import empty_frame, load_table, schema_of
from medmultipoints.transforms.masks.components import measure_mask
from medmultipoints.transforms.witnesses.label_next import next_rows
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


def accepting(**given: object) -> Proposing:
    """The context with one ``accept`` entry about the picture b."""
    entry = {"where": "own.toml, [[corrections]] 1", "sample_id": "b", "action": "accept", "boxes": [], "masks": []}
    table = pl.DataFrame([entry | given], schema=schema_of("corrections"))
    return replace(proposing(), corrections=table)


def two_objects() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two objects of the class in each picture, left and right."""
    rows, images = predicted("polyps")
    masks = []
    for left in (2, 20):
        mask = np.zeros((32, 32), np.bool_)
        mask[8:24, left : left + 10] = True
        masks.append(measure_mask(mask))
    both = {
        "labels": ["polyps"] * 2, "bbox": [[float(side) for side in one.box] for one in masks],
        "rles": [one.rle for one in masks], "areas_px": [160] * 2, "score_bins": [9] * 2, "stabilities": [0.97] * 2,
        "tones": [[]] * 2,
    }  # fmt: skip
    return pl.DataFrame([row | both for row in rows.to_dicts()]), images


def status_in_b(proposed: list[dict[str, object]]) -> list[object]:
    return [row["status"] for row in proposed if row["sample_id"] == "b"]


def test_an_entry_refuses_the_proposal_at_its_box_and_never_several_at_once() -> None:
    with pytest.raises(CorrectionProblem, match=r"own.toml.*b has 2 proposals.*\[2.0, 8.0, 12.0, 24.0\], \[20.0"):
        propose(*two_objects(), accepting(kind="proposal"))
    proposed, _ = propose(*two_objects(), accepting(kind="proposal", boxes=[[20.0, 8.0, 30.0, 24.0]]))
    assert ["open", "refused"] == status_in_b(proposed)
    assert ["refused"] == status_in_b(propose(*predicted("polyps"), accepting(kind="proposal"))[0])


def test_an_entry_about_findings_of_the_audit_decides_no_proposal() -> None:
    assert ["open", "open"] == status_in_b(propose(*two_objects(), accepting())[0])
    assert ["open"] == status_in_b(propose(*predicted("polyps"), accepting(kind="proposal", label="sperm"))[0])
