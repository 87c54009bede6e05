"""``medmultipoints review``: decide about findings on a local page; each decision is an entry of the corrections."""

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.flows.cli.console import OUT, say
from medmultipoints.flows.cli.inspect_release import ReleaseArgument
from medmultipoints.flows.recipe.corrections import parse_file

app = typer.Typer(no_args_is_help=True, help="Review a release: decide about its findings.")

CorrectionsOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The corrections file of the recipe that decisions go to.")
]
PORT = 4280


@app.command()
def serve(
    release: ReleaseArgument,
    corrections: CorrectionsOption,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes any that is free.")] = PORT,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    sample: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also queue so many records, drawn at random, to be checked.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Another seed draws other records.")] = 0,
) -> None:
    """Serve a page on this machine where findings are decided, with the keyboard alone or a mouse.

    Every decision is written to the corrections file, on disk, before the page says so. Build the recipe again to
    apply them. The address holds a token; no other machine can reach the page, and it asks no other host.

    Example: `medmultipoints review serve lake/releases/demo/1.0.0 --corrections corrections/polyps.toml --open`
    """
    from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
    from medmultipoints.data_lake.review.desk import Desk
    from medmultipoints.data_lake.review.server import serve as serve_desk

    file = CorrectionsFile(corrections.expanduser().absolute(), parse_file)
    file.read()
    desk = Desk(release, sample=sample, seed=seed)

    def ready(address: str) -> None:
        OUT.print(address, markup=False, highlight=False, soft_wrap=True)
        say(f"{len(desk.findings):,} to decide; decisions go to {file.path}; Ctrl-C stops")
        if open_page:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):
        serve_desk(desk, file, port, ready)
    say("stopped")
