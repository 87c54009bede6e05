"""Write pages about a release, outside it and replaceable: report, expectation results, contact sheet."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.export.pictures import write_atomically
from medmultipoints.data_lake.release.read.released_tables import table_files
from medmultipoints.data_lake.release.write.manifest import ClaimedManifest, Manifest, read_manifest
from medmultipoints.data_lake.report.data_docs import write_data_docs
from medmultipoints.data_lake.report.figures import record_figure
from medmultipoints.data_lake.report.page import report_page
from medmultipoints.data_lake.store.layout import PAGE, Lake
from medmultipoints.expectations.verdicts import Verdict
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.pictures.contact_sheet import Cell, draw_sheet

PICTURES = 12
FIGURE = column_names("records", "drawn")
SHEET, EXPECTATIONS = "contact-sheet.jpg", "expectations"


@dataclass(frozen=True, slots=True)
class Report:
    """The paths of a release's pages; ``path`` is below the lake's ``reports``; no contact sheet without objects."""

    folder: Path
    path: str
    sheet: bytes | None


def write_report(lake: Lake, release: Path, verdicts: Mapping[str, Iterable[Verdict]]) -> Report:
    """Write the pages of a release that was just built, by stage of the verdicts, and replace earlier ones.

    The build has hashed the release's files, so they are not hashed again.
    """
    manifest = read_manifest(release, ClaimedManifest)
    path = f"{manifest.name}/{manifest.version}"
    folder = lake.reports / path
    folder.mkdir(parents=True, exist_ok=True)
    write_data_docs(folder / EXPECTATIONS, manifest.title, verdicts)
    cells = choose_cells(release, manifest)
    sheet = draw_sheet(cells) if cells else None
    page, _ = report_page(release, kind=ClaimedManifest)
    for name, content in ((SHEET, sheet), (PAGE, page.encode())):
        if content is None:
            (folder / name).unlink(missing_ok=True)
            continue
        write_atomically(folder / name, [content])
    return Report(folder, path, sheet)


def choose_cells(release: Path, manifest: Manifest, most: int = PICTURES) -> list[Cell]:
    """Return a few records with objects, alternating between labels; the sha256 of their ids decides the choice."""
    rows = pl.scan_parquet([release / path for path in table_files(manifest, "data")])
    known = rows.filter(pl.col("count") > 0).select("record_id", "label").collect()
    drawn = sorted(known.rows(), key=lambda row: hashlib.sha256(row[0].encode()).digest())
    turns: dict[str, int] = {}
    ranked = []
    for record_id, label in drawn:
        turns[label] = turns.get(label, 0) + 1
        ranked.append((turns[label], label, record_id))
    chosen = [record_id for _, _, record_id in sorted(ranked)[:most]]
    wanted = rows.filter(pl.col("record_id").is_in(chosen)).select("record_id", "label", "image", *FIGURE)
    cells = {row["record_id"]: row for row in wanted.collect().iter_rows(named=True)}
    objects = pl.scan_parquet([release / path for path in table_files(manifest, "objects")])
    drawn_objects = objects.filter(pl.col("record_id").is_in(chosen)).collect()
    return [cell_of(cells[name], drawn_objects.filter(record_id=name).to_dicts()) for name in chosen]


def cell_of(row: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> Cell:
    """Return one record as a cell, with the masks of its objects."""
    caption = f"{row['label']} {row['count']}  {row['record_id'][:8]}"
    return Cell(row["image"]["bytes"], record_figure(row, objects), caption)
