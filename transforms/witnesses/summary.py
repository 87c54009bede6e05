"""Summarise witnesses for a card: agreement with the labels, doubts, and outcomes of proposals."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.witnesses.label_agreement import summarise

STATUSES: Final = ("open", "accepted", "edited", "refused")
KEYS: Final = ("label", "source", "size")


def describe_witnesses(
    models: Sequence[Mapping[str, Any]],
    predictions: pl.DataFrame,
    doubts: pl.DataFrame,
    proposals: pl.DataFrame,
    refused: pl.DataFrame,
) -> dict[str, Any]:
    """Return the statistics as plain values; ``models`` are the declarations in the predictions file."""
    agreements = doubts.unique(["image_sha256", "label", "model_sha256"]).sort("doubt_id")
    rows = agreements.rename({"agreement": "dice"}).to_dicts()
    return {
        "models": [{**model, "judged": predictions.filter(model_sha256=model["sha256"]).height} for model in models],
        "pictures": predictions["image_sha256"].n_unique(),
        "agreement": _table(summarise(rows, KEYS)),
        "doubts": doubts.group_by("kind").len("objects").sort("kind").to_dicts(),
        "proposals": {status: proposals.filter(status=status).height for status in STATUSES},
        "proposed": proposals.height,
        "half_decided": note_half_decided(proposals),
        "refused": refused.group_by("reason").len("objects").sort("reason").to_dicts(),
    }


def note_half_decided(proposals: pl.DataFrame) -> list[str]:
    """Return a note if pictures have an added object and open proposals of one class: no question counts it."""
    added, still_open = (pl.col("status").is_in(known).any() for known in (("accepted", "edited"), ("open",)))
    half = proposals.group_by("sample_id", "label").agg(half=added & still_open).filter("half")
    if half.is_empty():
        return []
    names = sorted(set(half["sample_id"]))
    note = (
        f"{plural(len(names), 'picture')} with an accepted proposal and open ones of its class, such as {names[0]}: "
        "no question is asked about the class there. Decide the open ones with `review serve`, then make one "
        "`add_masks` of the picture `replace_masks`"
    )
    return [note]


def note_unknown_labels(known: Mapping[str, Collection[str]], released: Collection[str]) -> list[str]:
    """Return a note on each model with labels that the release lacks; ``known``: its labels by its name."""
    return [
        f"model {name}: {', '.join(odd)}: not among the labels of the release ({', '.join(sorted(released))}); such "
        "predictions are not used. If the release has another name for them, correct [output] labels"
        for name, labels in sorted(known.items())
        if (odd := sorted({*labels} - {*released}))
    ]


def _table(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statistics of ``summarise`` as rows; empty if nothing was compared."""
    if not found["all"]["judgements"]:
        return []
    rows = [{"by": "all", "value": "", **found["all"]}]
    return rows + [{"by": key, "value": name, **one} for key in KEYS for name, one in found[key].items()]
