"""``medmultipoints deposit``: a DOI for a release."""

import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from medmultipoints.flows.cli.console import OUT, confirm, print_json, say
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.flows.cli.releases.release import ReleaseArgument
from medmultipoints.flows.engine.publishing import check_release
from medmultipoints.transforms.errors import UsageError


def deposit(
    release: ReleaseArgument,
    server: Annotated[
        str, typer.Option(metavar="URL", help="Zenodo, its sandbox, or another server of its API.")
    ] = "https://zenodo.org",
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the draft, which cannot be undone; else it stays a draft.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation; needed outside a terminal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deposit a release in an archive that gives it a DOI: one zip, the card and the manifest, every file compared.

    A draft with a reserved DOI is made; a later version becomes a new version of the same record. The same release
    again does nothing. The token comes from ZENODO_TOKEN, title, authors and licence from the release.

    Example: `medmultipoints deposit lake/releases/demo/1.0.0 --server https://sandbox.zenodo.org`
    """
    from medmultipoints.data_lake.deposit.package import make_package
    from medmultipoints.data_lake.deposit.zenodo import TOKEN, Zenodo

    if not (token := os.environ.get(TOKEN)):
        raise UsageError(f"set {TOKEN} to a token of {server} with the scopes deposit:write and deposit:actions.")
    if publish and not yes:
        confirm(f"Publish {release} at {server}? This cannot be undone.", "deposit without --publish first")
    check_release(release)
    with TemporaryDirectory(prefix="medmultipoints-deposit-") as work:
        done = Zenodo(server, token).deposit(make_package(release, Path(work)), say, publish=publish)
    if as_json:
        print_json(asdict(done))
        return
    state = "published" if done.published else "a draft, not published: check it on its page, then --publish"
    OUT.print(f"[bold]{done.doi}[/] {state}\n{done.page}", highlight=False)
