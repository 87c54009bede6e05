"""``medmultipoints lake``: remove unneeded files, find and repair damage."""

from contextlib import nullcontext
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer

from medmultipoints.data_lake.store.check import Fault, find_faults, repair
from medmultipoints.data_lake.store.garbage import Garbage, Retention, alone, find_garbage, remove
from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.flows.cli.console import OUT, print_json, say, table
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, existing_lake

app = typer.Typer(no_args_is_help=True, help="Check and clean a whole lake.")


@app.command("gc")
def gc(
    lake: LakeOption = DEFAULT_LAKE,
    keep_releases: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Newest versions of each release to keep; the default is all."),
    ] = None,
    keep_runs: Annotated[int, typer.Option(min=1, metavar="N", help="Newest records of runs to keep.")] = 200,
    days: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="Keep what is younger: an interrupted build continues from it.")
    ] = 7,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without --yes it is only shown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what no release needs any more, and remove it with --yes. Do not use it while a build runs.

    Example: `medmultipoints lake gc --keep-releases 5 --yes`
    """
    opened, keep = existing_lake(lake), Retention(keep_releases, keep_runs, days)
    if yes:
        with alone(open_lake(lake)):
            garbage = find_garbage(opened, keep)
            remove(opened, garbage)
    else:
        garbage = find_garbage(opened, keep)
    if as_json:
        print_json({"removed": yes, "bytes": total(garbage), "files": [asdict(one) for one in garbage]})
        return
    print_garbage(garbage)
    if garbage:
        say("removed" if yes else "dry run: nothing was removed; --yes removes it")


@app.command("check")
def check(
    lake: LakeOption = DEFAULT_LAKE,
    repair_it: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Remove what is damaged, so that the next build makes it again, and restore files of releases.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read every byte of objects and releases, and name what is damaged. Do not use --repair while a build runs.

    Example: `medmultipoints lake check --repair`
    """
    opened = existing_lake(lake)
    with alone(open_lake(lake)) if repair_it else nullcontext():
        faults = list(find_faults(opened))
        for fault in faults if repair_it else ():
            repair(opened, fault)
    left = [fault for fault in faults if not (repair_it and fault.repairable)]
    if as_json:
        rows = [
            {"path": str(one.path), "kind": one.kind, "problem": one.problem, "repair": one.repair} for one in faults
        ]
        print_json({"ok": not left, "repaired": len(faults) - len(left), "faults": rows})
    else:
        print_faults(faults, repaired=len(faults) - len(left))
    if left:
        raise typer.Exit(1)


def print_faults(faults: list[Fault], *, repaired: int) -> None:
    """Print the damaged files and their remedies."""
    if not faults:
        OUT.print("no damage found")
        return
    rows = [[one.kind, str(one.path), one.problem, one.repair] for one in faults]
    table("Damaged", ["kind", "path", "problem", "repair"], rows)
    unchanged = "nothing was changed; --repair repairs what can be repaired"
    say(f"{repaired} of {len(faults)} repaired" if repaired else unchanged)


def print_garbage(garbage: list[Garbage]) -> None:
    """Print the size of each kind of garbage, and old releases by name."""
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
    """Return the total size in bytes."""
    return sum(one.bytes for one in garbage)
