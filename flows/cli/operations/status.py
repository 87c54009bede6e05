"""``medmultipoints status``: show the state of a lake, from its files alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import polars as pl
import typer
from rich.markup import escape

from medmultipoints.data_lake.fetch.upstream import read_answers
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.flows.cli.console import OUT, print_json, table
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, existing_lake
from medmultipoints.flows.cli.review.quarantine import exclusions_of_run
from medmultipoints.flows.engine.rerun import plan_rerun
from medmultipoints.flows.engine.running.run import COUNTS, stage_row
from medmultipoints.flows.stages.pipeline import PIPELINE

SHOWN_RUNS = 10


def status(
    lake: LakeOption = DEFAULT_LAKE,
    quick: Annotated[
        bool, typer.Option("--quick", help="Skip what a rerun would do, which hashes sources and results.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the last runs of a lake, the last one stage by stage with its rejections, and what a rerun would do.

    Example: `medmultipoints status --lake lake --quick`
    """
    opened = existing_lake(lake)
    runs: list[dict[str, Any]] = read_runs(opened)
    begun = next((run for run in runs if run["keys"]), None)  # later ones ended before their first stage
    rejected = rejections(opened, begun) if begun else []
    rerun = plan_rerun(opened, begun, PIPELINE) if begun and not quick else None
    upstream = read_answers(opened)
    if as_json:
        planned = asdict(rerun) if rerun else None
        print_json({"runs": runs, "rejections": rejected, "upstream": upstream, "rerun": planned})
        return
    if not runs:
        OUT.print("no runs yet: try `medmultipoints demo`")
        return
    print_runs(runs)
    print_rows("Rejected by the last run", rejected)
    print_rows("Sources at their servers, as the last refresh found them", upstream)
    if rerun:
        OUT.print(f"\n[bold]The same run now:[/] {escape(rerun.sentence())}", highlight=False)


def print_runs(runs: list[dict[str, Any]]) -> None:
    """Print the last runs, and the stages of the last one."""
    rows = [
        [
            run["started"][:19],
            run["recipe"],
            run["outcome"],
            run.get("version", ""),
            run.get("error", "").partition("\n")[0],
        ]
        for run in runs[:SHOWN_RUNS]
    ]
    table("Runs, newest first", ["started (UTC)", "recipe", "outcome", "version", "error"], rows)
    begun = next((run for run in runs if run["stages"]), None)
    if begun is None:
        return
    OUT.print()
    title = f"Stages of the last run that had any, {begun['recipe']} {begun['started'][:19]}"
    table(title, ["stage", *COUNTS, "time"], [stage_row(stage) for stage in begun["stages"]])


def print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of one kind as a table, if there are any."""
    if rows:
        OUT.print()
        table(title, list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])


def rejections(lake: Lake, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how many inputs the run rejected, by stage and reason, with an example."""
    found = exclusions_of_run(lake, run).filter(pl.col("verdict") == "rejected")
    counted = found.group_by("stage", "reason", maintain_order=True).agg(inputs=pl.len(), example=pl.col("key").first())
    return counted.to_dicts()
