"""Rows of proposals: predicted objects where their class is not annotated, after quality control."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.audit.corrections import SHAPES, CorrectionProblem, complete_labels
from medmultipoints.transforms.audit.decisions import PROPOSAL
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.masks.components import measure_mask
from medmultipoints.transforms.masks.run_lengths import box_of_rle, decode_rle
from medmultipoints.transforms.records import SIDES, TONE_COLUMNS, Box, Tone
from medmultipoints.transforms.regions.boxes import are_near, iou
from medmultipoints.transforms.witnesses.label_agreement import in_size
from medmultipoints.transforms.witnesses.quality import (
    Appearance,
    Candidate,
    Settled,
    appearance_by_label,
    likeness,
    measure_appearance,
    settle,
)

SAME_PLACE: Final = 0.5
Row = dict[str, Any]
Pairs = frozenset[tuple[str, str]]
Setting = tuple[str | None, str | None]
"""Organ and modality of a picture, None if unknown."""


@dataclass(frozen=True, kw_only=True)
class Proposing:
    """The context of proposals.

    ``names``: released label of each source label; ``annotated``: (sample_id, released label) pairs that sources
    annotate or declare absent; ``settings``: organ and modality of each picture; ``objects``: the released objects,
    for the appearance of each class.
    """

    names: Mapping[str, str]
    annotated: Pairs
    settings: Mapping[str, Setting]
    objects: pl.DataFrame
    corrections: pl.DataFrame
    least_stability: float
    least_likeness: float

    def is_open(self, sample_id: str, label: str) -> bool:
        """Return whether a released class is not annotated in a picture, but in others of its organ and modality."""
        released = label in set(self.names.values()) and (sample_id, label) not in self.annotated
        return released and not self.is_elsewhere(sample_id, label)

    def is_elsewhere(self, sample_id: str, label: str) -> bool:
        """Return whether a class is annotated in pictures of other organs or modalities only; unknown ones may fit."""
        own, others = self.settings.get(sample_id, (None, None)), self._settings_of_labels.get(label)
        return bool(others) and not any(_fits(own, other) for other in others or ())

    @cached_property
    def completed(self) -> Pairs:
        """(sample_id, released label) pairs of which a reviewer gave all objects."""
        return frozenset(
            (name, self.names.get(label, label)) for name, label in complete_labels(self.corrections).rows()
        )

    @cached_property
    def _settings_of_labels(self) -> dict[str, set[Setting]]:
        found: dict[str, set[Setting]] = {}
        for sample_id, label in self.annotated:
            if sample_id in self.settings:
                found.setdefault(label, set()).add(self.settings[sample_id])
        return found


def _fits(one: Setting, other: Setting) -> bool:
    return all(not own or not its or own == its for own, its in zip(one, other, strict=True))


def annotated_pairs(
    regions: pl.DataFrame, samples: pl.DataFrame, images: pl.DataFrame, names: Mapping[str, str]
) -> Pairs:
    """Return (sample_id, released label) of every source object, and of every label that is certainly absent."""
    certain = (
        samples.select("sample_id", label="labels_exhaustive")
        .join(images.filter("annotated"), on="sample_id", how="semi")
        .explode("label")
        .drop_nulls()
    )
    found = pl.concat([regions.select("sample_id", "label"), certain]).unique()
    return frozenset((sample_id, names[label]) for sample_id, label in found.iter_rows() if label in names)


def propose(placed: pl.DataFrame, images: pl.DataFrame, proposing: Proposing) -> tuple[list[Row], list[Row]]:
    """Return the rows of ``proposals`` and of ``refused_proposals``.

    ``placed``: predictions with the columns of their images; all models of a picture are settled together.
    """
    examples = appearance_by_label(_real_appearance(proposing.objects, images))
    proposed: list[Row] = []
    refused: list[Row] = []
    for rows in placed.partition_by("sample_id", maintain_order=True):
        objects = [
            one
            for row in rows.sort("prediction_id").iter_rows(named=True)
            for one in _objects(row)
            if (row["sample_id"], one["label"]) not in proposing.annotated
        ]
        for one, settled in _settle(objects, proposing):
            reason, probable = _refusal(one, settled, proposing, examples)
            if reason:
                carried = {name: one[name] for name in column_names("refused_proposals", "carried")}
                refused.append(carried | {"reason": reason, "likeness": probable})
            elif settled is not None:
                proposed.append(_proposal(one, settled, probable, proposing))
    _require_one_each(proposed, proposing)
    return proposed, refused


def _objects(row: Row) -> list[Row]:
    """Return the objects of a prediction, one row each, with the columns of their picture."""
    lists = column_names("predictions", "by_object")
    names = ("label", "box", "rle", "area_px", "score_bin", "stability", "tone")
    shared = {name: value for name, value in row.items() if name not in lists}
    return [
        shared | dict(zip(names, values, strict=True)) | {"proposal_id": f"{row['prediction_id']}:{number}"}
        for number, values in enumerate(zip(*(row[name] for name in lists), strict=True))
    ]


def _settle(objects: Sequence[Row], proposing: Proposing) -> list[tuple[Row, Settled | None]]:
    """Return every object with its settled mask in the original frame; None for classes that do not fit it."""
    found: list[tuple[Row, Settled | None]] = []
    for label in sorted({one["label"] for one in objects}):
        own = {one["proposal_id"]: one for one in objects if one["label"] == label}
        if not proposing.is_open(objects[0]["sample_id"], label):
            found += [(one, None) for one in own.values()]
            continue
        candidates = [
            Candidate(
                name,
                label,
                in_size(
                    decode_rle(one["rle"], one["height"], one["width"]), (one["original_width"], one["original_height"])
                ),
                one["score_bin"],
                one["stability"],
            )
            for name, one in own.items()
        ]
        found += [(own[one.candidate.name], one) for one in settle(candidates, proposing.least_stability)]
    return found


def _refusal(
    one: Row, settled: Settled | None, proposing: Proposing, examples: Mapping[str, Sequence[Appearance]]
) -> tuple[str | None, float | None]:
    """Return the reason to refuse an object, and its likeness to its class, if computed."""
    if settled is None:
        known = one["label"] in proposing.names.values()
        return ("other_organ_or_modality" if known else "unknown_label"), None
    if settled.refused:
        return settled.refused, None
    tone = Tone(*one["tone"]) if one["tone"] else None
    looks = measure_appearance(int(settled.mask.sum()), (one["original_width"], one["original_height"]), tone)
    probable = None if looks is None else likeness(looks, examples.get(one["label"], ()))
    return ("unlike_its_class" if probable is not None and probable < proposing.least_likeness else None), probable


def _proposal(one: Row, settled: Settled, probable: float | None, proposing: Proposing) -> Row:
    """Return the row of an accepted proposal."""
    region, scale = measure_mask(settled.mask), one["scale"]
    assert region.rle is not None
    sides = {name: side * scale for name, side in zip(SIDES, region.box, strict=True)}
    return {name: one[name] for name in column_names("proposals", "carried")} | {
        "evidence": "model",
        "img_size": [one["width"], one["height"]],
        **sides,
        "area_px": region.area_px,
        "rle": region.rle,
        "likeness": probable,
        "status": status_of(one, region.box, region.rle, proposing),
    }


def status_of(one: Row, box: Box, rle: str, proposing: Proposing) -> str:
    """Return the reviewer's decision about a proposal; ``box`` and ``rle`` are in pixels of the original image."""
    size = one["original_height"], one["original_width"]
    complete = (one["sample_id"], one["label"]) in proposing.completed
    status = "refused" if complete else "open"
    for entry in proposing.corrections.filter(pl.col("sample_id") == one["sample_id"]).iter_rows(named=True):
        boxes = [Box(*sides) for sides in entry["boxes"]]
        if entry["action"] == "accept":
            if _refuses(entry, one["label"], proposing.names) and (
                not boxes or any(are_near(own, box) for own in boxes)
            ):
                status = "refused"
        elif entry["action"] in SHAPES and proposing.names.get(entry["label"]) == one["label"]:
            if rle in entry["masks"]:
                return "accepted"
            drawn = (*boxes, *(Box(*box_of_rle(code, *size)) for code in entry["masks"]))
            if any(iou(own, box) >= SAME_PLACE for own in drawn):
                return "edited"
    return status


def _refuses(entry: Row, label: str, names: Mapping[str, str]) -> bool:
    """Return whether an ``accept`` entry is about proposals of this label; one without a kind is about the audit."""
    return entry["kind"] == PROPOSAL and entry["label"] in (None, *(own for own in names if names[own] == label))


def _require_one_each(proposed: Sequence[Row], proposing: Proposing) -> None:
    """Raise CorrectionProblem if an ``accept`` entry without a box would refuse several proposals of its picture."""
    entries = proposing.corrections.filter(pl.col("action") == "accept", pl.col("boxes").list.len() == 0)
    for entry in entries.iter_rows(named=True):
        own = [row for row in proposed if row["sample_id"] == entry["sample_id"]]
        own = [row for row in own if _refuses(entry, row["label"], proposing.names)]
        if len(own) > 1:
            boxes = ", ".join(str([round(row[side] / row["scale"], 3) for side in SIDES]) for row in own)
            text = f"{entry['sample_id']} has {len(own)} proposals. Refuse each with its own entry and box: {boxes}"
            raise CorrectionProblem(entry["where"], text)


def _real_appearance(objects: pl.DataFrame, images: pl.DataFrame) -> Iterator[tuple[str, Appearance | None]]:
    """Yield label and appearance of each released object with a known tone."""
    sizes = images.select("sample_id", "original_width", "original_height")
    known = objects.drop_nulls(["area_px", *TONE_COLUMNS]).join(sizes, on="sample_id")
    for row in known.iter_rows(named=True):
        tone = Tone(*(row[name] for name in TONE_COLUMNS))
        yield row["label"], measure_appearance(row["area_px"], (row["original_width"], row["original_height"]), tone)
