"""Write README.md of a release: front matter for the Hub, and a body in which every number is computed."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.release.card.card_facts import CardFacts, note_instructions
from medmultipoints.data_lake.release.card.card_pictures import EXAMPLES, HISTOGRAM, bin_counts
from medmultipoints.data_lake.release.card.front_matter import DECLARED, front_matter, made_tables
from medmultipoints.data_lake.release.card.licences import choose_licence, licence_reason, licensed
from medmultipoints.data_lake.release.export.dialect_lines import FORMS, left_out_reason
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX
from medmultipoints.data_lake.release.write.instruction_rows import released_columns
from medmultipoints.data_lake.release.write.manifest import count_excluded
from medmultipoints.transforms.audit.decisions import PROPOSAL
from medmultipoints.transforms.columns.tables import Table, load_table
from medmultipoints.transforms.compose.label_terms import term_rows
from medmultipoints.transforms.compose.stats import (
    count_histogram,
    count_images,
    count_labels,
    count_personal,
    count_spread,
    count_tasks,
    note_groups,
    note_splits,
)
from medmultipoints.transforms.dialects.registry import DIALECTS
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.hidden import as_cell
from medmultipoints.transforms.splits.official import in_order, note_official

if TYPE_CHECKING:
    import jinja2

TEMPLATE = Path(__file__).with_name("card.md.jinja")
BOX_SIDES = (
    ("dx1", "left", "left", "right"),
    ("dy1", "upper", "up", "down"),
    ("dx2", "right", "left", "right"),
    ("dy2", "lower", "up", "down"),
)
"""The steps of a convention: the side of a box that each moves, and the words for less and for more."""


def render_card(facts: CardFacts, template: str) -> str:
    """Return the text of README.md.

    ``template`` is the content of ``card.md.jinja``, an argument so that it is part of the key.
    """
    body = _compile(template).render(facts=facts, **_body_values(facts))
    return f"---\n{yaml_dump(front_matter(facts), sort_keys=False)}---\n\n{body}"


@cache
def _compile(template: str) -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(number=grouped, plural=plural, cell=as_cell)
    return environment.from_string(template)


def _body_values(facts: CardFacts) -> dict[str, Any]:
    """Return the values in the body: facts about the release, its counts, and what was found and decided."""
    licences = licensed(facts.sources, facts.licensed_pictures)
    made = made_tables([file.path for file in facts.files])
    declared = DECLARED | {name: name for name in made}
    return {
        "overview": _overview(facts),
        "licence": choose_licence(licences),
        "reason": licence_reason(licences),
        "sources": [_describe_source(source, facts) for source in facts.sources],
        "pictures": {file.path for file in facts.files} & {EXAMPLES, HISTOGRAM},
        **term_rows(facts.recipe, set(facts.tables.records["label"])),
        **_counts(facts),
        **_findings_and_decisions(facts),
        "example_split": _example_split(facts.tables.images),
        "dictionary": {name: _columns(load_table(table)) for name, table in declared.items()},
        "witness": facts.witness,
        "described": facts.described,
        "made": {name: facts.made[name].height for name in made},
    }


def _counts(facts: CardFacts) -> dict[str, Any]:
    """Return what is counted in the tables of the release, as rows of plain values, with notes on odd counts."""
    tables, splits = facts.tables, facts.recipe.get("splits", {})
    asked = facts.recipe.get("instructions", {})
    return {
        "labels": count_labels(tables.records).to_dicts(),
        "images": count_images(tables.images).to_dicts(),
        "spread": count_spread(tables.records).to_dicts(),
        "histogram": bin_counts(count_histogram(tables.records)),
        "dialects": [_describe_dialect(facts, name) for name in asked.get("dialects", ())],
        "tasks": count_tasks(tables.instructions).to_dicts(),
        "notes": note_instructions(tables.instructions, facts.recipe, facts.accounting),
        "empty_splits": note_splits(tables.images, splits.get("fractions", ())),
        "ungrouped": note_groups(tables.images),
        "official": note_official(tables.images, honoured=splits.get("honour_official", False)),
        "resized": tables.images.filter(pl.col("scale") < 1).height,
        "decoded": tables.images.filter(pl.col("image_origin") == "decoded").height,
        "converted": tables.images.filter(pl.col("image_origin") == "converted").height,
        "truncated": tables.objects.filter(pl.col("truncated")).height,
    }


def _findings_and_decisions(facts: CardFacts) -> dict[str, Any]:
    """Return what the audit found, and what reviewers decided."""
    audit = facts.disagreements
    return {
        "personal": count_personal(audit, facts.tables.images["sample_id"]),
        "readers": ", ".join(facts.recipe.get("text", {}).get("readers", ())),
        "frames": _frame_pairs(audit),
        "findings": audit.group_by("severity", "kind", "action").len("findings").sort(pl.all()).to_dicts(),
        "corrections": [_describe_correction(row) for row in facts.corrections.iter_rows(named=True)],
        "review": facts.review,
        "withdrawn": facts.recipe.get("corrections", {}).get("withdrawn", ()),
        "conventions": [describe_convention(row) for row in facts.conventions.sort("source").iter_rows(named=True)],
    }


def _overview(facts: CardFacts) -> list[tuple[str, str]]:
    """Return the overview table at the top: the first facts a reader needs, one per line."""
    tables, audit = facts.tables, facts.disagreements
    counts = tables.records.group_by("label").agg(pl.len(), pl.col("count").sum())
    labels = ", ".join(
        f"{label} ({plural(objects, 'object')}, {plural(records, 'record')})"
        for label, records, objects in counts.sort("count", "label", descending=[True, False]).iter_rows()
    )
    splits = dict(tables.images.group_by("split").len().iter_rows())
    sizes = ", ".join(f"{split} {splits[split]:,}" for split in in_order(splits))
    evidence = tables.objects.group_by("evidence").len().sort("len", "evidence", descending=[True, False])
    found = dict(audit.group_by("severity").len().iter_rows())
    severities = ", ".join(f"{name} {found.get(name, 0):,}" for name in ("error", "warning", "info"))
    decided = f"; {facts.corrections.height:,} decisions of reviewers" if facts.corrections.height else ""
    people = ", ".join(
        f"{kind.replace('_', ' ')} {pictures:,}"
        for kind, pictures in count_personal(audit, tables.images["sample_id"]).items()
    )
    read = facts.recipe.get("text", {}).get("readers", ())
    return [
        ("labels", labels),
        ("splits", f"{sizes} images; no video, scene or copy is in two"),
        ("objects are from", ", ".join(f"{name} {number:,}" for name, number in evidence.iter_rows()) or "none"),
        ("audit of the labels", severities + decided),
        ("what may concern a person", people or "nothing was found" + ("" if read else "; no text was read")),
        ("licence", choose_licence(licensed(facts.sources, facts.licensed_pictures))),
    ]


def _frame_pairs(audit: pl.DataFrame) -> dict[str, Any]:
    """Return the number of pairs of one frame with masks on both sides, and their median agreement."""
    own = audit.filter(pl.col("kind").is_in(["same_frame", "contradicting_copies"])).drop_nulls("iou")
    return {"pairs": own.height // 2, "iou": f"{float(np.median(own['iou'])):.2f}" if own.height else ""}


def _describe_source(source: SourceInfo, facts: CardFacts) -> dict[str, Any]:
    """Return the facts of a source: content, evidence and licences."""
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
    """Return a dialect's coordinate convention, number of entries and omissions, for the card."""
    rows = facts.tables.dialects.filter(dialect=name)
    return {
        "config": DIALECT_PREFIX + name,
        "about": DIALECTS[name],
        "rows": rows.height,
        "left_out": count_excluded(facts.accounting, left_out_reason(name)),
        "resized": FORMS[name].resize is not None,
        "splits": in_order(rows["split"]),
    }


def describe_convention(row: Mapping[str, Any]) -> str:
    """Return the box convention of a source as a sentence: offset from half-open boxes, and share of boxes."""
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
    """Return one decision of a reviewer: the image, the action and its object.

    An entry that accepts the labels without a proposal is the refusal of that proposal.
    """
    boxes = ["(" + ", ".join(f"{side:g}" for side in box) + ")" for box in row["boxes"]]
    objects = [f"object {name.rpartition(':')[2]}" for name in row["region_ids"]]
    labels = {name.split(":")[-2] for name in row["region_ids"]} - {row["label"]}
    label = row["label"] or ""
    if row["action"] == "set_label" and len(labels) == 1:
        label = f"{labels.pop()} → {label}"
    about = [part for part in (row["kind"] or "", label, "; ".join(boxes), ", ".join(objects)) if part]
    return {name: row[name] for name in ("sample_id", "reason", "reviewer", "date")} | {
        "action": "refuse" if row["kind"] == PROPOSAL else row["action"],
        "about": " · ".join(about) or "the image",
    }


def _example_split(images: pl.DataFrame) -> str:
    names = images["split"].unique().sort().to_list()
    return "train" if "train" in names or not names else names[0]


def _columns(table: Table) -> list[dict[str, str]]:
    return [
        {"name": column.name, "type": column.type, "unit": column.unit or "", "meaning": column.meaning}
        for column in released_columns(table)
    ]


def grouped(value: float) -> str:
    """Return a number with its thousands apart, fractions to one decimal."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
