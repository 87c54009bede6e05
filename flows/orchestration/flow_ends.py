"""How every flow begins and ends: errors become failed states that say where and what to do, and people are told."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from prefect import State
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.states import Failed
from prefect.variables import Variable

from medmultipoints.flows.orchestration.progress import Progress, tell
from medmultipoints.transforms.errors import PipelineError

NOTIFY = "medmultipoints_notify"
SERVED_BY = "MEDMULTIPOINTS_SERVED_BY"
ADDRESS = re.compile(r"(\w+://)(?:[^/\s'\"@]*@)?([^/\s'\"?]+)[^\s'\"]*")

T = TypeVar("T")


def ended(work: Callable[[Progress], State[T]], progress: Progress) -> State[T] | State[Any]:
    """The state that the work ends in; an error of data, arguments or machine is a failed state with its message."""
    die_with_server()
    # It tells of every folder that it makes, and sets the level of that itself.
    logging.getLogger("great_expectations.data_context.types.base").addFilter(is_warning)
    # The engine of a worker would add the traceback of what was told in words.
    logging.getLogger("prefect.flow_runs").addFilter(is_untold)
    try:
        return work(progress)
    except PipelineError as error:
        message, shown = failure_message(error, progress), failure_markdown(error, progress)
        get_run_logger().error(message)
        tell(lambda: create_markdown_artifact(shown, key="failure"))
        return Failed(message=message, data=error)
    except Exception as fault:
        shown = failure_markdown(fault, progress)
        tell(lambda: create_markdown_artifact(shown, key="failure"))
        raise


def is_warning(record: logging.LogRecord) -> bool:
    """Whether a record is worth a line."""
    return record.levelno >= logging.WARNING


def is_untold(record: logging.LogRecord) -> bool:
    """Whether a record tells more than an error that the run ended in, and said in words."""
    return not (record.exc_info and isinstance(record.exc_info[1], PipelineError))


def failure_message(error: BaseException, progress: Progress) -> str:
    """The error with stage and shard before it, unless it names its stage itself."""
    where = place_of_failure(error, progress)
    said = str(error)
    return said if not where or said.startswith(f"{progress.stage}:") else f"{where}: {said}"


def place_of_failure(error: BaseException, progress: Progress) -> str:
    """Stage and shard, as far as they are known."""
    shard = "".join(f", shard {note}" for note in getattr(error, "__notes__", ())[:1])
    return f"{progress.stage}{shard}" if progress.stage else ""


def failure_markdown(error: BaseException, progress: Progress) -> str:
    """The artifact of a failure: where, what, and what to do."""
    what = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error} (a fault: report it)"
    return (
        f"# Failed\n\n| | |\n|---|---|\n| stage and shard | {place_of_failure(error, progress) or 'before any'} |\n"
        f"| what | {what.replace('|', '/').replace(chr(10), '<br>')} |\n\n"
        "What to do: the sentence above says it. Then run again with the same parameters: finished stages and shards "
        "are kept, nothing is done twice. `medmultipoints status` shows the same without a server.\n"
    )


def notify(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send the end of a run through the notification block that the variable ``medmultipoints_notify`` names."""
    within_another = flow_run.parent_task_run_id is not None  # which tells of it itself
    name: Any = None if within_another else tell(lambda: Variable.get(NOTIFY, ""))
    if name:
        subject = f"{flow_run.name}: {str(state.name).lower()}"
        send(str(name), subject, f"{flow.name}: {state.message or ''}")


def send(block: str, subject: str, body: str) -> None:
    """Send a message through a block, written as TYPE/NAME; a block that fails is logged and fails nothing else."""
    log = get_run_logger()
    try:
        loaded: Any = Block.load(block)
        assert isinstance(loaded, NotificationBlock), f"{block} is no notification block"
        with loaded.raise_on_failure():  # most blocks keep a refusal to themselves otherwise
            done: Any = loaded.notify(body, subject)
        assert done is None, f"{block} was asked outside of its own loop"
    except Exception as error:  # noqa: BLE001 (whatever a messenger meets, the run's own end stays what it is)
        log.warning("the notification through %s was not sent: %s", block, without_secrets(error))
    else:
        log.info("notified through %s", block)


def without_secrets(error: Exception) -> str:
    """What a messenger says of its failure; of addresses the host alone, for the rest of a webhook's is its key."""
    said = str(getattr(error, "log", "") or error).strip() or type(error).__name__
    return ADDRESS.sub(r"\1\2/...", said)


def die_with_server() -> None:
    """Where ``serve`` started this process: end when it is gone, however it ended, so that the lake is free again."""
    parent = os.environ.get(SERVED_BY)
    if parent and os.getppid() == int(parent):
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
