"""``medmultipoints report``: a release as a page to look at."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.report.page import report_page
from medmultipoints.flows.cli.console import OUT, print_json, say_error, write_page
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.flows.cli.releases.release import PublishedArgument, opened_release

ToOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File to write; the default is NAME-VERSION.html in the current folder."),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(metavar="RELEASE", help="Show the difference from this release; the default is its own record."),
]


def report(
    release: PublishedArgument,
    to: ToOption = None,
    against: AgainstOption = None,
    leakage: Annotated[
        bool,
        typer.Option("--leakage", help="Search all pictures for near-duplicates again, as `verify` does; slower."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one HTML page that shows a release: rows, pictures, audit, splits, leakage, quarantine, changes.

    The page needs nothing else: it opens offline and asks no address. The same release gives the same page. Where
    the splits leak, the page says so and the command fails.

    Example: `medmultipoints report lake/releases/demo/1.0.0 --to report.html`
    """
    with ExitStack() as stack:
        folder = stack.enter_context(opened_release(release))
        older = stack.enter_context(opened_release(against)) if against else None
        manifest = read_manifest(folder)
        page = to or Path(f"{manifest.name}-{manifest.version}.html")
        text, leaks = report_page(folder, older, leakage=leakage)
        write_page(page, text)
    if as_json:
        print_json({"page": str(page), "leaks": leaks})
    else:
        OUT.print(f"page  {page}", markup=False)
    if leaks:
        leaking = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in leaks.items())
        say_error(f"the splits of this release leak: in more than one split are {leaking}. Do not train on it.")
        raise typer.Exit(1)
