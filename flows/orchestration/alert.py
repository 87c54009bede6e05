"""Define the flow that automations start when a person is needed: it logs an error and sends a notification."""

from typing import Any

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.states import Completed

from medmultipoints.flows.orchestration.flow_runs import send
from medmultipoints.flows.orchestration.progress import call_api


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
    call_api(lambda: create_markdown_artifact(f"# {subject}\n\n{details}\n", key="alert"))
    if block:
        send(block, subject, details)
    return Completed(message=subject)
