"""Define options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.data_lake.store.layout import Lake, lake_at, open_lake
from medmultipoints.transforms.errors import UsageError

LakeOption = Annotated[Path, typer.Option("--lake", envvar="MEDMULTIPOINTS_LAKE", help="Folder of the data lake.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write one self-contained HTML page.")]
SplitOption = Annotated[str | None, typer.Option("--split", help="This split only; the default is all.")]
DEFAULT_LAKE = Path("lake")


def existing_lake(where: Path) -> Lake:
    """Return the lake for commands that only read it, even from a read-only disk; UsageError if it is missing."""
    place = lake_at(where)
    if place.remote is None and not place.root.exists():
        raise UsageError(f"--lake {where}: there is no such folder. `medmultipoints demo` and `build` make a lake.")
    return open_lake(where) if place.remote else place


def chosen_repo(ctx: typer.Context, repo: str | None, to: str | None) -> str | None:
    """Return the repository to publish to; one from the defaults file is ignored if a folder was given."""
    source = ctx.get_parameter_source("repo")
    return None if to and source is not None and source.name == "DEFAULT_MAP" else repo
