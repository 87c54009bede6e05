"""Hold a release back until a person has decided its findings: a Prefect pause, ended by Resume on its page."""

import shlex
from typing import Final, Literal

import polars as pl
from prefect import get_client
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.orchestration.flow_runs import call_api, recipe_tag
from medmultipoints.transforms.audit.findings import to_decide
from medmultipoints.transforms.reporting.choices import SEVERITIES, worst_first
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.hidden import as_cell

DAYS: Final = 14
"""So long a run waits for a person; the next refresh asks again."""
POLL_SECONDS: Final = 5
SHOWN: Final = 50
Answer = Literal["build again with the decisions", "publish as it is", "publish nothing"]


class Reviewed(RunInput):
    """The form of Resume."""

    go_on: Answer = Field(
        default="build again with the decisions",
        title="Go on",
        description="With findings that nobody decided, the run waits again after the build",
    )


def undecided(built: Outcome, least: str) -> pl.DataFrame:
    """Return the undecided findings of at least a severity that a reviewer can decide, the most severe first."""
    grave = SEVERITIES[: SEVERITIES.index(least) + 1]
    open_ones = to_decide(built.table("disagreements"), built.table("released_images"))
    return worst_first(open_ones.filter(pl.col("severity").is_in(grave)))


def ask_reviewer(built: Outcome, findings: pl.DataFrame) -> Answer | None:
    """Pause this run until a person resumes it and return the answer; None if it times out."""
    steps = review_steps(built, findings)
    shown = f"{steps}\n{review_table(findings)}"
    call_api(create_markdown_artifact, shown, key="review", description="What waits for a decision")
    form = Reviewed.with_initial_data(description=steps)  # without the table: the choice below it is to be seen
    try:
        answer = pause_flow_run(wait_for_input=form, timeout=DAYS * 86_400, poll_interval=POLL_SECONDS)
    except FlowPauseTimeout:
        return None
    return answer.go_on


def waiting_elsewhere(recipe: str) -> str | None:
    """Return the name of another run of the recipe that waits for a person."""
    own = flow_run.id
    chosen = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])),
        tags=FlowRunFilterTags(all_=[recipe_tag(recipe)]),
    )
    with get_client(sync_client=True) as client:
        return next((run.name for run in client.read_flow_runs(flow_run_filter=chosen) if str(run.id) != own), None)


def review_steps(built: Outcome, findings: pl.DataFrame) -> str:
    """Return what waits, how to decide it, and how the run continues, as Markdown."""
    release, recipe = built.release.path, built.build.recipe
    command = shlex.join(
        ["medmultipoints", "review", "serve", str(release), "--corrections", f"corrections/{recipe.name}.toml"]
    )
    return (
        f"# {recipe.name} {built.release.version} waits for a review\n\n"
        f"{plural(findings.height, 'finding')} without a decision (listed in the artifact `review`). "
        "Nothing is published before.\n\n"
        f"1. Decide: `{command}` (a file that `[corrections] files` of the recipe names)\n"
        "2. Press Resume at the top right of this run's page (in a narrow window in its menu ⋮), choose, then Submit: "
        "the release is built again with the decisions\n"
    )


def review_table(findings: pl.DataFrame) -> str:
    """Return the first findings as a Markdown table."""
    rows = findings.head(SHOWN).select("severity", "kind", "sample_id", "label", "detail").rows()
    table = "\n".join(f"| {' | '.join(as_cell(cell or '') for cell in row)} |" for row in rows)
    more = f"\n\nThe first {SHOWN} of {findings.height:,}; the release has all." if findings.height > SHOWN else ""
    return f"| severity | kind | image | label | finding |\n|---|---|---|---|---|\n{table}{more}\n"
