"""Check the tables of numbers on the card of a release: each row is computed again from the tables and the manifest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from medmultipoints.data_lake.release.checks.card_check import README
from medmultipoints.data_lake.release.write.card import grouped
from medmultipoints.data_lake.release.write.histogram import bin_counts
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.compose.stats import (
    count_histogram,
    count_images,
    count_labels,
    count_spread,
    count_tasks,
)
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.reporting.markdown import as_cell

Row = Mapping[str, object]
COUNTED: Mapping[str, tuple[str, ...]] = {
    "| split | label | records | images | objects |": ("split", "label", "records", "images", "objects"),
    "| split | source | images | groups | bytes of pictures |": ("split", "source", "images", "groups", "bytes"),
    "| label | least | median | mean | most |": ("label", "least", "median", "mean", "most"),
    "| label | objects in the record | records |": ("label", "bin", "records"),
    "| split | task | instructions |": ("split", "task", "instructions"),
    "| stage | in | used | dropped | rejected | rows |": ("name", "in", "used", "dropped", "rejected", "rows"),
    "| stage | verdict | reason | inputs |": ("name", "verdict", "reason", "count"),
}
"""Header of each table, and its columns in the rows that are computed."""


def check_card_numbers(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[str]:
    """Yield a sentence for each table of the card whose rows are not those that the release gives."""
    stated = tables_on((folder / README).read_text("utf-8", errors="replace").splitlines())
    for header, rows in _expected(manifest, tables).items():
        lines = [_line([row[name] for name in COUNTED[header]]) for row in rows]
        found = stated.get(header, [])
        if found != lines:
            wrong = next((one for one in found if one not in lines), None) or next(iter(lines), header)
            yield f"{README}: table {header}: {wrong} is not what the release gives"


def _expected(manifest: Manifest, tables: Tables) -> dict[str, Sequence[Row]]:
    """Return the rows of each table by its header; a table without rows is not on the card."""
    stages = [stage.model_dump(by_alias=True) for stage in manifest.accounting]
    reasons = [{"name": stage["name"], **reason} for stage in stages for reason in stage["reasons"]]
    counted: list[Sequence[Row]] = [
        count_labels(tables.records).to_dicts(),
        count_images(tables.images).to_dicts(),
        count_spread(tables.records).to_dicts(),
        bin_counts(count_histogram(tables.records)),
        count_tasks(tables.instructions).to_dicts(),
        stages,
        reasons,
    ]
    return dict(zip(COUNTED, counted, strict=True))


def _line(cells: Iterable[object]) -> str:
    shown = (grouped(cell) if isinstance(cell, int | float) else as_cell(cell) for cell in cells)
    return f"| {' | '.join(shown)} |"


def tables_on(lines: Sequence[str]) -> dict[str, list[str]]:
    """Return the rows below each known header; a table of reasons is continued where its header is repeated."""
    found: dict[str, list[str]] = {}
    for place, line in enumerate(lines):
        if line in COUNTED:
            rows = found.setdefault(line, [])
            for row in lines[place + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append(row)
    return found
