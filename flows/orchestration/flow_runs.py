"""Share the start and end of every flow run: prepared inputs, errors as failed states, notifications."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from prefect import State, get_client
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext, TagsContext
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.states import Failed
from prefect.variables import Variable

from medmultipoints.data_lake.publish.plan import PushPlan
from medmultipoints.flows.engine.running.run import Observer
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.orchestration.progress import Progress, call_api
from medmultipoints.transforms.errors import PipelineError
from medmultipoints.transforms.reporting.hidden import as_cell

NOTIFY = "medmultipoints_notify"
SERVED_BY = "MEDMULTIPOINTS_SERVED_BY"
ADDRESS = re.compile(r"(\w+://)(?:[^/\s'\"@]*@)?([^/\s'\"?]+)[^\s'\"]*")

T = TypeVar("T")
_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)
_AGREED: ContextVar[PushPlan | None] = ContextVar("agreed", default=None)
_PREPARED: ContextVar[Build | None] = ContextVar("prepared", default=None)  # hashing the sources twice takes minutes


@contextmanager
def handed_over(prepared: Build, observer: Observer | None = None) -> Iterator[None]:
    """Let flows of this process use the prepared build and report to the observer, inside the block."""
    preparing, observing = _PREPARED.set(prepared), _OBSERVER.set(observer)
    try:
        yield
    finally:
        _PREPARED.reset(preparing)
        _OBSERVER.reset(observing)


@contextmanager
def agreed_to(plan: PushPlan) -> Iterator[None]:
    """Let the publish flow of this process push as planned, without a second plan, inside the block."""
    token = _AGREED.set(plan)
    try:
        yield
    finally:
        _AGREED.reset(token)


# Functions, because a flow is pickled with everything that its code names, and a ContextVar cannot be pickled.
def prepared_build() -> Build | None:
    """Return the build that the caller prepared, if any."""
    return _PREPARED.get()


def agreed_plan() -> PushPlan | None:
    """Return the push plan that the caller approved, if any."""
    return _AGREED.get()


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


def calling_observer() -> Observer | None:
    """Return the caller's observer, if any."""
    return _OBSERVER.get()


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
        call_api(lambda: create_markdown_artifact(shown, key="failure"))
        return Failed(message=message, data=error)
    except Exception as fault:
        shown = failure_markdown(fault, progress)
        call_api(lambda: create_markdown_artifact(shown, key="failure"))
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
    what = (
        str(error)
        if isinstance(error, PipelineError)
        else f"{type(error).__name__}: {error} (internal error: please report it)"
    )
    return (
        f"# Failed\n\n| | |\n|---|---|\n| stage and shard | {place_of_failure(error, progress) or 'before any'} |\n"
        f"| what | {'<br>'.join(map(as_cell, what.splitlines()))} |\n\n"
        "What to do: follow the sentence above, then run again with the same parameters; finished stages and shards "
        "are kept. `medmultipoints status` shows the same without a server.\n"
    )


def notify(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send the final state of a run through the notification block in the variable ``medmultipoints_notify``."""
    within_another = flow_run.parent_task_run_id is not None  # the outer run sends its own notification
    name: Any = None if within_another else call_api(lambda: Variable.get(NOTIFY, ""))
    if name:
        subject = f"{flow_run.name}: {str(state.name).lower()}"
        send(str(name), subject, f"{flow.name}: {state.message or ''}")


def send(block: str, subject: str, body: str) -> None:
    """Send a message through a block, written as TYPE/NAME; a failing block is only logged."""
    log = get_run_logger()
    try:
        loaded: Any = Block.load(block)
        assert isinstance(loaded, NotificationBlock), f"{block} is not a notification block"
        with loaded.raise_on_failure():  # most blocks ignore a refusal otherwise
            done: Any = loaded.notify(body, subject)
        assert done is None, f"{block} was asked outside of its own loop"
    except Exception as error:  # noqa: BLE001 (a notification never changes the state of the run)
        log.warning("the notification through %s was not sent: %s", block, without_secrets(error))
    else:
        log.info("notified through %s", block)


def without_secrets(error: Exception) -> str:
    """Return the message of a failed notification with URLs cut to the host, because a webhook's path is its key."""
    said = str(getattr(error, "log", "") or error).strip() or type(error).__name__
    return ADDRESS.sub(r"\1\2/...", said)


def die_with_server() -> None:
    """End this process with the ``serve`` that started it, however that ends, to release the lake's locks."""
    parent = os.environ.get(SERVED_BY)
    if parent and os.getppid() == int(parent):
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
