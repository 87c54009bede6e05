"""Run pipeline and baseline in turn, each in a fresh process with empty folders, and compare outputs, then times."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from benchmarks.compare import compare_outputs
from benchmarks.corpus import Corpus
from benchmarks.measure import Measured, run_measured, summary

ROOT = Path(__file__).resolve().parents[1]
RECIPE = """
name = "bench"
version = "1.0.0"
title = "Benchmark on simulated sources"
seed = 7

[sources.hyperkvasir]

[sources.visem_tracking]

[boxes]
policy = "audited"
"""

# The pipeline's stages that correspond to each part of the baseline. What follows a stage's work (joining the
# shards, validation by Great Expectations, storing the table) has no counterpart and is the part "validate".
DERIVE = (("index", "derive", "dedup"), ("generate", "deduplicate"))
RELEASE = (("split", "record", "release"), ("to_parquet",))
PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "derive": DERIVE,
    "release": RELEASE,
    "instruct": (("instruct", "translate"), ("jsonl",)),
    "near-duplicates, measurements, audit": (("correct", "near", "measure", "survey", "audit"), ()),
    "card and manifest": (("manifest",), ()),
}


@dataclass(slots=True)
class Side:
    """All runs of the pipeline or of the baseline."""

    runs: list[Measured] = field(default_factory=list)
    times: list[dict[str, Any]] = field(default_factory=list)

    def add(self, run: Measured) -> dict[str, Any]:
        """Add a run, and return the JSON of its times, the last line it printed."""
        self.runs.append(run)
        printed: dict[str, Any] = orjson.loads(run.output.splitlines()[-1])
        self.times.append(printed)
        return printed

    def seconds(self) -> list[float]:
        """Return the wall time of each run."""
        return [run.seconds for run in self.runs]

    def part(self, names: tuple[str, ...], kind: str = "work") -> list[float]:
        """Return the summed time of some parts for each run."""
        return [sum(times[kind].get(name, 0.0) for name in names) for times in self.times]

    def with_start(self, names: tuple[str, ...]) -> list[float]:
        """Return the summed time of the process start and some parts for each run."""
        return [start + work for start, work in zip(self.start(), self.part(names), strict=True)]

    def start(self) -> list[float]:
        """Return the remaining time of each run: interpreter, imports, preparation and process end."""
        return [run.seconds - times["build_seconds"] for run, times in zip(self.runs, self.times, strict=True)]


def run_rounds(corpus: Corpus, folder: Path, *, rounds: int, workers: int) -> dict[str, Any]:
    """Return the figures of ``rounds`` rounds; raise AssertionError if the outputs differ."""
    ours, theirs, more, kernels, floor = Side(), Side(), Side(), Side(), Side()
    equal: dict[str, int] = {}
    for _ in range(rounds):
        printed = ours.add(run_pipeline(corpus, fresh(folder / "pipeline"), workers))
        theirs.add(run_baseline(corpus, fresh(folder / "baseline")))
        equal = equal or compare_outputs(Path(printed["release"]), folder / "baseline" / "data.parquet")
        more.add(run_baseline(corpus, fresh(folder / "baseline"), "more"))
        kernels.add(run_baseline(corpus, fresh(folder / "baseline"), "more", "kernels"))
        floor.add(run_floor(corpus, fresh(folder / "floor"), workers))
    for used in ("pipeline", "baseline", "floor"):
        shutil.rmtree(folder / used)
    own, other = DERIVE[0] + RELEASE[0], DERIVE[1] + RELEASE[1]
    totals = {
        "overall": compared(ours.with_start(own), more.with_start(other)),
        "overall_fewer_columns": compared(ours.with_start(own), theirs.with_start(other)),
        "overall_same_kernels": compared(ours.with_start(own), kernels.with_start(other)),
        "overall_floor": compared(ours.part(own), floor.part(("floor",))),
        "whole_build": compared(ours.seconds(), more.seconds()),
        "whole_build_fewer_columns": compared(ours.seconds(), theirs.seconds()),
    }
    return totals | figures(ours, more) | {"equal": equal, "rounds": rounds, "workers": workers}


def run_pipeline(corpus: Corpus, folder: Path, workers: int) -> Measured:
    """Run one build of all sources into an empty lake."""
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE)
    sources = [f"{name}={path}" for name, path in corpus.sources.items()]
    command = [sys.executable, "-m", "benchmarks.pipeline", str(recipe), str(folder / "lake"), str(workers), *sources]
    return run_measured(command, ROOT)


def run_baseline(corpus: Corpus, folder: Path, *more: str) -> Measured:
    """Run the baseline on the unpacked files, with an empty cache and no network."""
    command = [sys.executable, "-m", "benchmarks.baseline", str(corpus.loose), str(folder), *more]
    return run_measured(command, ROOT, os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")})


def run_floor(corpus: Corpus, folder: Path, workers: int) -> Measured:
    """Run the floor: read, hash and decode every file once, and write the pictures to Parquet."""
    return run_measured([sys.executable, "-m", "benchmarks.floor", str(corpus.loose), str(folder), str(workers)], ROOT)


def fresh(folder: Path) -> Path:
    """Return the folder, emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def figures(ours: Side, theirs: Side) -> dict[str, Any]:
    """Return seconds, ratios and peak memory by part; a ratio is the median of the ratios per round."""
    parts = {name: compared(ours.part(own), theirs.part(other)) for name, (own, other) in PARTS.items()}
    parts["validate"] = compared(ours.part(tuple(ours.times[0]["finish"]), "finish"), [0.0] * len(theirs.times))
    parts["start"] = compared(ours.start(), theirs.start())
    stages = {stage["name"]: summary(ours.part((stage["name"],))) for stage in ours.times[0]["stages"]}
    return {
        "cpu_seconds": compared([run.cpu_seconds for run in ours.runs], [run.cpu_seconds for run in theirs.runs]),
        "parts": parts,
        "stages": stages,
        "peak_mb": {"ours": peak_mb(ours), "baseline": peak_mb(theirs)},
    }


def peak_mb(side: Side) -> int:
    """Return the largest peak of all runs, in megabytes."""
    return round(max(run.peak_bytes for run in side.runs) / 1e6)


def compared(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """Return the seconds of both, and the ratio of each round, if defined."""
    found: dict[str, Any] = {"ours": summary(ours), "baseline": summary(theirs)}
    if all(theirs) and all(ours):
        found["ratio"] = summary([other / own for own, other in zip(ours, theirs, strict=True)])
    return found
