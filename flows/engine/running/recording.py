"""Write the run record for ``status``: at the start, at every stage and at every kind of end."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from medmultipoints.data_lake.store.layout import Lake, lake_at
from medmultipoints.data_lake.store.runs import amend_run, is_recorded, write_run
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.interrupts import INTERRUPTED
from medmultipoints.flows.engine.running.run import Observer, StageResult, summary
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.transforms.errors import PipelineError

RUNNING: Final = MappingProxyType({"outcome": "running"})


class Recorder:
    """An observer that forwards every call and updates the run record: ``running`` until the run ends."""

    def __init__(self, inner: Observer, build: Build, started: datetime) -> None:
        self.inner, self.build, self.started = inner, build, started
        self.results: list[StageResult] = []

    def record(self, more: Mapping[str, object] = RUNNING) -> None:
        """Write the run's progress, with the key of each finished stage, which names its receipt."""
        facts = {
            **_facts(self.build.recipe.name, self.build.request),
            "stages": summary(self.results),
            "keys": {result.name: result.key for result in self.results},
        }
        write_run(self.build.lake, self.started, facts | dict(more))

    def stage_started(self, stage: str, shards: int) -> None:
        """Forward that a stage begins; record the kept ones before it first."""
        if self.results and self.results[-1].kept:
            self.record()
        self.inner.stage_started(stage, shards)

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """Forward that a shard is stored."""
        self.inner.shard_finished(stage, shard, inputs)

    def stage_finished(self, result: StageResult) -> None:
        """Record and forward a finished stage, once even if a second version of the release keeps it.

        Kept stages are recorded with the next one that runs, or at the end of the run.
        """
        if any(known.key == result.key for known in self.results):
            return
        self.results = [known for known in self.results if known.name != result.name] + [result]
        if not result.kept:
            self.record()
        self.inner.stage_finished(result)

    def say(self, text: str) -> None:
        """Forward a message about the run."""
        self.inner.say(text)


def outcome_of_error(error: BaseException) -> dict[str, str]:
    """Return the outcome of a run that ended with an error."""
    interrupted = INTERRUPTED.is_set() or not isinstance(error, Exception)
    return {"outcome": "interrupted", "error": ""} if interrupted else {"outcome": "failed", "error": str(error)}


@contextmanager
def recorded_attempt(request: BuildRequest) -> Iterator[None]:
    """Record a run that ends inside the block with an error and without a record: before its first stage.

    A missing lake is not created for it.
    """
    started, lake = datetime.now(UTC), lake_at(request.lake)
    try:
        yield
    except BaseException as error:
        with suppress(PipelineError, OSError):  # the original error matters more
            if lake.runs.is_dir() and not is_recorded(lake, started):
                facts = _facts(_name_of(request.recipe), request.located()) | {"stages": [], "keys": {}}
                write_run(lake, started, facts | outcome_of_error(error))
        raise


def record_unpublished(lake: Lake, started: datetime, why: str) -> None:
    """Record that the release of a run was placed in the lake, but not published."""
    with suppress(PipelineError, OSError):
        amend_run(lake, started, {"outcome": "not published", "error": why})


def _facts(recipe: str, request: BuildRequest) -> dict[str, object]:
    return {"recipe": recipe, "pid": os.getpid(), "request": request.model_dump(mode="json")}


def _name_of(recipe: str) -> str:
    """Return the name of the recipe's release; for an invalid recipe, its file name."""
    try:
        return load_recipe(recipe).name
    except PipelineError:
        return Path(recipe).stem
