"""Share the start, the progress and the end of every flow run; an unreachable server does not stop the work."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import httpx
from prefect import State, get_client
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TagsContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.states import Failed

from medmultipoints.data_lake.publish.plan import PushPlan
from medmultipoints.flows.engine.running.run import Observer, StageResult, Unwatched
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError
from medmultipoints.transforms.reporting.hidden import as_cell

SERVED_BY = "MEDMULTIPOINTS_SERVED_BY"

SECONDS_BETWEEN = 1.0
"""People read no faster; a build of small stages would wait for the server sixty times."""

T = TypeVar("T")
P = ParamSpec("P")


class Handed(NamedTuple):
    """What the caller in this process hands to a flow: a prepared build, an observer, an approved push plan."""

    build: Build | None = None  # hashing the sources twice takes minutes
    observer: Observer | None = None
    plan: PushPlan | None = None


NOTHING: Final = Handed()
_HANDED: ContextVar[Handed] = ContextVar("handed", default=NOTHING)


@contextmanager
def handed_over(given: Handed) -> Iterator[None]:
    """Hand the values to the flows that this process runs inside the block."""
    token = _HANDED.set(given)
    try:
        yield
    finally:
        _HANDED.reset(token)


def handed() -> Handed:
    """Return what the caller handed over; a function, because a flow is pickled with all that its code names."""
    return _HANDED.get()


def call_api(call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
    """Call the Prefect API; log a warning and return None if it is unreachable (artifacts are best effort)."""
    try:
        return call(*args, **kwargs)
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        logging.getLogger(__name__).warning("no answer from the Prefect API: %s", error)
        return None


class Progress:
    """Reports the stages to the server and to the caller's observer; stores the current stage."""

    def __init__(self, inner: Observer | None = None) -> None:
        self.inner = inner or Unwatched()
        self.stage = ""
        self.artifact: object = None
        self.shards, self.done = 0, 0
        self.shown_at = 0.0

    def stage_started(self, stage: str, shards: int) -> None:
        """Report that a stage with this number of shards begins."""
        self.stage, self.shards, self.done = stage, shards, 0
        if self.artifact is None:
            self.artifact = call_api(create_progress_artifact, 0.0, key="progress", description="Of one stage")
        self._show(0.0)
        self.inner.stage_started(stage, shards)

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """Report that one shard of the stage is stored."""
        self.done += 1
        if self.shards > 1:
            self._show(100 * self.done / self.shards)
        self.inner.shard_finished(stage, shard, inputs)

    def stage_finished(self, result: StageResult) -> None:
        """Report that the stage's receipt is written."""
        self.stage = result.name  # the rejection limit is checked after this
        if not result.kept:
            self._show(100.0, last=result.name == PIPELINE[-1].name)
        if FlowRunContext.get():
            get_run_logger().info(result.sentence())
        self.inner.stage_finished(result)

    def say(self, text: str) -> None:
        """Log a message about the run."""
        if FlowRunContext.get():
            get_run_logger().info(text)
        self.inner.say(text)

    def _show(self, percent: float, *, last: bool = False) -> None:
        artifact, now = self.artifact, time.monotonic()
        if isinstance(artifact, UUID) and (last or now - self.shown_at >= SECONDS_BETWEEN):
            self.shown_at = now
            shown = f"Stage {self.stage}: {self.done} of {self.shards} shards"
            call_api(update_progress_artifact, artifact, percent, description=shown)


def tag_run(recipe: str) -> None:
    """Tag this flow run with its recipe; ``as_flow_state`` keeps the tag from its task runs."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    run = context.flow_run

    def add() -> None:
        with get_client(sync_client=True) as client:
            client.update_flow_run(run.id, tags=sorted({*run.tags, recipe_tag(recipe)}))

    call_api(add)


def recipe_tag(recipe: str) -> str:
    """Return the tag of a recipe's flow runs and deployments."""
    return f"recipe:{recipe}"


def as_flow_state(work: Callable[[Progress], State[T]], progress: Progress) -> State[T] | State[Any]:
    """Return the state of the work; an error of data, arguments or machine becomes a failed state with its message."""
    die_with_server()
    # Great Expectations logs every folder that it creates, and sets that logger's level itself.
    logging.getLogger("great_expectations.data_context.types.base").addFilter(is_warning)
    # The worker's engine would add the traceback of an error that is already logged as a sentence.
    logging.getLogger("prefect.flow_runs").addFilter(is_new)
    try:
        with TagsContext(current_tags=set()):  # a tag on task runs would limit how many run at a time
            return work(progress)
    except PipelineError as error:
        message, shown = failure_message(error, progress), failure_markdown(error, progress)
        get_run_logger().error(message)
        call_api(create_markdown_artifact, shown, key="failure")
        return Failed(message=message, data=error)
    except Exception as fault:
        shown = failure_markdown(fault, progress)
        call_api(create_markdown_artifact, shown, key="failure")
        raise


def is_warning(record: logging.LogRecord) -> bool:
    """Return whether a record is a warning or more severe."""
    return record.levelno >= logging.WARNING


def is_new(record: logging.LogRecord) -> bool:
    """Return whether a record is anything but the traceback of an error that is already logged."""
    return not (record.exc_info and isinstance(record.exc_info[1], PipelineError))


def failure_message(error: BaseException, progress: Progress) -> str:
    """Return the error with stage and shard in front, unless it names its stage itself."""
    where = place_of_failure(error, progress)
    said = str(error)
    return said if not where or said.startswith(f"{progress.stage}:") else f"{where}: {said}"


def place_of_failure(error: BaseException, progress: Progress) -> str:
    """Return stage and shard, if known."""
    shard = "".join(f", shard {note}" for note in getattr(error, "__notes__", ())[:1])
    return f"{progress.stage}{shard}" if progress.stage else ""


def failure_markdown(error: BaseException, progress: Progress) -> str:
    """Return the artifact of a failure as Markdown: place, error and remedy."""
    internal = f"{type(error).__name__}: {error} (internal error: please report it)"
    what = str(error) if isinstance(error, PipelineError) else internal
    return (
        f"# Failed\n\n| | |\n|---|---|\n| stage and shard | {place_of_failure(error, progress) or 'before any'} |\n"
        f"| what | {'<br>'.join(map(as_cell, what.splitlines()))} |\n\n"
        "What to do: follow the sentence above, then run again with the same parameters; finished stages and shards "
        "are kept. `medmultipoints status` shows the same without a server.\n"
    )


def die_with_server() -> None:
    """End this process with the ``serve`` that started it, however that ends, to release the lake's locks."""
    parent = os.environ.get(SERVED_BY)
    if parent and os.getppid() == int(parent):
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
