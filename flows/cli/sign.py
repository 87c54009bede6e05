"""``medmultipoints sign``: a release under one's own name."""

from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.data_lake.release.sign.signature import sign_release
from medmultipoints.flows.cli.console import OUT, print_json
from medmultipoints.flows.cli.inspect_release import ReleaseArgument
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.flows.engine.publishing import check_release


def sign(
    release: ReleaseArgument,
    key: Annotated[Path, typer.Option(help="Private SSH key; or the public one, where an agent holds the private.")],
    as_json: JsonOption = False,
) -> None:
    """Sign a release: verify it, and sign with SSH what it holds and what it was made of.

    The statement (in-toto, with the source files as materials) and its signature are placed next to the manifest; they
    change nothing in the release, and `publish` takes them along. Anyone checks them offline:
    `medmultipoints verify RELEASE --allowed-signers FILE`.

    Example: `medmultipoints sign lake/releases/demo/1.0.0 --key ~/.ssh/id_ed25519`
    """
    check_release(release)
    written = [str(path) for path in sign_release(release, key.expanduser())]
    if as_json:
        print_json({"files": written})
        return
    for path in written:
        OUT.print(path, markup=False)
