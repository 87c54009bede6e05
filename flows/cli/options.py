"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from medmultipoints.data_lake.store.layout import Lake, lake_at, open_lake
from medmultipoints.transforms.errors import UsageError

LakeOption = Annotated[Path, typer.Option("--lake", envvar="MEDMULTIPOINTS_LAKE", help="Folder of the data lake.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]
DEFAULT_LAKE = Path("lake")
RunnerOption = Annotated[
    Literal["threads", "processes", "dask", "ray"],
    typer.Option("--runner", envvar="MEDMULTIPOINTS_RUNNER", help="Where shards are worked on."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--runner-address",
        metavar="ADDRESS",
        envvar="MEDMULTIPOINTS_RUNNER_ADDRESS",
        help="A Dask or Ray cluster that runs already; the default is one for this run.",
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=PATH", help="Local archive or folder of a source; others are downloaded."),
]
OnlyOption = Annotated[
    str, typer.Option(metavar="NAME[,NAME]", help="Use these sources only; the default is all of the recipe's.")
]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Shards at a time; the default is one a core.")]


def existing_lake(where: Path) -> Lake:
    """Return the lake for commands that only read it, even from a read-only disk; UsageError if it does not exist."""
    place = lake_at(where)
    if place.remote is None and not place.root.exists():
        raise UsageError(f"--lake {where}: there is no such folder. `medmultipoints demo` and `build` make a lake.")
    return open_lake(where) if place.remote else place


def chosen_repo(ctx: typer.Context, repo: str | None, to: str | None) -> str | None:
    """Return the repository to publish to: not one from the defaults file where a folder was asked for."""
    source = ctx.get_parameter_source("repo")
    return None if to and source is not None and source.name == "DEFAULT_MAP" else repo
