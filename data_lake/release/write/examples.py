"""Choose and draw the example pictures of a card: none that may show or carry personal data, unless a curator names it.

Nothing is chosen unless text was read in whole pictures (reader ``ocr``), which finds what the other readers miss.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.report.figures import count_of, record_figure
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.licences.combine import find_terms
from medmultipoints.transforms.pictures.contact_sheet import COLUMNS, Cell, draw_sheet
from medmultipoints.transforms.reporting.choices import choose_records

EXAMPLES: Final = "assets/examples.jpg"
MOST: Final = 2 * COLUMNS
WHOLE_PICTURES: Final = "ocr"
PERSONAL: Final = "^(shows_.*|carries_.*|overlay_text)$"
"""Kinds of findings that keep a picture off the card under every privacy policy."""


def find_examples(records: pl.DataFrame, named: Sequence[str]) -> list[dict[str, Any]]:
    """Return the record with the most objects of each image that a curator names; DataError if one is not released."""
    own = records.filter(pl.col("sample_id").is_in([*named])).sort(["count", "record_id"], descending=[False, True])
    fullest = {row["sample_id"]: row for row in own.to_dicts()}
    if missing := [name for name in named if name not in fullest]:
        raise DataError(f"[card] examples: {', '.join(missing)}: not in this release. Remove it from the list.")
    return [fullest[name] for name in named]


def choose_examples(records: pl.DataFrame, findings: pl.DataFrame, readers: Sequence[str]) -> list[dict[str, Any]]:
    """Return at most eight records of different images, labels in turn; none if no text was read in whole pictures.

    Images with errors, warnings or any sign of personal data are left out, and those of an unknown licence.
    """
    if WHOLE_PICTURES not in readers:
        return []
    doubtful = findings.filter((pl.col("severity") != "info") | pl.col("kind").str.contains(PERSONAL))
    licences = [name for name in records["licence"].unique() if find_terms(name) is not None]
    plain = records.filter(pl.col("count") > 0, pl.col("licence").is_in(licences))
    shown = choose_records(plain.join(doubtful, on="sample_id", how="anti"), MOST)
    once: dict[str, dict[str, Any]] = {}
    for record in (own[place] for place in range(MOST) for own in shown.values() if place < len(own)):
        once.setdefault(record["sample_id"], record)
    return [*once.values()][:MOST]


def draw_examples(records: list[dict[str, Any]], objects: pl.DataFrame, read: Callable[[str], bytes]) -> bytes:
    """Return the sheet as JPEG; ``read`` returns the released bytes of an image by its sample_id."""
    cells = []
    for record in records:
        own = objects.filter(record_id=record["record_id"]).sort("object_id").to_dicts()
        caption = count_of(record["count"], record["label"])
        cells.append(Cell(read(record["sample_id"]), record_figure(record, own), caption))
    return draw_sheet(cells)
