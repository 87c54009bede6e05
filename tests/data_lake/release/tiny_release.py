"""A tiny release in a folder, written by the public functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.release.card.card import TEMPLATE, render_card
from medmultipoints.data_lake.release.card.card_facts import CardFacts
from medmultipoints.data_lake.release.card.card_pictures import HISTOGRAM, histogram_png
from medmultipoints.data_lake.release.card.croissant import CROISSANT, croissant_bytes
from medmultipoints.data_lake.release.export.dialect_lines import STAGE, LeftOut, left_out_reason, translate
from medmultipoints.data_lake.release.export.dialect_tables import picture_reader, write_dialect_rows
from medmultipoints.data_lake.release.read.digest import logical_digest
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, FileEntry, shard_path, write_bytes
from medmultipoints.data_lake.release.write.instruction_rows import write_instruction_rows
from medmultipoints.data_lake.release.write.jsonl import instructions_path, write_instructions
from medmultipoints.data_lake.release.write.manifest import (
    Manifest,
    ManifestSource,
    Reason,
    SourceFile,
    StageCount,
    list_files,
    manifest_bytes,
    manifest_root,
)
from medmultipoints.data_lake.release.write.origins import INPUTS, RECIPE, inputs_bytes, recipe_bytes
from medmultipoints.data_lake.release.write.parquet import write_records_shard, write_table
from medmultipoints.data_lake.release.write.shards import plan_shards
from medmultipoints.transforms.columns.tables import empty_frame, load_table, released_schema
from medmultipoints.transforms.compose.stats import count_histogram
from medmultipoints.transforms.diff.releases import Tables
from tests.data_lake.release.tiny_tables import CLASSES, PICTURES

ACCOUNTING = (
    StageCount(
        name="index",
        taken=5,
        used=4,
        dropped=0,
        rejected=1,
        rows=4,
        reasons=(Reason(verdict="rejected", reason="mask_without_image", count=1),),
    ),
)


def accounting(tables: Tables, left_out: Sequence[LeftOut] = ()) -> tuple[StageCount, ...]:
    """What the stages would have counted that made these tables."""
    counts = Counter(left_out_reason(one.dialect) for one in left_out)
    entries, missing = tables.dialects.height, len(left_out)
    reasons = tuple(Reason(verdict="dropped", reason=reason, count=count) for reason, count in sorted(counts.items()))
    images, records, rows = tables.images.height, tables.records.height, tables.instructions.height
    return (
        *ACCOUNTING,
        StageCount(name="record", taken=images, used=images, dropped=0, rejected=0, rows=records),
        StageCount(name="instruct", taken=records, used=records, dropped=0, rejected=0, rows=rows),
        StageCount(
            name=STAGE,
            taken=entries + missing,
            used=entries,
            dropped=missing,
            rejected=0,
            rows=entries,
            reasons=reasons,
        ),
    )


EXCLUSIONS = pl.DataFrame(
    {
        "exclusion_id": ["index:hyperkvasir:masks/x.jpg"],
        "stage": ["index"],
        "source": ["hyperkvasir"],
        "key": ["masks/x.jpg"],
        "sample_id": [None],
        "verdict": ["rejected"],
        "reason": ["mask_without_image"],
        "detail": ["masks/x.jpg has no image"],
    }
)
ARCHIVE = SourceFile(name="a.zip", bytes=1, sha256="a" * 64, known=True)
FOLDER = SourceFile(name="a.zip", bytes=1, sha256="a" * 64, known=False)
SOURCES = (
    ManifestSource(name="hyperkvasir", known=True, files=(ARCHIVE,)),
    ManifestSource(name="kvasir_instrument", known=False, files=(FOLDER,)),
    ManifestSource(name="visem_tracking", known=False, files=(FOLDER,)),
)


def exclusions(left_out: Sequence[LeftOut]) -> pl.DataFrame:
    """The table of exclusions with the instructions that dialects have no form for."""
    rows = [
        {
            "exclusion_id": f"{STAGE}:hyperkvasir:{one.dialect}:{one.instruction_id}",
            "stage": STAGE,
            "source": "hyperkvasir",
            "key": f"{one.dialect}:{one.instruction_id}",
            "sample_id": None,
            "verdict": "dropped",
            "reason": left_out_reason(one.dialect),
            "detail": one.why,
        }
        for one in left_out
    ]
    return pl.concat([EXCLUSIONS, pl.DataFrame(rows, schema=EXCLUSIONS.schema)])


def card_facts(
    tables: Tables, files: list[FileEntry], version: str = "1.0.0", left_out: Sequence[LeftOut] = ()
) -> CardFacts:
    """The facts of the tiny release's card."""
    catalogue = load_catalogue()
    dialects = sorted({*tables.dialects["dialect"], *(one.dialect for one in left_out)})
    return CardFacts(
        name="tiny",
        version=version,
        title="Tiny",
        description="A release made in a test.",
        release_date="2026-01-02",
        policy="audited",
        recipe={"seed": 7, "boxes": {"policy": "audited"}, "ontology": {}}
        | ({"instructions": {"dialects": dialects}} if dialects else {}),
        sources=[catalogue[name] for name in ("hyperkvasir", "kvasir_instrument", "visem_tracking")],
        known={"hyperkvasir": True, "kvasir_instrument": False, "visem_tracking": False},
        accounting=accounting(tables, left_out),
        tables=tables,
        classes=CLASSES,
        disagreements=empty_frame(load_table("disagreements")),
        conventions=empty_frame(load_table("conventions")),
        corrections=empty_frame(load_table("corrections")),
        review=(),
        duplicates=empty_frame(load_table("duplicates")),
        files=files,
        logical_digest=logical_digest(tables),
        code_digest="c" * 64,
        recipe_digest="e" * 64,
    )


def write_release(
    folder: Path, tables: Tables, version: str = "1.0.0", dialects: Sequence[str] = (), **card: Any
) -> Path:
    """A whole release in a folder, by the public functions; ``card``: facts of the card other than usual."""
    lines, left_out = translate(tables.instructions, tables.images, tables.records, dialects)
    tables = replace(tables, dialects=lines)
    for name in ("data", "images", "objects", "instructions", "quarantine"):
        (folder / name).mkdir(parents=True)
    shards = plan_shards(tables.records.join(tables.images.select("sample_id", "stored_bytes"), on="sample_id"))
    records = released_schema(load_table("records").columns, CLASSES)
    files = [write_records_shard(folder / shard.path, shard, PICTURES.__getitem__, records) for shard in shards]
    for name, frame in (("images", tables.images), ("objects", tables.objects)):
        declared = released_schema(load_table("released_images" if name == "images" else name).columns)
        for split in tables.images["split"].unique(maintain_order=True):
            path = shard_path(name, split)
            files.append(write_table(folder / path, frame.filter(split=split), declared, name=path))
    for (split,), part in tables.instructions.partition_by("split", as_dict=True).items():
        path = instructions_path(str(split))
        files.append(write_instructions(folder / path, [part], name=path))
        path = shard_path("instructions", str(split))
        files.append(write_instruction_rows(folder / path, [part], name=path))
    read_picture = picture_reader(tables.images, PICTURES.__getitem__)
    for (dialect, split), part in tables.dialects.partition_by("dialect", "split", as_dict=True).items():
        path = shard_path(f"{DIALECT_PREFIX}{dialect}", str(split))
        (folder / path).parent.mkdir(exist_ok=True)
        files.append(write_dialect_rows(folder / path, part, str(dialect), name=path, read_picture=read_picture))
    path = "quarantine/exclusions.parquet"
    files.append(
        write_table(folder / path, exclusions(left_out), released_schema(load_table("exclusions").columns), name=path)
    )
    (folder / "assets").mkdir()
    files.append(write_bytes(folder / HISTOGRAM, histogram_png(count_histogram(tables.records)), name=HISTOGRAM))
    facts = replace(card_facts(tables, files, version, left_out), **card)
    stated = {RECIPE: recipe_bytes(facts.recipe), INPUTS: inputs_bytes(SOURCES, facts.accounting)}
    files += [write_bytes(folder / name, content, name=name) for name, content in stated.items()]
    card = render_card(facts, TEMPLATE.read_text("utf-8"))
    files.append(write_bytes(folder / "README.md", card.encode(), name="README.md"))
    files.append(write_bytes(folder / CROISSANT, croissant_bytes(facts, files), name=CROISSANT))
    write_manifest(folder, facts, files)
    return folder


def write_manifest(folder: Path, facts: CardFacts, files: list[FileEntry]) -> None:
    """manifest.json over the given files."""
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        release_date=facts.release_date,
        manifest_root=manifest_root(files),
        logical_digest=facts.logical_digest,
        files=list_files(files),
        recipe=dict(facts.recipe),
        sources=SOURCES,
        code_digest=facts.code_digest,
        packages={"polars": "2.1.0"},
        accounting=tuple(facts.accounting),
    )
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
