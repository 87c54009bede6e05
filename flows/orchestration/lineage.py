"""Lineage of sources, tables and the release as asset events of the run: a server of one's own keeps assets as events.

The events are those that ``prefect.assets`` would send. Its tasks are not used: one each costs two seconds.
"""

from collections.abc import Sequence

from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext
from prefect.events import emit_event

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.run import StageResult
from medmultipoints.flows.engine.stage import Source, Stage
from medmultipoints.flows.orchestration.progress import tell
from medmultipoints.flows.stages.pipeline import PIPELINE

SCHEME = "medmultipoints:/"
MADE = "prefect.asset.materialization.succeeded"
REFERENCED = "prefect.asset.referenced"
MADE_BY = "medmultipoints"


def record_lineage(outcome: Outcome) -> None:
    """One event a table of each stage that was not kept: of which tables and sources it was made, and its rows."""
    sources = [source_asset(source) for source in outcome.build.sources]
    made = {stage.name: stage_assets(outcome, stage) for stage in PIPELINE}
    done = {result.name: result for result in outcome.stages}
    anew = [stage for stage in PIPELINE if not done[stage.name].kept]
    if any(stage.reads_sources for stage in anew):
        for asset in sources:
            tell(lambda asset=asset: emit_event(REFERENCED, resource=AssetContext.asset_as_resource(asset)))  # type: ignore[misc]
    for stage in anew:
        given = [asset for name in stage.reads for asset in made[name]] + (sources if stage.reads_sources else [])
        send(made[stage.name], given, done[stage.name])


def send(assets: Sequence[Asset], given: Sequence[Asset], result: StageResult) -> None:
    """The events of one stage."""
    related = [AssetContext.asset_as_related(asset) for asset in given]
    related.append(AssetContext.related_materialized_by(MADE_BY))
    payload = {"stage": result.name, "key": result.key, **dict(result.counts)}
    for asset in assets:
        resource = AssetContext.asset_as_resource(asset)
        tell(lambda resource=resource: emit_event(MADE, resource=resource, related=related, payload=payload))  # type: ignore[misc]


def source_asset(source: Source) -> Asset:
    """An upstream dataset."""
    about = AssetProperties(name=source.info.title, url=source.info.homepage, description=source.info.citation)
    return Asset(key=f"{SCHEME}/sources/{source.name}", properties=about)


def stage_assets(outcome: Outcome, stage: Stage) -> list[Asset]:
    """The tables that a stage writes; the release for the last one."""
    recipe = outcome.build.recipe.name
    if stage.name == PIPELINE[-1].name:
        about = AssetProperties(name=f"{recipe} {outcome.release.version}", description=outcome.release.manifest_root)
        return [Asset(key=f"{SCHEME}/{recipe}/release", properties=about)]
    return [Asset(key=f"{SCHEME}/{recipe}/{table}") for table in stage.writes or stage.blobs]
