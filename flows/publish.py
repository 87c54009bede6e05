"""The Prefect flow around publishing. The token is no parameter: it comes from HF_TOKEN or the login of the worker."""

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.publishing import Published, PublishRequest, publish_release
from transforms.errors import PipelineError


@flow(
    name="publish",
    flow_run_name="publish {release}",
    validate_parameters=False,
    persist_result=False,
    description="Publish a release as a version: one commit, one tag, read back.",
)
def publish(
    release: str,
    repo: str | None = None,
    to: str | None = None,
    private: bool = False,
    branch: str = "main",
    pull_request: bool = False,
    replace_edits: bool = False,
    approval: str | None = None,
) -> State[Published]:
    """Publish a release folder.

    Args:
        release: Folder of the release.
        repo: OWNER/NAME of a dataset repository of the Hub.
        to: Folder for versions, where there is no Hub; either this or repo.
        private: Make a new repository private.
        branch: Branch to commit to.
        pull_request: Propose the commit as a pull request; it gets no tag.
        replace_edits: Put the release over files that someone edited at the place.
        approval: What a person agreed to; another plan stops the run. Empty: any plan that the rules allow.

    """
    request = PublishRequest(
        release=release,
        repo=repo,
        to=to,
        private=private,
        branch=branch,
        pull_request=pull_request,
        replace_edits=replace_edits,
        approval=approval,
    )
    log = get_run_logger()
    try:
        published = publish_release(request, log.info)
    except PipelineError as error:
        log.error(str(error))
        return Failed(message=str(error), data=error)
    create_markdown_artifact(summary(published), key="published", description="What was published")
    return Completed(message=published.sentence(), data=published)


def summary(published: Published) -> str:
    """The outcome, the difference and the files as Markdown."""
    plan = published.plan
    rows = [f"| {file.kind} | {file.path} | {file.bytes:,} |" for file in plan.paths("added", "changed", "deleted")]
    parts = [f"# {plan.title}", published.sentence()]
    parts += [f"```\n{plan.difference}\n```"] if plan.difference else []
    parts += ["\n".join(["| | file | bytes |", "|---|---|---:|", *rows])] if rows else []
    return "\n\n".join(parts)
