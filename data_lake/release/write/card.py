"""README.md of a release: front matter that the Hub reads, and a body whose every number is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jinja2
import numpy as np
import polars as pl
import pyarrow as pa
from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.release.export.dialect_lines import FORMS, left_out_reason
from medmultipoints.data_lake.release.export.dialect_tables import dialect_schema
from medmultipoints.data_lake.release.read.released_tables import dialects_in
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, MADE, FileEntry
from medmultipoints.data_lake.release.write.histogram import HISTOGRAM, bin_counts
from medmultipoints.data_lake.release.write.instruction_rows import released_columns
from medmultipoints.data_lake.release.write.licences import choose_licence, hub_licence, licence_reason, licensed
from medmultipoints.data_lake.release.write.manifest import StageCount
from medmultipoints.data_lake.release.write.parquet import describe_features
from medmultipoints.transforms.columns.tables import Table, load_table, released_schema
from medmultipoints.transforms.compose.label_terms import term_figures
from medmultipoints.transforms.compose.stats import (
    count_histogram,
    count_images,
    count_labels,
    count_personal,
    count_spread,
    count_tasks,
    note_splits,
    note_tasks,
)
from medmultipoints.transforms.dialects.registry import DIALECTS
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.markdown import as_cell
from medmultipoints.transforms.splits.official import note_official
from medmultipoints.transforms.splits.order import in_order

TEMPLATE = Path(__file__).with_name("card.md.jinja")
# ``datasets`` reads all configs of a folder in one format, so the config of instructions is their Parquet files.
CONFIGS = {"records": "data", "images": "images", "objects": "objects", "instructions": "instructions"}
DECLARED = {"records": "records", "images": "released_images", "objects": "objects", "instructions": "instructions"}
BOX_SIDES = (
    ("dx1", "left", "left", "right"),
    ("dy1", "upper", "up", "down"),
    ("dx2", "right", "left", "right"),
    ("dy2", "lower", "up", "down"),
)
"""The steps of a convention: the side of a box that each moves, and the words for less and for more."""
PUBLISHED_SOURCES = frozenset({"hyperkvasir", "kvasir_instrument", "visem_tracking"})
"""The sources of the published MedMultiPoints."""
ORIGIN = {"annotations_creators": ["expert-generated"], "source_datasets": ["extended"]}
"""What these sources state of themselves; of others nobody knows it."""
TAGS = ("medical", "counting", "pointing")
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """What a curator writes for the card, given by the recipe.

    Texts are Markdown and are put on the card as they are; empty ones are left out.
    """

    about: str = ""
    uses: str = ""
    limits: str = ""
    changes: str = ""
    citation: str = ""
    homepage: str | None = None
    authors: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything the card is made from; ``files`` are all files of the release but the card itself.

    ``known`` says by source name whether the sha256 of every file
    is an accepted one; ``recipe`` is the complete recipe as plain values; ``earlier`` names the release before and
    gives the difference in words, where the recipe says which that is. ``copies`` says what is lost of sources whose
    pictures are copies of another's. ``classes`` are the labels as ``label_id``
    numbers them. ``made`` are the tables that models made, by name, ``witness`` and ``described`` what is said of them.
    No time, host or path is among the facts.
    """

    name: str
    version: str
    title: str
    description: str
    release_date: str | None
    policy: Literal["published", "audited"]
    recipe: Mapping[str, Any]
    sources: Sequence[SourceInfo]
    known: Mapping[str, bool]
    accounting: Sequence[StageCount]
    tables: Tables
    classes: Sequence[str]
    disagreements: pl.DataFrame
    conventions: pl.DataFrame
    corrections: pl.DataFrame
    review: Sequence[str]
    duplicates: pl.DataFrame
    files: Sequence[FileEntry]
    logical_digest: str
    code_digest: str
    recipe_digest: str
    earlier: tuple[str, str] | None = None
    curated: Curated = field(default_factory=Curated)
    made: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    copies: Sequence[str] = ()
    witness: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None

    @property
    def from_published_sources(self) -> bool:
        """Whether every source is one of the published MedMultiPoints."""
        return PUBLISHED_SOURCES.issuperset(source.name for source in self.sources)

    @property
    def licensed_pictures(self) -> pl.DataFrame:
        """Source and licence of every picture of the release, those of proposals among them."""
        columns = ("source", "licence")
        tables = [self.tables.images, *(self.made[name] for name in ("proposals",) if name in self.made)]
        return pl.concat([table.select(columns) for table in tables])


def render_card(facts: CardFacts, template: str) -> str:
    """Return the text of README.md.

    ``template`` is the content of ``card.md.jinja``, given so that it enters the key.
    """
    body = _compile(template).render(facts=facts, **_figures(facts))
    return f"---\n{yaml_dump(front_matter(facts), sort_keys=False)}---\n\n{body}"


@cache
def _compile(template: str) -> jinja2.Template:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(number=_number, plural=plural, cell=as_cell)
    return environment.from_string(template)


def front_matter(facts: CardFacts) -> dict[str, Any]:
    """Return the metadata block, in the form that ``datasets`` and ``huggingface_hub`` write themselves."""
    splits = in_order(facts.tables.images["split"])
    labels = facts.tables.records["label"].unique().sort().to_list()
    named = config_tables([file.path for file in facts.files])
    return {
        **hub_licence(licensed(facts.sources, facts.licensed_pictures)),
        "pretty_name": facts.title,
        "language": ["en"],
        "task_categories": ["object-detection", *_language_tasks(facts)],
        "tags": list(dict.fromkeys([*TAGS, *labels, *facts.curated.tags])),
        "size_categories": [_size_category(facts.tables.records.height)],
        **(ORIGIN if facts.from_published_sources else {}),
        "configs": [config for name in named if (config := _config(facts, name, splits))["data_files"]],
        "dataset_info": [info for name in named if (info := _dataset_info(facts, name, splits))["splits"]],
    }


def config_tables(paths: Sequence[str]) -> dict[str, str]:
    """Return the folder of every config of a release with these files: its tables, and its instructions by dialect."""
    made = {name: name for name in made_tables(paths)}
    return CONFIGS | made | {name: name for name in (DIALECT_PREFIX + dialect for dialect in dialects_in(paths))}


def made_tables(paths: Sequence[str]) -> list[str]:
    """Return the tables that models made, of which a release with these files holds any."""
    return [name for name in MADE if any(path.startswith(f"{name}/") for path in paths)]


def declared_table(config: str) -> Table | None:
    """Return the declared table of a config; None for instructions in a dialect."""
    name = DECLARED.get(config, config)
    return load_table(name) if config in DECLARED or config in MADE else None


def _language_tasks(facts: CardFacts) -> list[str]:
    return ["image-text-to-text", "visual-question-answering"] if facts.tables.instructions.height else []


def _size_category(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "n>10M")


def _config(facts: CardFacts, name: str, splits: Sequence[str]) -> dict[str, Any]:
    files = [{"split": split, "path": _pattern(name, split)} for split in splits if _files_of(facts, name, split)]
    return {"config_name": name, **({"default": True} if name == "records" else {}), "data_files": files}


def _pattern(name: str, split: str) -> str:
    return f"{CONFIGS.get(name, name)}/{split}-*"


def _files_of(facts: CardFacts, name: str, split: str) -> list[FileEntry]:
    start = _pattern(name, split).removesuffix("*")
    return [file for file in facts.files if file.path.startswith(start) and file.path.endswith(".parquet")]


def _dataset_info(facts: CardFacts, name: str, splits: Sequence[str]) -> dict[str, Any]:
    rows = dict(_rows(facts, name).group_by("split").len().iter_rows())
    sizes = {split: sum(file.bytes for file in _files_of(facts, name, split)) for split in splits}
    told = [
        {"name": split, "num_bytes": sizes[split], "num_examples": rows.get(split, 0)}
        for split in splits
        if _files_of(facts, name, split)
    ]
    total = sum(split["num_bytes"] for split in told)
    return {
        "config_name": name,
        "features": describe_features(released_config(name, facts.classes)),
        "splits": told,
        "download_size": total,
        "dataset_size": total,
    }


def _rows(facts: CardFacts, config: str) -> pl.DataFrame:
    if config in MADE:
        return facts.made[config]
    if config in CONFIGS:
        found: pl.DataFrame = getattr(facts.tables, config)
        return found
    return facts.tables.dialects.filter(pl.col("dialect") == config.removeprefix(DIALECT_PREFIX))


def released_config(config: str, classes: Sequence[str] = ()) -> pa.Schema:
    """Return the Arrow schema of the files of a config; ``classes`` are the names of its column of class numbers."""
    if table := declared_table(config):
        return released_schema(released_columns(table), classes)
    return dialect_schema(config.removeprefix(DIALECT_PREFIX))


def _figures(facts: CardFacts) -> dict[str, Any]:
    """Return the counts that the body shows, as rows of plain values."""
    tables, audit = facts.tables, facts.disagreements
    asked = facts.recipe.get("instructions", {})
    licences = licensed(facts.sources, facts.licensed_pictures)
    return {
        "licence": choose_licence(licences),
        "reason": licence_reason(licences),
        "sources": [_describe_source(source, facts) for source in facts.sources],
        "labels": count_labels(tables.records).to_dicts(),
        "images": count_images(tables.images).to_dicts(),
        "spread": count_spread(tables.records).to_dicts(),
        "histogram": bin_counts(count_histogram(tables.records)),
        "picture": next((file.path for file in facts.files if file.path == HISTOGRAM), None),
        **term_figures(facts.recipe, set(tables.records["label"])),
        "dialects": [
            _describe_dialect(facts, name) for name in facts.recipe.get("instructions", {}).get("dialects", ())
        ],
        "tasks": count_tasks(tables.instructions).to_dicts(),
        "notes": note_tasks(tables.instructions, asked.get("tasks", ()), degenerate=asked.get("degenerate", "keep")),
        "empty_splits": note_splits(tables.images, facts.recipe.get("splits", {}).get("fractions", ())),
        "personal": count_personal(audit, tables.images["sample_id"]),
        "overview": _overview(facts),
        "readers": ", ".join(facts.recipe.get("text", {}).get("readers", ())),
        "official": note_official(tables.images, honoured=facts.recipe.get("splits", {}).get("honour_official", False)),
        "frames": _twice(audit),
        "findings": audit.group_by("severity", "kind", "action").len("findings").sort(pl.all()).to_dicts(),
        "corrections": [_describe_correction(row) for row in facts.corrections.iter_rows(named=True)],
        "review": facts.review,
        "withdrawn": facts.recipe.get("corrections", {}).get("withdrawn", ()),
        "conventions": [describe_convention(row) for row in facts.conventions.sort("source").iter_rows(named=True)],
        "resized": tables.images.filter(pl.col("scale") < 1).height,
        "decoded": tables.images.filter(pl.col("image_origin") == "decoded").height,
        "converted": tables.images.filter(pl.col("image_origin") == "converted").height,
        "truncated": tables.objects.filter(pl.col("truncated")).height,
        "example_split": _example_split(tables.images),
        "dictionary": {name: _columns(load_table(declared)) for name, declared in DECLARED.items()}
        | {name: _columns(load_table(name)) for name in made_tables([file.path for file in facts.files])},
        "witness": facts.witness,
        "described": facts.described,
        "made": {name: facts.made[name].height for name in made_tables([file.path for file in facts.files])},
    }


def _overview(facts: CardFacts) -> list[tuple[str, str]]:
    """Return the table on top: what a reader wants to know first, each in one line."""
    tables, audit = facts.tables, facts.disagreements
    counts = tables.records.group_by("label").agg(pl.len(), pl.col("count").sum())
    labels = counts.sort("count", "label", descending=[True, False])
    splits = dict(tables.images.group_by("split").len().iter_rows())
    evidence = tables.objects.group_by("evidence").len().sort("len", "evidence", descending=[True, False])
    found = dict(audit.group_by("severity").len().iter_rows())
    decided = f"; {facts.corrections.height:,} decisions of reviewers" if facts.corrections.height else ""
    people = ", ".join(
        f"{kind.replace('_', ' ')} {pictures:,}"
        for kind, pictures in count_personal(audit, tables.images["sample_id"]).items()
    )
    read = facts.recipe.get("text", {}).get("readers", ())
    return [
        (
            "labels",
            ", ".join(
                f"{label} ({objects:,} objects, {records:,} records)" for label, records, objects in labels.iter_rows()
            ),
        ),
        (
            "splits",
            ", ".join(f"{split} {splits[split]:,}" for split in in_order(splits))
            + " images; no video, scene or copy is in two",
        ),
        ("objects are from", ", ".join(f"{name} {number:,}" for name, number in evidence.iter_rows()) or "none"),
        (
            "audit of the labels",
            ", ".join(f"{name} {found.get(name, 0):,}" for name in ("error", "warning", "info")) + decided,
        ),
        (
            "what may concern a person",
            people or ("nothing was found" if read else "nothing was found; no text was read"),
        ),
        ("licence", choose_licence(licensed(facts.sources, facts.licensed_pictures))),
    ]


def _twice(audit: pl.DataFrame) -> dict[str, Any]:
    """Return how many pairs of one frame have masks on both sides, and how well these agree in the median."""
    own = audit.filter(pl.col("kind").is_in(["same_frame", "contradicting_copies"])).drop_nulls("iou")
    return {"pairs": own.height // 2, "iou": f"{float(np.median(own['iou'])):.2f}" if own.height else ""}


def _describe_source(source: SourceInfo, facts: CardFacts) -> dict[str, Any]:
    """Return what a reader must know of a source: what it brings, by which evidence, under which licences."""
    images = facts.tables.images.filter(pl.col("source") == source.name)
    objects = facts.tables.objects.join(images.select("sample_id"), on="sample_id", how="semi")
    evidence = objects.group_by("evidence").len().sort("evidence").iter_rows()
    licences = images.group_by("licence").len().sort("len", "licence", descending=[True, False]).iter_rows()
    return {
        "info": source,
        "known": facts.known[source.name],
        "broken": "" if images.height else source.broken or "none of its images is used (`quarantine/`)",
        "images": images.height,
        "records": facts.tables.records.filter(pl.col("source") == source.name).height,
        "objects": ", ".join(f"{count:,} by {kind}" for kind, count in evidence) or "none",
        "licences": ", ".join(f"{name} ({count:,})" for name, count in licences) if images.height else "",
    }


def _describe_dialect(facts: CardFacts, name: str) -> dict[str, Any]:
    """Return what its numbers mean, how many entries there are and what is missing, for the card."""
    told, reason = DIALECTS[name], left_out_reason(name)
    left_out = [one.count for stage in facts.accounting for one in stage.reasons if one.reason == reason]
    rows = _rows(facts, DIALECT_PREFIX + name)
    return {
        "config": DIALECT_PREFIX + name,
        "about": told,
        "rows": rows.height,
        "left_out": sum(left_out),
        "resized": FORMS[name].resize is not None,
        "splits": in_order(rows["split"]),
    }


def describe_convention(row: Mapping[str, Any]) -> str:
    """Return one source's convention as a sentence: how its boxes lie to half-open ones, and how many follow that."""
    steps = ", ".join(f"{row[step]:+g}" if row[step] else "0" for step, *_ in BOX_SIDES)
    off = [
        f"the {side} side of its boxes is {abs(row[step]):g} px too far {back if row[step] < 0 else forth}"
        for step, side, back, forth in BOX_SIDES
        if row[step]
    ]
    words = (
        ", ".join([*off[:1], *(one.replace(" of its boxes is", "") for one in off[1:])]) or "its boxes are half-open"
    )
    follow = f"{row['explained']:,} of {row['pairs']:,} boxes that overlap a mask box by half follow that exactly"
    return f"{row['source']}: {words} (half-open boxes + ({steps}) px, cut at 0); {follow}"


def _describe_correction(row: Mapping[str, Any]) -> dict[str, str]:
    """Return one decision of a reviewer: the image, what was done, and to what."""
    boxes = ["(" + ", ".join(f"{side:g}" for side in box) + ")" for box in row["boxes"]]
    objects = [f"object {name.rpartition(':')[2]}" for name in row["region_ids"]]
    labels = {name.split(":")[-2] for name in row["region_ids"]} - {row["label"]}
    label = row["label"] or ""
    if row["action"] == "set_label" and len(labels) == 1:
        label = f"{labels.pop()} → {label}"
    about = [part for part in (row["kind"] or "", label, "; ".join(boxes), ", ".join(objects)) if part]
    return {name: row[name] for name in ("sample_id", "action", "reason", "reviewer", "date")} | {
        "about": " · ".join(about) or "the image"
    }


def _example_split(images: pl.DataFrame) -> str:
    names = images["split"].unique().sort().to_list()
    return "train" if "train" in names or not names else names[0]


def _columns(table: Table) -> list[dict[str, str]]:
    return [
        {"name": column.name, "type": column.type, "unit": column.unit or "", "meaning": column.meaning}
        for column in released_columns(table)
    ]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
