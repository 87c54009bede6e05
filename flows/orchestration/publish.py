"""Define the Prefect flow for publishing. The token is no parameter: it comes from HF_TOKEN or the worker's login."""

import os
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from medmultipoints.flows.engine.publishing import Published, publish_release
from medmultipoints.flows.engine.request import PublishRequest
from medmultipoints.flows.orchestration.flow_runs import Progress, as_flow_state, call_api, handed, tag_run
from medmultipoints.flows.orchestration.notifications import notify
from medmultipoints.transforms.reporting.hidden import HIDDEN, as_cell


def name_run() -> str:
    """Return the name of the run, such as ``publish audited 1.2.0``."""
    release = Path(PublishRequest.model_validate(flow_run.parameters["what"]).release)
    return f"publish {release.parent.name} {release.name}"


@flow(
    name="publish",
    flow_run_name=name_run,
    persist_result=False,
    on_failure=[notify],
    on_crashed=[notify],
    description="Publish a release as a version: one commit, one tag, read back.",
)
def publish(what: PublishRequest) -> State[Published] | State[Any]:
    """Publish a release folder.

    Args:
        what: The release and the place.

    """

    def work(_progress: Progress) -> State[Published]:
        tag_run(Path(what.release).parent.name)
        published = publish_release(what, get_run_logger().info, handed().plan)
        shown = summary(published, what.repo)
        call_api(create_markdown_artifact, shown, key="published", description="What was published")
        return Completed(message=published.sentence(), data=published)

    return as_flow_state(work, Progress())


def summary(published: Published, repo: str | None) -> str:
    """Return the outcome, a link, the difference and the files as Markdown."""
    plan = published.plan
    rows = [
        f"| {file.kind} | {as_cell(file.path)} | {file.bytes:,} |" for file in plan.paths("added", "changed", "deleted")
    ]
    parts = [f"# {plan.title}", published.sentence(), *links(published, repo)]
    parts += [f"~~~\n{plan.difference.translate(HIDDEN)}\n~~~"] if plan.difference else []
    parts += ["\n".join(["| | file | bytes |", "|---|---|---:|", *rows])] if rows else []
    return "\n\n".join(parts)


def links(published: Published, repo: str | None) -> list[str]:
    """Return the version's address on the Hub: its tag, or the commit of a pull request."""
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    revision = published.to_json()["tag"] or published.result.commit
    return [f"[{repo} {revision}]({hub}/datasets/{repo}/tree/{revision})"] if repo else []
