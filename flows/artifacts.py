"""What the Prefect UI shows of a build: summary, rejected rows, expectation results, a contact sheet, links."""

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.execute import Outcome
from flows.progress import tell
from flows.report import rejected_rows, summary_markdown


def show_outcome(outcome: Outcome) -> None:
    """The artifacts of a build that has a release."""
    summary, rejected = summary_markdown(outcome), rejected_rows(outcome)
    tell(lambda: create_markdown_artifact(summary, key="summary", description="What the build did"))
    tell(lambda: create_table_artifact(rejected, key="rejected-rows", description="Inputs in quarantine"))
