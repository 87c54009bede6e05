"""``medmultipoints sign``: a release under one's own name."""

from pathlib import Path
from typing import Annotated

import typer

from data_lake.release.signature import sign_release
from flows.cli.console import OUT
from flows.cli.inspect_release import ReleaseArgument
from flows.publishing import check_release


def sign(
    release: ReleaseArgument,
    key: Annotated[Path, typer.Option(help="Private SSH key; or the public one, where an agent holds the private.")],
) -> None:
    """Sign a release: verify it, state what it holds and what it was made of, and sign that statement with SSH.

    The statement (in-toto, with the source files as materials) and its signature lie beside the manifest; they
    change nothing of the release, and `publish` takes them along. Anyone checks them offline:
    `medmultipoints verify RELEASE --allowed-signers FILE`.

    Example: `medmultipoints sign lake/releases/demo/1.0.0 --key ~/.ssh/id_ed25519`
    """
    check_release(release)
    for path in sign_release(release, key.expanduser()):
        OUT.print(str(path), markup=False)
