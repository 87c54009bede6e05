"""What the Prefect UI shows of a build: summary, rejected rows, expectation results, a contact sheet, links."""

import base64
import os

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from medmultipoints.data_lake.report.release_pages import EXPECTATIONS, PAGE, SHEET, Report, write_report
from medmultipoints.expectations.summary import summarize
from medmultipoints.expectations.verdicts import Verdict, verdict_from_json
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.report import rejected_rows, rejected_words, summary_markdown
from medmultipoints.flows.orchestration.local import REPORTS
from medmultipoints.flows.orchestration.progress import tell


def show_outcome(outcome: Outcome) -> None:
    """The artifacts of a build that has a release, and the pages that they lead to."""
    verdicts = verdicts_of(outcome)
    report = write_report(outcome.build.lake, outcome.release.path, verdicts)
    summary = f"{summary_markdown(outcome)}\n{links_markdown(outcome, report)}"
    results = summarize(verdict for found in verdicts.values() for verdict in found)
    rejected, address, picture = rejected_rows(outcome), report_address(report), sheet_address(report)
    tell(lambda: create_markdown_artifact(summary, key="summary", description="What the build did"))
    about_rejected = rejected_words(len(rejected), sum(stage.counts.get("rejected", 0) for stage in outcome.stages))
    tell(lambda: create_table_artifact(rejected, key="rejected-rows", description=about_rejected))
    tell(lambda: create_markdown_artifact(results, key="expectation-results", description="What was checked"))
    if picture:
        about = "Boxes and points on the pictures"
        tell(lambda: create_image_artifact(picture, key="contact-sheet", description=about))
    tell(lambda: create_link_artifact(f"{address}/{EXPECTATIONS}/index.html", "Expectation results", key="data-docs"))
    tell(lambda: create_link_artifact(f"{address}/{PAGE}", "The release as one page", key="report"))


def verdicts_of(outcome: Outcome) -> dict[str, list[Verdict]]:
    """What the suites found, by stage."""
    return {stage.name: [verdict_from_json(raw) for raw in stage.receipt.verdicts] for stage in outcome.stages}


def links_markdown(outcome: Outcome, report: Report) -> str:
    """Where release, card, quarantine and pages are."""
    address, release = report_address(report), outcome.release.path
    sheet = f", [contact sheet]({address}/{SHEET})" if report.sheet else ""
    return (
        "# Where things are\n\n"
        f"- [report]({address}/{PAGE}), [expectation results]({address}/{EXPECTATIONS}/index.html){sheet}: "
        f"also in `{report.folder}`\n"
        f"- release, card, quarantine: `{release}`, `{release / 'README.md'}`, `{release / 'quarantine'}`\n"
        f"- check it again: `medmultipoints verify {release}`\n"
    )


def report_address(report: Report) -> str:
    """Under which address a browser finds the pages: that of ``serve``, else the folder."""
    served = os.environ.get(REPORTS)
    return f"{served}/{report.path}" if served else report.folder.as_uri()


def sheet_address(report: Report) -> str | None:
    """The contact sheet as ``serve`` shows it; the picture itself where no server does; None where there is none."""
    if report.sheet is None:
        return None
    if os.environ.get(REPORTS):
        return f"{report_address(report)}/{SHEET}"
    return f"data:image/jpeg;base64,{base64.b64encode(report.sheet).decode()}"
