"""Add doubts and proposals of models to the desk's queue, after the audit's findings, in their own order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.read.released_tables import read_parquet, table_files
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.audit.decisions import HARD_OR_WRONG, PROPOSAL
from medmultipoints.transforms.records import SIDES
from medmultipoints.transforms.witnesses.doubt_rows import doubts_to_review

DOUBT: Final = "doubt"
Row = dict[str, Any]
_WORDS: Final = {
    "missing": "The model sees an object that has no label.",
    "extra": "The model sees nothing where the label is.",
    "shifted": "The model sees the object elsewhere.",
    "merged": "The model sees several objects in one label.",
    "split": "The model sees one object in several labels.",
    "wrong_class": "The model sees another class.",
}


def read_proposals(folder: Path, manifest: Manifest) -> dict[str, Row]:
    """Return the proposals of a release by id; empty if it has none."""
    if not table_files(manifest, "proposals"):
        return {}
    return {row["proposal_id"]: row for row in read_parquet(folder, manifest, "proposals").iter_rows(named=True)}


def proposed_images(proposals: Mapping[str, Row]) -> dict[str, Row]:
    """Return the rows of pictures with proposals, by sample_id: they need not have a record."""
    names = ("sample_id", "image_sha256", "source", "split", "scale", "original_width", "original_height")
    facts = {"video_id": None, "frame_index": None}
    return {row["sample_id"]: {name: row[name] for name in names} | facts for row in proposals.values()}


def doubt_findings(doubts: pl.DataFrame, keys: Mapping[str, str]) -> Iterator[Row]:
    """Yield the doubts as findings, in review order; ``keys``: label of the recipe by its released name."""
    if doubts.is_empty():
        return
    for row in doubts_to_review(doubts).iter_rows(named=True):
        detail = f"{_WORDS[row['kind']]} Hard for {row['model']}, or wrong: place {row['place']}."
        yield _finding(row, row["doubt_id"], HARD_OR_WRONG + row["kind"], DOUBT, keys) | {
            "source_box": row["source_box"],
            "derived_box": row["derived_box"],
            "iou": row["iou"],
            "detail": detail,
            "action": "released as labelled",
        }


def proposal_findings(proposals: Mapping[str, Row], keys: Mapping[str, str]) -> Iterator[Row]:
    """Yield the proposals as findings, by falling confidence of the model."""
    for row in sorted(proposals.values(), key=lambda one: (-one["score_bin"], -one["stability"], one["proposal_id"])):
        likeness = "unknown" if row["likeness"] is None else f"{row['likeness']:g}"
        yield _finding(row, row["proposal_id"], PROPOSAL, PROPOSAL, keys) | {
            "source_box": None,
            "derived_box": [round(row[side] / row["scale"], 3) for side in SIDES],
            "iou": None,
            "detail": f"{row['model']} proposes it: mean probability {row['score_bin'] / 10:.1f}, "
            f"stability {row['stability']:g}, likeness {likeness}.",
            "action": f"not released as truth ({row['status']})",
        }


def _finding(row: Row, name: str, kind: str, severity: str, keys: Mapping[str, str]) -> Row:
    return {
        "finding_id": name,
        "sample_id": row["sample_id"],
        "image_sha256": row["image_sha256"],
        "kind": kind,
        "severity": severity,
        "label": keys.get(row["label"], row["label"]),
        "side_px": None,
    }
