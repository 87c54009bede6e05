"""Rows of the description tables: accepted texts, refused sentences with reasons, and a summary for a card."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.descriptions.accept import Accepted, JudgedPart
from medmultipoints.transforms.instructions.scenes import Scene

_REASONS: Final = {"false": "false_claim", "uncheckable": "not_checkable", "true": "meaning_lost"}


def description_row(scene: Scene, licence: str, accepted: Accepted, origin: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an accepted text; ``origin``: model, prompt_sha256, temperature."""
    kept = accepted.kept
    return {
        "sample_id": scene.sample_id,
        "image_sha256": scene.image_sha256,
        "split": scene.split,
        "source": scene.source,
        "licence": licence,
        "text": " ".join(one.text for one in kept),
        "parts": [one.part for one in kept],
        "sentences": [one.text for one in kept],
        "verdicts": [one.verdict for one in kept],
        "regions": [[scene.objects[place].object_id for place in one.objects] for one in kept],
        "refused": len(accepted.lost),
        "acceptance": round(accepted.share, 4),
        **origin,
    }


def refusal_rows(scene: Scene, accepted: Accepted, reply: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each refused sentence, or one for a reply without sentences; rows never hold the text."""
    if not accepted.sentences:
        nothing = {"part": None, "verdict": None, "detail": "", "text_sha256": _sha256(reply)}
        yield {"refusal_id": f"{scene.sample_id}:0", "sample_id": scene.sample_id, "reason": accepted.reason} | nothing
        return
    for number, one in enumerate(accepted.sentences):
        if accepted.reason or not one.kept:
            yield {
                "refusal_id": f"{scene.sample_id}:{number}",
                "sample_id": scene.sample_id,
                "part": one.part,
                "verdict": one.verdict,
                "reason": _reason(accepted, one),
                "detail": one.reason.partition(" ")[0] if one.verdict == "false" else "",
                "text_sha256": _sha256(one.text),
            }


def _reason(accepted: Accepted, one: JudgedPart) -> str:
    if one.verdict == "false":
        return _REASONS["false"]
    return accepted.reason or ("repeated" if one.repeated else _REASONS[one.verdict])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def describe_texts(descriptions: pl.DataFrame, refused: pl.DataFrame) -> dict[str, Any] | None:
    """Return the counts as plain values; None if there are no descriptions."""
    if descriptions.is_empty() and refused.is_empty():
        return None
    verdicts = descriptions["verdicts"].explode().value_counts() if descriptions.height else None
    counted = dict(verdicts.iter_rows()) if verdicts is not None else {}
    kept = int(descriptions["sentences"].list.len().sum())
    sentences = kept + refused["verdict"].is_not_null().sum()
    by = ("model", "prompt_sha256", "temperature")
    models = descriptions.group_by(by).agg(
        pictures=pl.len(),
        acceptance=pl.col("sentences").list.len().sum()
        / (pl.col("sentences").list.len().sum() + pl.col("refused").sum()),
    )
    return {
        "pictures": pl.concat([descriptions["sample_id"], refused["sample_id"]]).n_unique(),
        "sentences": sentences,
        "kept": kept,
        "share": kept / sentences if sentences else 0.0,
        "true": counted.get("true", 0),
        "uncheckable": counted.get("uncheckable", 0),
        "models": models.sort(by).to_dicts(),
        "refused": refused.group_by("reason").len("number").sort("reason").to_dicts(),
    }
