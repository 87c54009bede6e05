"""``medmultipoints fetch``: download what a build would need."""

from functools import partial
from typing import Annotated

import typer

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.fetch.download import fetch_source
from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.flows.cli.console import OUT, print_json, transfer_progress
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from medmultipoints.flows.engine.planning.intention import shown
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import meant


def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Sources to download; the default is all.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Download sources into the lake: resumed where it stopped, checked against the accepted hashes.

    Example: `medmultipoints fetch hyperkvasir`
    """
    catalogue = load_catalogue()
    chosen = names or list(catalogue)
    for name in chosen:
        if name not in catalogue:
            raise UsageError(f"unknown source '{name}'; {meant(name, catalogue)}.")
    opened = open_lake(lake)
    with transfer_progress() as progress:
        folders = {
            name: fetch_source(catalogue[name], opened.landing / name, partial(progress, name)) for name in chosen
        }
    if as_json:
        print_json({name: str(path) for name, path in folders.items()})
        return
    for name, path in folders.items():
        OUT.print(f"{name}  {shown(path)}", markup=False)
