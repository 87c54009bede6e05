"""Check a release's README.md: by the rules of the Hub before an upload, and each table of numbers by the data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from medmultipoints.data_lake.release.card.card import grouped
from medmultipoints.data_lake.release.card.card_pictures import bin_counts
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.compose.stats import (
    count_histogram,
    count_images,
    count_labels,
    count_spread,
    count_tasks,
)
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.hidden import as_cell

README = "README.md"
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "n>10M")
CREATORS = ("found", "crowdsourced", "expert-generated", "machine-generated", "no-annotation", "other")
REQUIRED = ("license", "pretty_name", "configs", "dataset_info", "size_categories")

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


def check_card(folder: Path, manifest: Manifest) -> None:
    """Raise DataError with the first problem unless the Hub can read the front matter."""
    try:
        text = (folder / README).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / README} cannot be read: {error}. Build the release again.") from None
    for problem in card_problems(text, [entry.path for entry in manifest.files]):
        raise DataError(f"{README}: {problem}. Correct the card's text in the recipe and build the release again.")


def card_problems(text: str, paths: list[str]) -> Iterator[str]:
    """Yield a sentence for each part of the front matter that the Hub or its viewer would not accept."""
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        yield "has no front matter between two lines of ---"
        return
    try:
        values = yaml.safe_load(text[4:].split("\n---\n", 1)[0])
    except yaml.YAMLError as error:
        yield f"front matter is not valid YAML: {' '.join(str(error).split())}"
        return
    if not isinstance(values, dict):
        yield "front matter is not a mapping of names to values"
        return
    yield from (f"front matter has no {name}" for name in REQUIRED if not values.get(name))
    yield from _value_problems(values)
    yield from _config_problems(values, paths)


def _value_problems(values: dict[str, Any]) -> Iterator[str]:
    if values.get("license") == "other" and not (values.get("license_name") and values.get("license_link")):
        yield "license: other needs license_name and license_link"
    for name, allowed in (("size_categories", SIZES), ("annotations_creators", CREATORS)):
        yield from (
            f"{name}: {one!r} is not one of {', '.join(allowed)}" for one in values.get(name, ()) if one not in allowed
        )
    for name in ("tags", "language", "task_categories"):
        if not all(isinstance(one, str) for one in values.get(name, ())):
            yield f"{name} holds a value that is not text: write it in quotes"


def _config_problems(values: dict[str, Any], paths: list[str]) -> Iterator[str]:
    configs = values.get("configs") or ()
    for config in configs:
        for file in config["data_files"]:
            patterns = [file["path"]] if isinstance(file["path"], str) else file["path"]
            for pattern in patterns:
                if not any(fnmatchcase(path, pattern) for path in paths):
                    yield f"config {config['config_name']}: no file of the release matches {pattern}"
    described = {info.get("config_name") for info in values.get("dataset_info") or ()}
    named = {config["config_name"] for config in configs}
    if described != named:
        yield f"configs and dataset_info name different configs: {', '.join(sorted(map(str, described ^ named)))}"


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
