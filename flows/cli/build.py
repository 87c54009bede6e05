"""``medmultipoints build``: from a recipe to a release."""

import os
import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.data_lake.report.release_pages import PAGE
from medmultipoints.data_lake.store.layout import only_builder
from medmultipoints.flows.cli.console import OUT, print_json, say, stage_progress, table, transfer_progress
from medmultipoints.flows.cli.options import (
    DEFAULT_LAKE,
    AddressOption,
    JsonOption,
    LakeOption,
    OnlyOption,
    RunnerOption,
    SourceOption,
    WorkersOption,
)
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.place import refuse_taken
from medmultipoints.flows.engine.plan import is_finished
from medmultipoints.flows.engine.prepare import prepare_attempt
from medmultipoints.flows.engine.report import COUNTS, reasons_of, stage_row
from medmultipoints.flows.engine.request import BuildRequest, ask, parse_names, parse_sources
from medmultipoints.flows.engine.run import run_in_threads
from medmultipoints.flows.stages.manifest import code_of
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.compose.stats import count_labels, note_splits, note_tasks


class CheckVersion(StrEnum):
    """When a version that exists is compared."""

    early = "early"
    late = "late"


EXAMPLES = """Examples:

    medmultipoints build audited --source hyperkvasir=~/data/hyper-kvasir --only hyperkvasir

    medmultipoints build my-recipe.toml --version auto --json
"""


def build(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe (see `medmultipoints recipes`) or a TOML file.")],
    lake: LakeOption = DEFAULT_LAKE,
    source: SourceOption = None,
    only: OnlyOption = "",
    workers: WorkersOption = None,
    version: Annotated[
        str | None, typer.Option(metavar="X.Y.Z|auto", help="Version of the release; the default is the recipe's.")
    ] = None,
    check_version: Annotated[
        CheckVersion, typer.Option(help="When a version that exists is compared: before the work, or after it.")
    ] = CheckVersion.early,
    runner: RunnerOption = "threads",
    address: AddressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the release of a recipe; what is finished and unchanged is kept.

    Exit codes: 0 the release exists (rows may be in quarantine), 1 no release because of the data, 2 usage
    or recipe, 3 environment (disk, network, lock held), 130 interrupted.
    """
    request = ask(
        BuildRequest,
        recipe=recipe,
        lake=str(lake),
        sources=parse_sources(source or []),
        only=parse_names(only),
        workers=workers,
        version=version,
        check_version=check_version.value,
        runner=runner,
        address=address,
    )
    outcome = timed(request)
    print_json(outcome.to_json()) if as_json else print_outcome(outcome)


build.__doc__ = f"{build.__doc__}\n    {EXAMPLES}"


def run(request: BuildRequest) -> Outcome:
    """Run a build; Prefect starts only if there is something to do."""
    with transfer_progress() as transfer:
        prepared = prepare_attempt(request, PIPELINE, transfer)
    with stage_progress() as progress:
        if is_finished(prepared, PIPELINE):
            return execute(prepared, PIPELINE, run_in_threads(1), progress)
        if request.check_version == "early" and request.version != "auto":
            refuse_taken(prepared, code_of(prepared))
        with only_builder(prepared.lake, prepared.recipe.name):
            pass  # report a lock that is held before Prefect starts
        say("starting Prefect" if os.environ.get("PREFECT_API_URL") else "starting an embedded Prefect server")
        from medmultipoints.flows.orchestration.local import run_flow

        return run_flow(request, prepared, progress)


def timed(request: BuildRequest) -> Outcome:
    """Run a build and return its outcome with the time that the person waited, start of Prefect included."""
    start = time.perf_counter()
    outcome = run(request)
    return replace(outcome, seconds=time.perf_counter() - start)


def print_outcome(outcome: Outcome) -> None:
    """Print what a build did: its stages, what was excluded and why, what the release holds and where it is."""
    if unchanged(outcome):
        return
    table("Stages", ["stage", *COUNTS, "time"], [stage_row(result) for result in outcome.stages])
    reasons = [[stage, verdict, reason, f"{count:,}"] for stage, verdict, reason, count in reasons_of(outcome)]
    if reasons:
        OUT.print()
        table("Inputs that yielded nothing", ["stage", "verdict", "reason", "inputs"], reasons)
    OUT.print()
    table("Objects", *label_table(outcome))
    OUT.print()
    asked = outcome.build.recipe.instructions
    notes = note_splits(outcome.table("released_images"), outcome.build.recipe.splits.fractions)
    notes += note_tasks(outcome.table("instructions"), asked.tasks, degenerate=asked.degenerate)
    for note in notes:
        OUT.print(note, markup=False)
    OUT.print(f"[bold]{outcome.sentence()}[/] in {outcome.seconds:.1f} s")
    print_places(outcome, root=True)


def unchanged(outcome: Outcome) -> bool:
    """Return whether the build found everything finished; if so, print that, and where the release is."""
    kept = outcome.release.kept and all(result.kept for result in outcome.stages)
    if kept:
        name = f"{outcome.build.recipe.name} {outcome.release.version}"
        OUT.print(f"[bold]nothing changed:[/] {name} is up to date (checked in {outcome.seconds:.1f} s)")
        print_places(outcome)
    return kept


def print_places(outcome: Outcome, *, root: bool = False) -> None:
    """Print where the release is, its root if asked for, and last the page that shows it, if there is one."""
    release = outcome.release
    kept = "  (kept, unchanged)" if release.kept and root else ""
    OUT.print(f"release     {shown(release.path)}{kept}", markup=False)
    if root:
        OUT.print(f"quarantine  {shown(release.path / 'quarantine')}", markup=False)
        OUT.print(f"root        {release.manifest_root}")
    page = outcome.build.lake.reports / outcome.build.recipe.name / release.version / PAGE
    if page.is_file():
        OUT.print(f"page        {shown(page)}", markup=False)


def label_table(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Return images, records and objects by label and split."""
    rows = count_labels(outcome.table("records"))
    shown_rows = [[f"{value:,}" if isinstance(value, int) else str(value) for value in row] for row in rows.rows()]
    return list(rows.columns), shown_rows


def shown(path: Path) -> str:
    """Return the path as a person would type it in the working folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
