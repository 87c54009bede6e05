"""Every answer of a full-size release derived again; wrong ones of every kind held; more records change no question."""

import hashlib
import time
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.prompts.object_names import release_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.data_lake.release.checks.answers import check_answers
from medmultipoints.data_lake.release.read.released_tables import read_tables
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.instructions.write import write_instructions
from tests.acceptance.builds import full_size
from tests.acceptance.inputs import small
from tests.acceptance.wrong_answers import plant

ADDED = 1000
SAMPLED = 50


def run(work: Path) -> dict[str, Any]:
    """The instructions of the full-size release."""
    outcome = full_size(work.parent)[1]
    return show(outcome.release.path, outcome.build.recipe, work)


def show(folder: Path, recipe: Recipe, work: Path) -> dict[str, Any]:
    """What a release of the recipe shows; samples to read go to ``work/samples``."""
    manifest = read_manifest(folder)
    tables = read_tables(folder, manifest)
    counted = dict(tables.instructions.group_by("task").len().sort("task").iter_rows())
    assert small() or set(counted) == set(TASK_NAMES), f"not asked: {set(TASK_NAMES) - set(counted)}"
    write_samples(tables.instructions, work / "samples")
    return (
        {"rows": tables.instructions.height, "by_task": counted}
        | check_release(tables, manifest)
        | check_planted(tables)
        | check_additions(tables, recipe)
    )


def check_release(tables: Tables, manifest: Manifest) -> dict[str, Any]:
    """Every row is derived again, as ``verify`` does it; rows per second of the published tasks and of the others."""
    wrong = list(check_answers(tables, manifest.recipe))
    assert wrong == [], wrong[:3]
    speeds = {}
    for kind, chosen in (("published", pl.col("task").is_in(PUBLISHED)), ("other", ~pl.col("task").is_in(PUBLISHED))):
        rows = tables.instructions.filter(chosen)
        started = time.perf_counter()
        verdicts = check(tables, rows)
        speeds[f"rows_per_second_{kind}"] = round(rows.height / (time.perf_counter() - started))
        assert verdicts.height == rows.height
        assert verdicts["ok"].all()
    return {"rederived": tables.instructions.height, **speeds}


def check_planted(tables: Tables) -> dict[str, Any]:
    """No row with a planted fault passes."""
    planted = plant(tables.instructions)
    verdicts = check(tables, planted.drop("planted"))
    passed = planted.with_columns(ok=verdicts["ok"]).filter("ok")
    assert passed.is_empty(), passed.select("instruction_id", "task", "planted", "answer").head(3).to_dicts()
    kinds = planted.select("task", "planted").unique().height
    return {"planted_rows": planted.height, "planted_kinds": kinds, "planted_caught": planted.height - passed.height}


def check_additions(tables: Tables, recipe: Recipe) -> dict[str, Any]:
    """Of a release without 1,000 of its records, every question is one of the whole, to the letter, but for stills."""
    order = sorted(tables.images["sample_id"], key=lambda name: hashlib.sha256(name.encode()).digest())
    sizes = dict(tables.records.group_by("sample_id").len().iter_rows())
    left_out: set[str] = set()
    while order and sum(sizes[name] for name in left_out) < (ADDED if not small() else 20):
        left_out.add(order.pop())
    kept = [frame.filter(~pl.col("sample_id").is_in(sorted(left_out))) for frame in (tables.records, tables.images)]
    whole, part = ask(tables, recipe, tables.records, tables.images), ask(tables, recipe, *kept)
    part = part.filter(pl.col("task") != "stills_referring")  # an added still may be beside others
    changed = part.join(whole, on=whole.columns, how="anti", nulls_equal=True)
    assert changed.is_empty(), changed["instruction_id"].head(3).to_list()
    added = tables.records.height - kept[0].height
    return {"records_added": added, "questions_before": part.height, "questions_changed": changed.height}


def check(tables: Tables, rows: pl.DataFrame) -> pl.DataFrame:
    """The verdict of the checker on each row."""
    names = release_names(tables.records, tables.images)
    return check_instructions(rows, tables.records, tables.images, names, policy="audited", objects=tables.objects)


def ask(tables: Tables, recipe: Recipe, records: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    """What the recipe asks of these records."""
    return write_instructions(
        records,
        images,
        load_templates(recipe.instructions.tasks),
        release_names(tables.records, tables.images),
        tasks=recipe.instructions.tasks,
        seed=recipe.seed,
        policy=recipe.boxes.policy,
        objects=tables.objects.join(records.select("record_id"), on="record_id", how="semi"),
        shares={str(task): share for task, share in recipe.instructions.shares.items()},
        absent=recipe.instructions.absent,
    )


def write_samples(instructions: pl.DataFrame, folder: Path) -> None:
    """50 rows of each task as text, drawn by their ids, to be read with one's own eyes."""
    folder.mkdir(parents=True, exist_ok=True)
    for (task,), own in instructions.partition_by("task", as_dict=True).items():
        rows = sorted(
            own.iter_rows(named=True), key=lambda row: hashlib.sha256(row["instruction_id"].encode()).digest()
        )
        texts = [f"{row['instruction_id']}\n{row['prompt']}\n{row['answer']}\n" for row in rows[:SAMPLED]]
        (folder / f"{task}.txt").write_text("\n".join(texts), "utf-8")
