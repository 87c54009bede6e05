"""Notify a person: of the end of each run, and by the flow ``alert``, which automations start."""

import re
from typing import Any

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.states import Completed
from prefect.variables import Variable

from medmultipoints.flows.orchestration.flow_runs import call_api

NOTIFY = "medmultipoints_notify"
ADDRESS = re.compile(r"(\w+://)(?:[^/\s'\"@]*@)?([^/\s'\"?]+)[^\s'\"]*")


@flow(
    name="alert",
    flow_run_name="alert {subject}",
    persist_result=False,
    description="Say that something needs a person; automations start this.",
)
def alert(subject: str, details: str = "", block: str | None = None) -> State[Any]:
    """Say that something needs a person.

    Args:
        subject: What happened, in a few words.
        details: Everything that is known about it.
        block: Notification block to send it through, as TYPE/NAME; none: only the log and an artifact.

    """
    get_run_logger().error("%s: %s", subject, details)
    call_api(create_markdown_artifact, f"# {subject}\n\n{details}\n", key="alert")
    if block:
        send(block, subject, details)
    return Completed(message=subject)


def notify(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send the final state of a run through the notification block in the variable ``medmultipoints_notify``."""
    within_another = flow_run.parent_task_run_id is not None  # the outer run sends its own notification
    name: Any = None if within_another else call_api(Variable.get, NOTIFY, "")
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
