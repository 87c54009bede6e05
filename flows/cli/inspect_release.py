"""``medmultipoints verify``, ``show`` and ``export``: from a release folder alone."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from data_lake.release.export import export_release
from data_lake.release.show import describe_release
from data_lake.release.verify import verify_release
from flows.cli.build import shown
from flows.cli.console import OUT, print_json, say_error, table
from flows.cli.options import JsonOption

ReleaseArgument = Annotated[Path, typer.Argument(help="Folder of a release.")]


def verify(release: ReleaseArgument, as_json: JsonOption = False) -> None:
    """Compute everything again that a release states: files, hashes, pictures, references, every answer.

    Example: `medmultipoints verify lake/releases/demo/1.0.0`
    """
    report = verify_release(release)
    failed = [check for check in report.checks if not check.ok]
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in report.checks]})
    else:
        rows = [["ok" if check.ok else "FAILED", check.name, check.detail] for check in report.checks]
        table(str(release), ["", "check", "found"], rows)
    if failed:
        say_error(f"{len(failed)} of {len(report.checks)} checks failed: do not use this copy; get or build it again.")
        raise typer.Exit(1)


def show(release: ReleaseArgument, as_json: JsonOption = False) -> None:
    """Show what a release holds.

    Example: `medmultipoints show lake/releases/demo/1.0.0`
    """
    facts = describe_release(release)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        OUT.print(f"[bold]{name}[/]  {value}" if not isinstance(value, (list, dict)) else f"[bold]{name}[/]")
        for line in value.items() if isinstance(value, dict) else value if isinstance(value, list) else ():
            OUT.print(f"    {line}", markup=False)


def export(
    release: ReleaseArgument,
    to: Annotated[Path, typer.Option("--to", help="Folder to write to; new, empty, or an earlier export.")],
    split: Annotated[str | None, typer.Option(help="This split only; the default is all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write image files and instruction JSONL whose paths all open.

    Example: `medmultipoints export lake/releases/demo/1.0.0 --to export`
    """
    report = export_release(release, to, split)
    if as_json:
        print_json(asdict(report))
        return
    counts = f"{report.images:,} images, {report.instructions:,} instructions, {report.records:,} records"
    OUT.print(f"{counts} in {shown(to.absolute())}")
