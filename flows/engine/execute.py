"""Run one build from request to release: lock, pipeline and run record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from medmultipoints.data_lake.store.layout import only_builder
from medmultipoints.data_lake.store.objects import clear_temporary
from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.planning.place import Placed, VersionTaken, place_release
from medmultipoints.flows.engine.planning.plan import Plan, at_version, settled
from medmultipoints.flows.engine.running.collecting import collecting_less_often
from medmultipoints.flows.engine.running.recording import Recorder, outcome_of_error
from medmultipoints.flows.engine.running.run import Mapper, Observer, StageResult, run_pipeline, summary
from medmultipoints.flows.engine.stage import Build, Stage
from medmultipoints.transforms.reporting.counted import plural


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a build; ``started`` names the record of its run."""

    build: Build
    stages: tuple[StageResult, ...]
    release: Placed
    seconds: float
    started: datetime

    def table(self, name: str, *columns: str) -> pl.DataFrame:
        """Return a table that a stage wrote; only the named columns, if any are named."""
        return read_table(self.build.lake, self._writer(name).receipt.objects[name], columns)

    def to_json(self) -> dict[str, object]:
        """Return the last object on standard output with --json."""
        return {
            "release": str(self.release.path),
            "version": self.release.version,
            "manifest_root": self.release.manifest_root,
            "stages": summary(self.stages),
            "seconds": round(self.seconds, 3),
        }

    def sentence(self) -> str:
        """Return the outcome in one line."""
        counts = self._writer("records").counts
        rejected = sum(result.counts.get("rejected", 0) for result in self.stages)
        return (
            f"{self.build.recipe.name} {self.release.version}: {plural(counts['used'], 'image')}, "
            f"{plural(counts['rows'], 'record')}, {plural(rejected, 'input')} in quarantine"
        )

    def _writer(self, table: str) -> StageResult:
        return next(result for result in self.stages if table in result.receipt.objects)


def execute(
    build: Build, stages: Sequence[Stage], mapper: Mapper, observer: Observer, plan: Plan | None = None
) -> Outcome:
    """Run the stages and place the release; the run record says how the run ended in every case.

    ``plan`` is the plan of the build, if one was made before.
    """
    started = datetime.now(UTC)
    recorder = Recorder(observer, build, started)
    with collecting_less_often(), only_builder(build.lake, build.recipe.name):
        clear_temporary(build.lake)
        recorder.record()
        try:
            outcome = release(build, stages, mapper, recorder, started, plan)
        except BaseException as error:
            recorder.record(outcome_of_error(error))
            raise
        recorder.record({"outcome": "unchanged" if outcome.release.kept else "released"} | outcome.to_json())
    return outcome


def release(
    build: Build,
    stages: Sequence[Stage],
    mapper: Mapper,
    observer: Observer,
    started: datetime,
    plan: Plan | None = None,
) -> Outcome:
    """Place the release under the requested version; ``auto`` takes the version that the difference requires."""
    build = settled(build)
    keys = plan.keys if plan and plan.build.recipe.version == build.recipe.version else None
    results = run_pipeline(build, stages, mapper, observer, keys)
    try:
        placed = place_release(build, results[-1].receipt)
    except VersionTaken as taken:
        if build.request.version != "auto":
            raise
        build = at_version(build, taken.proposed)
        observer.say(f"version is {taken.proposed}: writing the release under it")
        results = [*results[:-1], run_pipeline(build, stages, mapper, observer)[-1]]
        placed = place_release(build, results[-1].receipt)
    return Outcome(build, tuple(results), placed, (datetime.now(UTC) - started).total_seconds(), started)
