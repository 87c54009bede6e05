"""What the Prefect UI shows of a build: summary, rejected rows, expectation results, contact sheet, links, lineage."""

import base64
import os
from collections.abc import Sequence

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
from medmultipoints.data_lake.store.layout import PAGE
from medmultipoints.expectations.summary import summarize
from medmultipoints.expectations.verdicts import Verdict, verdict_from_json
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.report import rejected_rows, rejected_words, summary_markdown
from medmultipoints.flows.engine.run import StageResult
from medmultipoints.flows.engine.stage import Source, Stage
from medmultipoints.flows.orchestration.embedded_server import REPORTS
from medmultipoints.flows.orchestration.progress import call_api
from medmultipoints.flows.stages.pipeline import PIPELINE

SCHEME = "medmultipoints:/"
MADE = "prefect.asset.materialization.succeeded"
REFERENCED = "prefect.asset.referenced"
MADE_BY = "medmultipoints"


def show_outcome(outcome: Outcome) -> None:
    """Create the artifacts of a build, and the pages that they link to."""
    verdicts = verdicts_of(outcome)
    report = write_report(outcome.build.lake, outcome.release.path, verdicts)
    summary = f"{summary_markdown(outcome)}\n{links_markdown(outcome, report)}"
    checked = summarize(verdict for found in verdicts.values() for verdict in found)
    rejected, address, picture = rejected_rows(outcome), report_address(report), sheet_address(report)
    call_api(lambda: create_markdown_artifact(summary, key="summary", description="What the build did"))
    about_rejected = rejected_words(len(rejected), sum(stage.counts.get("rejected", 0) for stage in outcome.stages))
    call_api(lambda: create_table_artifact(rejected, key="rejected-rows", description=about_rejected))
    call_api(lambda: create_markdown_artifact(checked, key="expectation-results", description="What was checked"))
    if picture:
        about = "Boxes and points on the pictures"
        call_api(lambda: create_image_artifact(picture, key="contact-sheet", description=about))
    call_api(
        lambda: create_link_artifact(f"{address}/{EXPECTATIONS}/index.html", "Expectation results", key="data-docs")
    )
    call_api(lambda: create_link_artifact(f"{address}/{PAGE}", "The release as one page", key="report"))


def verdicts_of(outcome: Outcome) -> dict[str, list[Verdict]]:
    """Return the verdicts of the suites by stage."""
    return {stage.name: [verdict_from_json(raw) for raw in stage.receipt.verdicts] for stage in outcome.stages}


def links_markdown(outcome: Outcome, report: Report) -> str:
    """Return where release, card, quarantine and pages are."""
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
    """Return the address of the pages for a browser: that of ``serve``, else the folder."""
    served = os.environ.get(REPORTS)
    return f"{served}/{report.path}" if served else report.folder.as_uri()


def sheet_address(report: Report) -> str | None:
    """Return the address of the contact sheet; without ``serve``, the picture as a data URL; None without a sheet."""
    if report.sheet is None:
        return None
    if os.environ.get(REPORTS):
        return f"{report_address(report)}/{SHEET}"
    return f"data:image/jpeg;base64,{base64.b64encode(report.sheet).decode()}"


def record_lineage(outcome: Outcome) -> None:
    """Emit one event per table of each stage that was not kept: its inputs, sources and row counts."""
    sources = [source_asset(source) for source in outcome.build.sources]
    made = {stage.name: stage_assets(outcome, stage) for stage in PIPELINE}
    done = {result.name: result for result in outcome.stages}
    rebuilt = [stage for stage in PIPELINE if not done[stage.name].kept]
    if any(stage.reads_sources for stage in rebuilt):
        for asset in sources:
            call_api(lambda asset=asset: emit_event(REFERENCED, resource=AssetContext.asset_as_resource(asset)))  # type: ignore[misc]
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
        call_api(lambda resource=resource: emit_event(MADE, resource=resource, related=related, payload=payload))  # type: ignore[misc]


def source_asset(source: Source) -> Asset:
    """Return an upstream dataset as an asset."""
    about = AssetProperties(name=source.info.title, url=source.info.homepage, description=source.info.citation)
    return Asset(key=f"{SCHEME}/sources/{source.name}", properties=about)


def stage_assets(outcome: Outcome, stage: Stage) -> list[Asset]:
    """Return the tables that a stage writes as assets; of the last stage, the release."""
    recipe = outcome.build.recipe.name
    if stage.name == PIPELINE[-1].name:
        about = AssetProperties(name=f"{recipe} {outcome.release.version}", description=outcome.release.manifest_root)
        return [Asset(key=f"{SCHEME}/{recipe}/release", properties=about)]
    return [Asset(key=f"{SCHEME}/{recipe}/{table}") for table in stage.writes or stage.blobs]
