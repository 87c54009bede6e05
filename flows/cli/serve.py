"""``medmultipoints serve``: a Prefect server with the flows, on this machine, until it is stopped."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from data_lake.layout import Lake, open_lake
from data_lake.publish.hub_client import check_name
from flows.cli.console import OUT, print_json, say
from flows.cli.options import (
    DEFAULT_LAKE,
    AddressOption,
    JsonOption,
    LakeOption,
    OnlyOption,
    RunnerOption,
    SourceOption,
    WorkersOption,
)
from flows.embedded_server import embedded_server
from flows.local import REPORTS, SERVED
from flows.parameters import RefreshParameters
from flows.prepare import check_address, check_given, parse_names, parse_sources
from flows.recipe import load_recipe, select_sources
from transforms.errors import UsageError

EveryOption = Annotated[str | None, typer.Option(metavar="TIME", help="Refresh that often: a number and s, m, h or d.")]
CronOption = Annotated[
    str | None, typer.Option(metavar="CRON", help='Refresh then, for example "0 2 * * *" for every night.')
]
RepoOption = Annotated[
    str | None, typer.Option(metavar="OWNER/NAME", help="Publish new versions to this repository of the Hub.")
]
ToOption = Annotated[str | None, typer.Option(metavar="FOLDER", help="Publish new versions to this folder.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="Port of the server; 0 takes any that is free.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="PREFECT_SERVER_DATABASE_CONNECTION_URL",
        help="postgresql+asyncpg://... for PostgreSQL; the default is SQLite in the lake.",
    ),
]


def serve(
    recipe: Annotated[str, typer.Argument(help="The recipe to keep up to date.")] = "audited",
    lake: LakeOption = DEFAULT_LAKE,
    every: EveryOption = None,
    cron: CronOption = None,
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Of --cron, for example Europe/Oslo.")] = "UTC",
    source: SourceOption = None,
    only: OnlyOption = "",
    repo: RepoOption = None,
    to: ToOption = None,
    workers: WorkersOption = None,
    runner: RunnerOption = "threads",
    address: AddressOption = None,
    port: PortOption = 4200,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the flows refresh, build, publish and verify from a Prefect server of its own, with its pages.

    Without --every or --cron nothing runs by itself: start runs on the page. Ctrl-C or `kill` stops it in order; what
    was under way goes on with the next run.

    Example: `medmultipoints serve audited --cron "0 2 * * *" --timezone Europe/Oslo --repo acme/medmultipoints`
    """
    given, names = parse_sources(source or []), parse_names(only)
    check_given(select_sources(load_recipe(recipe), names), given)
    check_words(repo, to, runner, address)
    opened = open_lake(lake)
    settings = {
        "recipe": recipe if not Path(recipe).is_file() else str(Path(recipe).absolute()),
        "lake": opened.remote or str(opened.root),
        "sources": {name: str(Path(path).absolute()) for name, path in given.items()},
        "only": names,
        "workers": workers,
        "runner": runner,
        "address": address,
        "publish_to": {"repo": repo, "to": str(Path(to).absolute()) if to else None} if repo or to else None,
    }
    if database:
        os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    run(opened, settings, (every, cron, timezone), port, as_json=as_json)


def check_words(repo: str | None, to: str | None, runner: str, address: str | None) -> None:
    """UsageError for what every run would fail of."""
    if repo and to:
        raise UsageError("give either --repo OWNER/NAME for the Hub, or --to FOLDER for versions without it.")
    if repo:
        check_name(repo)
    check_address(runner, address)


def run(
    lake: Lake, settings: dict[str, Any], when: tuple[str | None, str | None, str], port: int, *, as_json: bool
) -> None:
    """Server up, deployments served, server down."""
    os.environ.update({name: value for name, value in SERVED.items() if name not in os.environ})
    home = lake.prefect / "serve"
    say("starting the Prefect server")
    with embedded_server(home, port=port, reports=lake.reports) as api:
        page = api.removesuffix("/api")
        os.environ |= {"PREFECT_HOME": str(home), "PREFECT_API_URL": api, REPORTS: f"{page}/reports"}
        from flows.deployments import deployments, schedule_of
        from flows.serving import serve as serve_deployments

        what = RefreshParameters.model_validate(settings)
        served = deployments(what, schedule_of(*when), when[2])

        def ready() -> None:
            print_json({"ui": page, "api": api}) if as_json else OUT.print(f"[bold]{page}/v2/[/]", highlight=False)
            say("serving; Ctrl-C stops it in order")

        serve_deployments(served, ready)
    say("stopped")
