"""Measure how fast instructions of all tasks are written and checked: ``python -m benchmarks.instructions``.

The sources are simulated in the proportions of the real ones (1,000 polyp pairs, 590 instruments, 20 videos of 1,470
frames, of which the recipe ``audited`` takes every tenth), divided by ``--part``. A build makes records, objects and
images; then all tasks are asked, with the shares of ``audited``, and every answer is checked. Figures are processor
seconds of one thread, medians of the rounds. With ``--tasks``, each task is also measured alone: microseconds a row,
without the gathering of scenes, which all tasks share.
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import polars as pl

from benchmarks.rounds import ROOT
from medmultipoints.data_lake.prompts.object_names import release_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.data_lake.release.read.released_tables import read_tables
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.execute import execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.collecting import collect_less_often
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.instructions.check import check_instructions
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.instructions.write import write_instructions

POLICY, SEED = "audited", 7
RECIPE = f"""
name = "instructions"
version = "1.0.0"
title = "Tables for instructions"
seed = {SEED}

[sources.hyperkvasir]

[sources.kvasir_instrument]

[sources.visem_tracking]
sampling = "every"
every = 10

[boxes]
policy = "{POLICY}"

[instructions]
tasks = ["counting"]
"""
Figures = tuple[int, float, float, int]
"""Rows, seconds written, seconds checked, peak in MB."""


def make_tables(folder: Path, part: int) -> Tables:
    """Return the tables of a release of simulated sources, built once below ``folder``."""
    sizes = SimulatedSizes(polyps=1000 // part, instruments=590 // part, videos=-(-20 // part), frames=1470)
    sources = write_sources(folder / "sources", seed=SEED, sizes=sizes)
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE)
    paths = {name: str(path) for name, path in sources.paths.items()}
    request = BuildRequest(recipe=str(recipe), lake=str(folder / "lake"), sources=paths)
    release = execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(2), Unwatched()).release.path
    return read_tables(release, read_manifest(release))


def measure(tables: Tables, tasks: Sequence[str]) -> Figures:
    """Return rows, processor seconds of writing and of checking them, and the peak of memory, in this new process."""
    collect_less_often()  # as every build does
    names = release_names(tables.records, tables.images)
    given: dict[str, Any] = {"policy": POLICY, "objects": tables.objects}
    shares = {str(task): share for task, share in load_recipe("audited").instructions.shares.items()}
    asked = {"tasks": tasks, "seed": SEED, "shares": shares, **given}
    templates = load_templates(tasks)
    write_instructions(
        tables.records.head(0), tables.images.head(0), templates, names, **asked
    )  # patterns are compiled
    start = time.process_time()
    rows = write_instructions(tables.records, tables.images, templates, names, **asked)
    both = time.process_time() - start
    assert rows["answer_rederived"].all(), rows.filter(~pl.col("answer_rederived")).head(3)
    start = time.process_time()
    check_instructions(rows.drop("answer_rederived"), tables.records, tables.images, names, **given)
    checked = time.process_time() - start
    return rows.height, both - checked, checked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6


def medians(tables: Tables, tasks: Sequence[str], rounds: int) -> Figures:
    """Return the medians of some rounds, each in a new process, whose caches are empty."""
    found = []
    for _ in range(rounds):
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            found.append(other.submit(measure, tables, tasks).result())
    rows, written, checked, peak = (median(values) for values in zip(*found, strict=True))
    return int(rows), written, checked, int(peak)


def by_task(tables: Tables, rounds: int) -> dict[str, dict[str, float]]:
    """Return rows, and microseconds a row of writing and of checking, for each task alone."""
    table = {}
    for task in TASK_NAMES:
        rows, written, checked, _ = medians(tables, (task,), rounds)
        table[task] = {"rows": rows, "write_us": round(1e6 * written / rows), "check_us": round(1e6 * checked / rows)}
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--part", type=int, default=10, help="divisor of the real sizes (default 10)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--tasks", action="store_true", help="measure each task alone, too")
    options = parser.parse_args(arguments)
    tables = make_tables(ROOT / ".bench" / f"instructions-{options.part}", options.part)
    rows, written, checked, peak = medians(tables, TASK_NAMES, options.rounds)
    rates = {"written_per_second": round(rows / written), "checked_per_second": round(rows / checked)}
    figures: dict[str, Any] = {"images": tables.images.height, "rows": rows, **rates, "peak_mb": peak}
    if options.tasks:
        figures["tasks"] = by_task(tables, options.rounds)
    sys.stdout.buffer.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
