"""List for a report what models add: doubtful objects, pictures to label next, proposals, and written text."""

from typing import Any

import polars as pl

from medmultipoints.data_lake.release.read.released_tables import read_parquet, read_quarantine, table_files
from medmultipoints.data_lake.report.materials import Materials
from medmultipoints.data_lake.report.sections import MOST_ROWS, Listing
from medmultipoints.data_lake.review.witness_queue import read_proposals
from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.descriptions.description_rows import describe_texts
from medmultipoints.transforms.witnesses.doubt_rows import doubts_to_review
from medmultipoints.transforms.witnesses.summary import STATUSES

TEXTS = "descriptions"


def witnesses(own: Materials) -> dict[str, Any] | None:
    """Return the lists; None for a release without predictions."""
    doubts, following = own.found["doubts"], own.found["next_labels"]
    proposals = read_proposals(own.folder, own.manifest)
    if doubts.is_empty() and following.is_empty() and not proposals:
        return None
    statuses = [row["status"] for row in proposals.values()]
    return {
        "doubts": _doubts(doubts_to_review(doubts) if doubts.height else doubts),
        "compared": doubts.height,
        "next": _next(following.sort("place")),
        "proposals": [(status, statuses.count(status)) for status in STATUSES],
    }


def _doubts(rows: pl.DataFrame) -> Listing:
    shown = rows.select(
        pl.col("place").cast(pl.String),
        "kind",
        "sample_id",
        "label",
        *map(_two_digits, ("doubt", "iou", "agreement")),
        "model",
    )
    return Listing(
        "doubts",
        "Hard or wrong: objects on which labels and a model that did not learn them differ, one row an object",
        ("place", "what would be wrong", "image", "label", "doubt", "IoU", "Dice of the picture", "model"),
        tuple(shown.head(MOST_ROWS).iter_rows()),
        rows.height,
        "quarantine/doubts.parquet",
    )


def _next(rows: pl.DataFrame) -> Listing:
    shown = rows.select(
        pl.col("place").cast(pl.String),
        "sample_id",
        *map(_two_digits, ("disagreement", "distance")),
        pl.col("models").cast(pl.String),
    )
    return Listing(
        "next_labels",
        "What to label next: pictures without labels, by disagreement of the models and distance from what is labelled",
        ("place", "image", "disagreement", "distance", "models"),
        tuple(shown.head(MOST_ROWS).iter_rows()),
        rows.height,
        "quarantine/next_labels.parquet",
    )


def _two_digits(name: str) -> pl.Expr:
    return pl.col(name).round(2).cast(pl.String)


def written_text(own: Materials) -> dict[str, Any] | None:
    """Return the counts and the kept texts; None for a release without written text."""
    refused = read_quarantine(own.folder, own.manifest, "refused_sentences")
    if refused is None:
        return None
    written = bool(table_files(own.manifest, TEXTS))
    texts = read_parquet(own.folder, own.manifest, TEXTS) if written else empty_frame(load_table(TEXTS))
    counted = describe_texts(texts, refused)
    if counted is None:
        return None
    rows = tuple(texts.sort("sample_id").head(MOST_ROWS).select("sample_id", "text", "model").iter_rows())
    columns = ("image", "kept text", "model")
    caption = "Texts of which at least a part is kept"
    return counted | {"texts": Listing(TEXTS, caption, columns, rows, texts.height, "descriptions/*.parquet")}
