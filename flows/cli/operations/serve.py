"""``medmultipoints serve``: a Prefect server with the flows, on this machine, until it is stopped."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.data_lake.publish.hub_client import check_name
from medmultipoints.data_lake.store.layout import Lake, lake_at, open_lake
from medmultipoints.flows.cli.console import HEARTBEAT, OUT, print_json, say
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, chosen_repo
from medmultipoints.flows.cli.request_options import (
    AddressOption,
    OnlyOption,
    RunnerOption,
    SourceOption,
    WorkersOption,
    field_option,
)
from medmultipoints.flows.engine.prepare import check_given
from medmultipoints.flows.engine.request import (
    ALERT_ABOVE,
    Destination,
    RefreshRequest,
    Severity,
    ask,
    parse_names,
    parse_sources,
)
from medmultipoints.flows.orchestration.local import SERVED
from medmultipoints.flows.orchestration.server.embedded_server import REPORTS, SERVED_HOME, check_port, embedded_server
from medmultipoints.flows.orchestration.server.schedule_words import check_schedule
from medmultipoints.flows.recipe.load import load_recipe, select_sources

EveryOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Refresh at this interval: a number and s, m, h or d.")
]
CronOption = Annotated[
    str | None, typer.Option(metavar="CRON", help='Refresh on this schedule, for example "0 2 * * *" for every night.')
]
ZoneOption = Annotated[str, typer.Option(metavar="ZONE", help="Time zone of --cron, for example Europe/Oslo.")]
RepoOption = Annotated[
    str | None, typer.Option(metavar="OWNER/NAME", help="Publish new versions to this repository of the Hub.")
]
ToOption = Annotated[str | None, typer.Option(metavar="FOLDER", help="Publish new versions to this folder.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="Port of the server; 0: any free port.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="PREFECT_SERVER_DATABASE_CONNECTION_URL",
        help="postgresql+asyncpg://... for PostgreSQL; the default is SQLite in the lake.",
    ),
]
ReviewOption = Annotated[Severity | None, field_option(RefreshRequest, "review_from", metavar="SEVERITY")]
AlertOption = Annotated[float, field_option(RefreshRequest, "alert_above", min=0, max=1, metavar="SHARE")]


def serve(
    ctx: typer.Context,
    recipe: Annotated[str, typer.Argument(help="The recipe to keep up to date.")] = "audited",
    lake: LakeOption = DEFAULT_LAKE,
    every: EveryOption = None,
    cron: CronOption = None,
    timezone: ZoneOption = "UTC",
    source: SourceOption = None,
    only: OnlyOption = "",
    repo: RepoOption = None,
    to: ToOption = None,
    alert_above: AlertOption = ALERT_ABOVE,
    review_from: ReviewOption = None,
    workers: WorkersOption = None,
    runner: RunnerOption = "threads",
    address: AddressOption = None,
    port: PortOption = 4200,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the flows refresh, build, publish and verify from a Prefect server of its own, with its pages.

    Without --every or --cron nothing runs by itself. Ctrl-C or `kill` stops it in order; the next run continues.

    Example: `medmultipoints serve audited --cron "0 2 * * *" --timezone Europe/Oslo --repo acme/medmultipoints`
    """
    given, names = parse_sources(source or []), parse_names(only)
    check_given(select_sources(load_recipe(recipe), names), given)
    what = ask(
        RefreshRequest,
        recipe=recipe if not Path(recipe).is_file() else str(Path(recipe).absolute()),
        lake=str(lake),
        sources={name: str(Path(path).absolute()) for name, path in given.items()},
        only=names,
        workers=workers,
        runner=runner,
        address=address,
        publish_to=destination(chosen_repo(ctx, repo, to), to),
        alert_above=alert_above,
        review_from=review_from,
    )
    os.environ |= {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database} if database else {}
    opened = lake_for(lake, port, cron, timezone)
    what = what.model_copy(update={"lake": opened.remote or str(opened.root)})
    run(opened, what, (every, cron, timezone), port, as_json=as_json)


def destination(repo: str | None, to: str | None) -> Destination | None:
    """Return the destination of new versions; UsageError for two destinations or an invalid name."""
    if repo:
        check_name(repo)
    folder = str(Path(to).expanduser().absolute()) if to else None
    return ask(Destination, repo=repo, to=folder) if repo or folder else None


def lake_for(lake: Path, port: int, cron: str | None, timezone: str) -> Lake:
    """Return the lake; create a new one only if the schedule is valid and the port is free."""
    check_schedule(cron, timezone)
    if not lake_at(lake).root.exists():
        check_port(port)
    return open_lake(lake)


def run(
    lake: Lake, what: RefreshRequest, when: tuple[str | None, str | None, str], port: int, *, as_json: bool
) -> None:
    """Start the server, serve the deployments, stop the server."""
    os.environ.update({name: value for name, value in SERVED.items() if name not in os.environ})
    home = lake.prefect / "serve"
    say("starting the Prefect server")
    with embedded_server(home, port=port, reports=lake.reports) as api:
        page = api.removesuffix("/api")
        os.environ |= {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": api,
            REPORTS: f"{page}/reports",
            SERVED_HOME: str(home),
        }
        from medmultipoints.flows.orchestration.deployments import deployments, schedule_of
        from medmultipoints.flows.orchestration.server.serving import serve as serve_deployments

        served = deployments(what, schedule_of(*when), when[2])

        def ready(due: datetime | None) -> None:
            print_json({"ui": page, "api": api}) if as_json else OUT.print(f"[bold]{page}/v2/[/]", highlight=False)
            say(f"runs are started at {page}/v2/deployments, and shown at {page}/v2/runs")
            for line in announcement(what, due):
                say(line)
            HEARTBEAT.idle = True

        serve_deployments(served, ready)
    say("stopped")


def announcement(what: RefreshRequest, due: datetime | None) -> Iterator[str]:
    """Yield what is served, where new versions are published, and when."""
    place = what.publish_to
    yield f"recipe {what.recipe}, lake {what.lake}"
    yield (
        f"new versions go to {place.repo or place.to}" if place else "new versions stay in the lake: no --repo or --to"
    )
    when = f"at {due.astimezone():%Y-%m-%d %H:%M %Z}" if due else "when it is started on the page: no --every or --cron"
    yield f"the next refresh begins {when}"
    yield "serving; Ctrl-C stops it in order"
