"""``medmultipoints lake gc``: remove what no release needs."""

from itertools import groupby
from typing import Annotated

import typer

from medmultipoints.data_lake.store.garbage import Garbage, Retention, alone, find_garbage, remove
from medmultipoints.data_lake.store.objects import clear_temporary
from medmultipoints.flows.cli.console import OUT, print_json, say, table
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, existing_lake

app = typer.Typer(no_args_is_help=True, help="The lake as a whole.")


@app.command("gc")
def gc(
    lake: LakeOption = DEFAULT_LAKE,
    keep_releases: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Newest versions of each release to keep; the default is all."),
    ] = None,
    keep_runs: Annotated[int, typer.Option(min=1, metavar="N", help="Newest records of runs to keep.")] = 200,
    days: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="What is younger stays: an interrupted build goes on from it.")
    ] = 7,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only shown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what no release needs any more, and remove it with --yes. Not while a build is running.

    Example: `medmultipoints lake gc --keep-releases 5 --yes`
    """
    opened = existing_lake(lake)
    with alone(opened):
        garbage = find_garbage(opened, Retention(keep_releases, keep_runs, days))
        if yes:
            remove(opened, garbage)
            clear_temporary(opened)
    if as_json:
        print_json({"removed": yes, "bytes": total(garbage), "files": [shown(one) for one in garbage]})
        return
    print_garbage(garbage)
    if garbage:
        say("removed" if yes else "dry run: nothing was removed; --yes removes it")


def print_garbage(garbage: list[Garbage]) -> None:
    """How much of each kind, and old releases by name."""
    if not garbage:
        OUT.print("nothing to remove")
        return
    kinds = [(kind, list(found)) for kind, found in groupby(garbage, lambda one: one.kind)]
    rows = [[kind, f"{len(found):,}", f"{total(found):,}", str(found[0].path)] for kind, found in kinds]
    table("Not needed", ["kind", "count", "bytes", "for example"], rows)
    for one in garbage:
        if one.kind == "old release":
            OUT.print(f"release {one.path.parent.name} {one.path.name}", markup=False)


def total(garbage: list[Garbage]) -> int:
    """The bytes of all together."""
    return sum(one.bytes for one in garbage)


def shown(one: Garbage) -> dict[str, object]:
    """One entry for machines."""
    return {"path": str(one.path), "kind": one.kind, "bytes": one.bytes}
