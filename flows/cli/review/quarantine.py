"""``medmultipoints quarantine``: which inputs were rejected, and why."""

from typing import Annotated, Any

import polars as pl
import typer

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import read_receipt
from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.flows.cli.console import OUT, print_json, table
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, existing_lake
from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.reporting.counted import plural

app = typer.Typer(no_args_is_help=True, help="Show the inputs that the last run of a lake rejected.")
RecipeOption = Annotated[str | None, typer.Option(help="Of this recipe's last run; the default is the last run.")]


@app.command("list")
def list_rejected(
    lake: LakeOption = DEFAULT_LAKE,
    recipe: RecipeOption = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="List what the recipe left out, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List reasons with the number of inputs; `--json` adds an example of each.

    Example: `medmultipoints quarantine list --recipe demo --dropped`
    """
    frame = last_exclusions(existing_lake(lake), recipe)
    frame = frame if dropped else frame.filter(pl.col("verdict") == "rejected")
    grouped = frame.group_by("reason", "source", "stage", "verdict", maintain_order=True).agg(
        pl.len().alias("inputs"),
        pl.col("sample_id").drop_nulls().n_unique().alias("images"),
        pl.col("key").first().alias("example"),
    )
    if as_json:
        print_json({"reasons": grouped.to_dicts()})
        return
    if frame.is_empty():
        OUT.print("nothing was rejected" + ("" if dropped else "; --dropped shows what the recipe left out"))
        return
    names = ["reason", "source", "stage", *(["verdict"] if dropped else []), "inputs", "images"]
    rows = [[f"{one:,}" if isinstance(one, int) else one for one in row] for row in grouped.select(names).rows()]
    images = frame["sample_id"].drop_nulls().n_unique()
    of = f" of {plural(images, 'image')}" if images else ""
    title = f"{plural(frame.height, 'input')}{of} (an image, its mask and its labels are an input each)"
    table(title, names, rows)
    place = (f" --recipe {recipe}" if recipe else "") + ("" if lake == DEFAULT_LAKE else f" --lake {lake}")
    OUT.print(f"\nDetails: medmultipoints quarantine show {rows[0][0]}{place}", markup=False)
    OUT.print("or, instead of the reason, any part of an input's name; --json gives an example of each reason")


@app.command("show")
def show(
    what: Annotated[str, typer.Argument(help="A reason, or part of the name of an input.")],
    lake: LakeOption = DEFAULT_LAKE,
    recipe: RecipeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every excluded input with its details.

    Example: `medmultipoints quarantine show mask_empty`
    """
    excluded = last_exclusions(existing_lake(lake), recipe)
    frame = excluded.filter((pl.col("reason") == what) | pl.col("key").str.contains(what, literal=True))
    if frame.is_empty():
        alike = excluded.filter(pl.col("reason").str.contains(what, literal=True))
        option = " --dropped" if not alike.is_empty() and (alike["verdict"] == "dropped").all() else ""
        raise UsageError(
            f"no excluded input has the reason or name '{what}'; see `medmultipoints quarantine list{option}`."
        )
    if as_json:
        print_json({"inputs": frame.to_dicts()})
        return
    # An image, its mask and its labels are separate inputs, often left out for the same reason.
    ordered = frame.sort("exclusion_id").group_by("stage", "verdict", "reason", "detail", maintain_order=True)
    for stage, verdict, reason, detail, keys in ordered.agg("key").iter_rows():
        OUT.print(f"{stage}  {verdict}  {reason}  {', '.join(keys)}\n    {detail}", markup=False)


def last_exclusions(lake: Lake, recipe: str | None) -> pl.DataFrame:
    """Return all inputs that the last run excluded; UsageError if there is no run."""
    begun = (run for run in read_runs(lake) if run.get("keys"))  # others ended before they examined any input
    runs: list[dict[str, Any]] = [run for run in begun if recipe in (None, run["recipe"])]
    if not runs:
        raise UsageError(f"no run in {lake.root}: build something first, or give another --lake.")
    return exclusions_of_run(lake, runs[0])


def exclusions_of_run(lake: Lake, run: dict[str, Any]) -> pl.DataFrame:
    """Return all inputs that one run excluded."""
    frames = [empty_frame(load_table("exclusions"))]
    for stage, key in run.get("keys", {}).items():
        receipt = read_receipt(lake, stage, key)
        if receipt and "exclusions" in receipt.objects:
            frames.append(read_table(lake, receipt.objects["exclusions"]))
    return pl.concat(frames)
