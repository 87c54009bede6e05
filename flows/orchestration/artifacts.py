"""Create the Prefect artifacts of a build: summary, rejected rows, expectations, contact sheet, links, lineage."""

import base64
import os
from collections.abc import Sequence
from pathlib import Path

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext
from prefect.events import emit_event

from medmultipoints.data_lake.report.release_pages import EXPECTATIONS, SHEET, Report, write_report
from medmultipoints.data_lake.store.layout import PAGE, Lake
from medmultipoints.expectations.verdicts import Verdict, summarize, verdict_from_json
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.report import describe_rejected, rejected_rows, summary_markdown
from medmultipoints.flows.engine.running.run import StageResult
from medmultipoints.flows.engine.stage import Source, Stage
from medmultipoints.flows.orchestration.flow_runs import call_api
from medmultipoints.flows.orchestration.server.embedded_server import REPORTS, SERVED_HOME, link_reports
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.reporting.choices import SEVERITIES, worst_first
from medmultipoints.transforms.reporting.hidden import escape_rows

SCHEME = "medmultipoints:/"
MADE = "prefect.asset.materialization.succeeded"
REFERENCED = "prefect.asset.referenced"
MADE_BY = "medmultipoints"


def show_outcome(outcome: Outcome) -> None:
    """Create the artifacts of a build, and the pages that they link to."""
    lake, verdicts = outcome.build.lake, verdicts_of(outcome)
    report = write_report(lake, outcome.release.path, verdicts)
    address = report_address(lake, report)
    summary = f"{summary_markdown(outcome)}\n{links_markdown(outcome, report, address)}"
    checked = summarize(verdict for found in verdicts.values() for verdict in found)
    rejected, picture = rejected_rows(outcome), sheet_address(report, address)
    findings, about_findings = shown_findings(outcome)
    call_api(create_markdown_artifact, summary, key="summary", description="What the build did")
    call_api(create_table_artifact, escape_rows(findings), key="findings", description=about_findings)
    about_rejected = describe_rejected(len(rejected), sum(stage.counts.get("rejected", 0) for stage in outcome.stages))
    call_api(create_table_artifact, escape_rows(rejected), key="rejected-rows", description=about_rejected)
    call_api(create_markdown_artifact, checked, key="expectation-results", description="What was checked")
    if picture:
        about = "Boxes and points on the pictures"
        call_api(create_image_artifact, picture, key="contact-sheet", description=about)
    if address:
        docs, page = f"{address}/{EXPECTATIONS}/index.html", f"{address}/{PAGE}"
        about = "Great Expectations' pages"
        call_api(create_link_artifact, docs, "Expectation results", key="data-docs", description=about)
        call_api(create_link_artifact, page, "The release as one page", key="report", description="The report")


def shown_findings(outcome: Outcome, most: int = 200) -> tuple[list[dict[str, str]], str]:
    """Return the most severe findings of the audit as a table, and their counts as text."""
    found = outcome.table("disagreements")
    counts = {name: int((found["severity"] == name).sum()) for name in SEVERITIES}
    words = ", ".join(f"{name} {number:,}" for name, number in counts.items())
    shown = worst_first(found).head(most).select("severity", "kind", "sample_id", "label", "detail", "action")
    first = f"; the first {most}" if found.height > most else ""
    return shown.fill_null("").to_dicts(), f"Findings of the audit: {words}{first}"


def verdicts_of(outcome: Outcome) -> dict[str, list[Verdict]]:
    """Return the suites' verdicts by stage."""
    return {stage.name: [verdict_from_json(raw) for raw in stage.receipt.verdicts] for stage in outcome.stages}


def links_markdown(outcome: Outcome, report: Report, address: str | None) -> str:
    """Return links to release, card, quarantine and pages as Markdown."""
    release = outcome.release.path
    sheet = f", [contact sheet]({address}/{SHEET})" if report.sheet else ""
    pages = f"[report]({address}/{PAGE}), [expectation results]({address}/{EXPECTATIONS}/index.html){sheet}: also "
    return (
        "# Where things are\n\n"
        f"- {pages if address else 'report and expectation results: '}in `{report.folder}`\n"
        f"- release, card, quarantine: `{release}`, `{release / 'README.md'}`, `{release / 'quarantine'}`\n"
        f"- check it again: `medmultipoints verify {release}`\n"
    )


def report_address(lake: Lake, report: Report) -> str | None:
    """Return the browser address of the pages; None if no server shows them.

    ``serve`` shows the reports of every lake that its runs use; MEDMULTIPOINTS_REPORTS names another server, for one
    lake.
    """
    shown, home = os.environ.get(REPORTS), os.environ.get(SERVED_HOME)
    if shown is None:
        return None
    lake_part = link_reports(Path(home), lake.reports) if home else ""
    return f"{shown.rstrip('/')}{lake_part}/{report.path}"


def sheet_address(report: Report, address: str | None) -> str | None:
    """Return the address of the contact sheet, or a data URL without a server; None if there is no sheet."""
    if report.sheet is None:
        return None
    return f"{address}/{SHEET}" if address else f"data:image/jpeg;base64,{base64.b64encode(report.sheet).decode()}"


def record_lineage(outcome: Outcome) -> None:
    """Emit one event per table of each stage that ran: its inputs, sources and row counts."""
    sources = [source_asset(source) for source in outcome.build.sources]
    made = {stage.name: stage_assets(outcome, stage) for stage in PIPELINE}
    done = {result.name: result for result in outcome.stages}
    rebuilt = [stage for stage in PIPELINE if not done[stage.name].kept]
    if any(stage.reads_sources for stage in rebuilt):
        for asset in sources:
            call_api(emit_event, REFERENCED, resource=AssetContext.asset_as_resource(asset))
    for stage in rebuilt:
        given = [asset for name in stage.reads for asset in made[name]] + (sources if stage.reads_sources else [])
        send(made[stage.name], given, done[stage.name])


def send(assets: Sequence[Asset], given: Sequence[Asset], result: StageResult) -> None:
    """Emit the events of one stage."""
    related = [AssetContext.asset_as_related(asset) for asset in given]
    related.append(AssetContext.related_materialized_by(MADE_BY))
    payload = {"stage": result.name, "key": result.key, **dict(result.counts)}
    for asset in assets:
        resource = AssetContext.asset_as_resource(asset)
        call_api(emit_event, MADE, resource=resource, related=related, payload=payload)


def source_asset(source: Source) -> Asset:
    """Return an upstream dataset as an asset."""
    about = AssetProperties(name=source.info.title, url=source.info.homepage, description=source.info.citation)
    return Asset(key=f"{SCHEME}/sources/{source.name}", properties=about)


def stage_assets(outcome: Outcome, stage: Stage) -> list[Asset]:
    """Return the tables of a stage as assets; for the last stage, the release."""
    recipe = outcome.build.recipe.name
    if stage.name == PIPELINE[-1].name:
        about = AssetProperties(name=f"{recipe} {outcome.release.version}", description=outcome.release.manifest_root)
        return [Asset(key=f"{SCHEME}/{recipe}/release", properties=about)]
    return [Asset(key=f"{SCHEME}/{recipe}/{table}") for table in stage.writes or stage.blobs]
