"""The shape of a finding of the audit, whatever it is about: a row of the table ``disagreements``."""

import polars as pl

FINDINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "finding_id": pl.String,
    "sample_id": pl.String,
    "source": pl.String,
    "stem": pl.String,
    "image_sha256": pl.String,
    "kind": pl.String,
    "severity": pl.String,
    "label": pl.String,
    "source_box": pl.List(pl.Float64),
    "derived_box": pl.List(pl.Float64),
    "iou": pl.Float64,
    "side_px": pl.Float64,
    "action": pl.String,
    "detail": pl.String,
}
