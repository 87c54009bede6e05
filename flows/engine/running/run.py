"""Run the pipeline, with or without a Prefect server."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from medmultipoints.data_lake.store.keys import digest
from medmultipoints.data_lake.store.objects import Receipt, read_receipt
from medmultipoints.data_lake.store.parquet_tables import return_memory, scan_table
from medmultipoints.flows.engine.planning.intention import shown
from medmultipoints.flows.engine.planning.plan import finished, plan_keys
from medmultipoints.flows.engine.running.finish import finish_stage, put_part
from medmultipoints.flows.engine.running.preview import first_sheet
from medmultipoints.flows.engine.running.rejections import nothing_left, stop_if_too_many
from medmultipoints.flows.engine.running.timings import NO_TIMES, Span, Stopwatch, Times, stage_times
from medmultipoints.flows.engine.stage import WHOLE, Build, Inputs, Stage
from medmultipoints.transforms.errors import DataError, PipelineError

COUNTS = ("in", "used", "dropped", "rejected", "rows")


@dataclass(frozen=True, slots=True)
class ShardJob:
    """One shard of one stage; plain data, so that it can be sent to another process."""

    build: Build
    stage: Stage
    inputs: Inputs
    shard: str
    key: str

    @property
    def label(self) -> str:
        """The name of the shard in messages."""
        return self.stage.name if self.shard == WHOLE else f"{self.stage.name} {self.shard}"


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The receipt of one shard, and its working times."""

    receipt: Receipt
    span: Span


@dataclass(frozen=True, slots=True)
class StageResult:
    """The result of a stage; ``kept``: reused unchanged."""

    name: str
    key: str
    counts: Mapping[str, int]
    kept: bool
    seconds: float
    receipt: Receipt
    times: Times = NO_TIMES

    def sentence(self) -> str:
        """Return the stage in one line."""
        counts = ", ".join(f"{name} {self.counts.get(name, 0):,}" for name in COUNTS[:-1])
        return f"{self.name}: {counts} ({'kept' if self.kept else f'{self.seconds:.1f} s'})"

    def to_json(self) -> dict[str, Any]:
        """Return the stage's entry in the summary as plain values."""
        counts = {name: self.counts.get(name, 0) for name in COUNTS}
        seconds = {"seconds": round(self.seconds, 3), "times": self.times.to_json()}
        return {"name": self.name, **counts, "kept": self.kept, **seconds}


def stage_row(stage: Mapping[str, Any]) -> list[str]:
    """Return one row of the table of stages, from a stage's entry in the summary."""
    time = "kept" if stage["kept"] else f"{stage['seconds']:.1f} s"
    return [stage["name"], *(f"{stage[name]:,}" for name in COUNTS), time]


class Observer(Protocol):
    """Receives calls as a run advances."""

    def stage_started(self, stage: str, shards: int) -> None: ...

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None: ...

    def stage_finished(self, result: StageResult) -> None: ...

    def say(self, text: str) -> None: ...


class Unwatched:
    """An observer that ignores all calls."""

    def stage_started(self, stage: str, shards: int) -> None:
        """Do nothing."""

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """Do nothing."""

    def stage_finished(self, result: StageResult) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""


Mapper = Callable[[Sequence[ShardJob]], Iterator[tuple[ShardJob, ShardResult]]]


def run_pipeline(
    build: Build, stages: Sequence[Stage], mapper: Mapper, observer: Observer, keys: Mapping[str, str] | None = None
) -> list[StageResult]:
    """Run every stage and return the results; stages and shards with intact receipts are reused.

    ``keys`` are those of the stages, if they are known.
    """
    keys = keys or plan_keys(build, stages)
    done = finished(build, stages, keys)
    results: list[StageResult] = []
    for stage in stages:
        start = time.perf_counter()
        receipt = done.get(stage.name)
        kept, times = receipt is not None, NO_TIMES
        if receipt is None:
            inputs = inputs_of(build, stage, {result.name: result.receipt for result in results})
            receipt, times = run_stage(build, stage, keys[stage.name], inputs, mapper, observer)
        seconds = time.perf_counter() - start
        result = StageResult(stage.name, keys[stage.name], receipt.counts, kept, seconds, receipt, times)
        observer.stage_finished(result)
        exclusions = scan_table(build.lake, receipt.objects["exclusions"])
        stop_if_too_many(build.recipe, stage.name, receipt.counts, exclusions)
        results.append(result)
    return results


def inputs_of(build: Build, stage: Stage, receipts: Mapping[str, Receipt]) -> Inputs:
    """Return the inputs of a stage: the results of the stages that it names."""
    objects = {
        f"{name}.exclusions" if table == "exclusions" else table: entries
        for name in stage.reads
        for table, entries in receipts[name].objects.items()
    }
    counts = {name: receipts[name].counts for name in stage.reads}
    return Inputs(build.lake, build.recipe, objects, counts, {name: receipts[name].verdicts for name in stage.reads})


def run_shard(job: ShardJob) -> ShardResult:
    """Return the receipt of one shard: reused if it is intact, else after running the shard and storing its output."""
    start, storing = time.time(), Stopwatch()
    receipt = read_receipt(job.build.lake, f"{job.stage.name}.parts", job.key)
    if receipt is None:
        output = job.stage.work(job.build, job.inputs, job.shard)
        with storing.measure():
            receipt = put_part(job.build, job.stage, job.key, output)
        del output
        return_memory()
    return ShardResult(receipt, Span(start, time.time(), storing.seconds))


def run_in_threads(workers: int) -> Mapper:
    """Return a mapper that needs no server: a thread pool; the first error ends the stage."""

    def run(jobs: Sequence[ShardJob]) -> Iterator[tuple[ShardJob, ShardResult]]:
        with ThreadPoolExecutor(workers, thread_name_prefix="shard") as pool:
            futures = {pool.submit(run_shard, job): job for job in jobs}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    return run


def run_stage(
    build: Build, stage: Stage, key: str, inputs: Inputs, mapper: Mapper, observer: Observer
) -> tuple[Receipt, Times]:
    """Run the shards of a stage and finish it; return its receipt and times."""
    start = time.perf_counter()
    shards = stage.shards(build, inputs)
    if not shards:
        excluded = [inputs.scan(name) for name in inputs.objects if name.endswith(".exclusions")]
        raise DataError(nothing_left(stage.name, pl.concat(excluded) if excluded else None))
    observer.stage_started(stage.name, len(shards))
    jobs = [ShardJob(build, stage, inputs, shard, digest([key, shard])) for shard in shards]
    done: dict[str, ShardResult] = {}
    for job, result in mapper(jobs):
        if not done:
            show_first(build, inputs, result.receipt, observer)
        done[job.shard] = result
        observer.shard_finished(stage.name, job.shard, result.receipt.counts["in"])
    mapped, storing = time.perf_counter(), Stopwatch()
    receipt = finish_stage(build, stage, key, inputs, [done[shard].receipt for shard in shards], storing=storing)
    return_memory()
    spans = [result.span for result in done.values()]
    return receipt, stage_times(spans, mapped - start, time.perf_counter() - mapped, storing.seconds)


def show_first(build: Build, inputs: Inputs, part: Receipt, observer: Observer) -> None:
    """Report the sheet of the first pictures; an error while drawing does not end the build."""
    try:
        sheet = first_sheet(build, inputs, part)
    except (PipelineError, OSError, ValueError) as error:
        logging.getLogger(__name__).warning("the first pictures cannot be drawn: %s", error)
        return
    if sheet is not None:
        observer.say(f"first pictures: {shown(sheet)}")


def summary(results: Sequence[StageResult]) -> list[dict[str, Any]]:
    """Return all stages as plain values."""
    return [result.to_json() for result in results]
