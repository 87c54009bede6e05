"""Run one build by the pipeline's stages, in threads and without Prefect, and print its times as JSON.

``python -m benchmarks.pipeline RECIPE LAKE WORKERS NAME=PATH…``
"""

import os
import resource
import sys
import time
from collections.abc import Sequence

import orjson

from medmultipoints.flows.engine.execute import execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest, parse_sources
from medmultipoints.flows.engine.running.run import StageResult, Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE


class Stopwatch(Unwatched):
    """Timer of each stage (work on its shards; joining, validating and storing), and the peak of memory after each."""

    def __init__(self) -> None:
        self.work: dict[str, float] = {}
        self.finish: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self._last = time.perf_counter()

    def stage_started(self, stage: str, shards: int) -> None:  # noqa: ARG002 (the protocol's names)
        """Start the clock."""
        self._last = time.perf_counter()

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:  # noqa: ARG002
        """Add the time since the last event to the stage's work."""
        self.work[stage] = self.work.get(stage, 0.0) + self._lap()

    def stage_finished(self, result: StageResult) -> None:
        """Count the time after the last shard as validation and storing."""
        if not result.kept:
            self.finish[result.name] = self._lap()
        self.peaks[result.name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6

    def _lap(self) -> float:
        now = time.perf_counter()
        lap, self._last = now - self._last, now
        return lap


def main(arguments: Sequence[str]) -> None:
    """Build and print the outcome with the seconds of each stage."""
    recipe, lake, workers, *sources = arguments
    start = time.perf_counter()
    watch = Stopwatch()
    request = BuildRequest(
        recipe=recipe,
        lake=lake,
        sources=parse_sources(sources),
        only=tuple(source.partition("=")[0] for source in sources),
    )
    outcome = execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(int(workers)), watch)
    seconds = time.perf_counter() - start
    times = {"work": watch.work, "finish": watch.finish, "build_seconds": seconds, "peak_mb_after": watch.peaks}
    print(orjson.dumps(outcome.to_json() | times).decode(), flush=True)
    os._exit(0)  # as the command line does


if __name__ == "__main__":
    main(sys.argv[1:])
