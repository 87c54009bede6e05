"""One build from request to release: the lock, the pipeline, the record of the run."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import polars as pl

from medmultipoints.data_lake.store.layout import only_builder
from medmultipoints.data_lake.store.objects import clear_temporary
from medmultipoints.data_lake.store.runs import write_run
from medmultipoints.data_lake.store.tables import read_table
from medmultipoints.flows.engine.place import Placed, VersionTaken, newest_version, place_release
from medmultipoints.flows.engine.plan import finished, plan_keys
from medmultipoints.flows.engine.run import Mapper, Observer, StageResult, run_pipeline, summary
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.stages.pipeline import PIPELINE

RUNNING: Final = MappingProxyType({"outcome": "running"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build came to; ``started`` names the record of its run."""

    build: Build
    stages: tuple[StageResult, ...]
    release: Placed
    seconds: float
    started: datetime

    def table(self, name: str) -> pl.DataFrame:
        """A table that some stage wrote."""
        objects = next(result.receipt.objects[name] for result in self.stages if name in result.receipt.objects)
        return read_table(self.build.lake, objects)

    def to_json(self) -> dict[str, object]:
        """The object that ends standard output with --json."""
        return {
            "release": str(self.release.path),
            "version": self.release.version,
            "manifest_root": self.release.manifest_root,
            "stages": summary(self.stages),
            "seconds": round(self.seconds, 3),
        }

    def sentence(self) -> str:
        """The outcome in one line."""
        counts = {result.name: result.counts for result in self.stages}
        rejected = sum(count.get("rejected", 0) for count in counts.values())
        return (
            f"{self.build.recipe.name} {self.release.version}: {counts['record']['used']} images, "
            f"{counts['record']['rows']} records, {rejected} inputs in quarantine"
        )


def execute(build: Build, version: str | None, mapper: Mapper, observer: Observer) -> Outcome:
    """The finished release; whatever happens, the run leaves a record that ``status`` shows."""
    started = datetime.now(UTC)
    seen = Recorder(observer, build, started)
    with seldom_collecting(), only_builder(build.lake, build.recipe.name):
        clear_temporary(build.lake)
        seen.record()
        try:
            outcome = release(build, version, mapper, seen, started)
        except BaseException as error:
            seen.record(how_ended(error))
            raise
        seen.record({"outcome": "unchanged" if outcome.release.kept else "released"} | outcome.to_json())
    return outcome


def how_ended(error: BaseException) -> dict[str, str]:
    """What the record of a run says of the error that ended it."""
    return {"outcome": "failed" if isinstance(error, Exception) else "interrupted", "error": str(error)}


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Within the block Python looks less often for cycles among its objects.

    Rows on their way into tables are millions of objects without a cycle: looking at them again and again, at
    Python's usual thresholds, takes a quarter of the time of a build.
    """
    usual = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def release(build: Build, version: str | None, mapper: Mapper, observer: Observer, started: datetime) -> Outcome:
    """The release placed under the version that was asked for; ``auto`` takes the one that the difference asks for."""
    build = settled(build, version)
    results = run_pipeline(build, PIPELINE, mapper, observer)
    try:
        placed = place_release(build, results[-1].receipt)
    except VersionTaken as taken:
        if version != "auto":
            raise
        build = at_version(build, taken.proposed)
        observer.say(f"version is {taken.proposed}: writing the release under it")
        results = [*results[:-1], run_pipeline(build, PIPELINE, mapper, observer)[-1]]
        placed = place_release(build, results[-1].receipt)
    return Outcome(build, tuple(results), placed, (datetime.now(UTC) - started).total_seconds(), started)


def at_version(build: Build, version: str) -> Build:
    """The same build under another version."""
    return replace(build, recipe=build.recipe.model_copy(update={"version": version}))


def settled(build: Build, version: str | None) -> Build:
    """The build at the version that it begins with: under ``auto`` the newest that stands."""
    newest = newest_version(build.lake, build.recipe.name) if version == "auto" else None
    return at_version(build, newest) if newest else build


def is_finished(build: Build, version: str | None = None) -> bool:
    """Whether every stage of the build is there and intact, so that nothing is to be done."""
    build = settled(build, version)
    return len(finished(build, PIPELINE, plan_keys(build, PIPELINE))) == len(PIPELINE)


class Recorder:
    """Passes on what it is told, and keeps the record of the run: ``running`` until the run says how it ended."""

    def __init__(self, inner: Observer, build: Build, started: datetime) -> None:
        self.inner, self.build, self.started = inner, build, started
        self.results: list[StageResult] = []

    def record(self, more: Mapping[str, object] = RUNNING) -> None:
        """Write how far the run is, with the key of each finished stage, by which its receipt is found."""
        facts = {
            "recipe": self.build.recipe.name,
            "pid": os.getpid(),
            "request": self.build.request,
            "stages": summary(self.results),
            "keys": {result.name: result.key for result in self.results},
        }
        write_run(self.build.lake, self.started, facts | dict(more))

    def stage_started(self, stage: str, shards: int) -> None:
        """A stage begins."""
        self.inner.stage_started(stage, shards)

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """A shard is stored."""
        self.inner.shard_finished(stage, shard, inputs)

    def stage_finished(self, result: StageResult) -> None:
        """A stage is finished; one that another version of the release leaves as it is, is told once."""
        if any(known.key == result.key for known in self.results):
            return
        self.results = [known for known in self.results if known.name != result.name] + [result]
        self.record()
        self.inner.stage_finished(result)

    def say(self, text: str) -> None:
        """A word about the run."""
        self.inner.say(text)
