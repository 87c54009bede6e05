"""Summarise descriptions for a card: kept sentences by model, and refused ones by reason."""

from typing import Any

import polars as pl


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
