"""Summarize a build in text and tables, for the terminal and the Prefect UI."""

import polars as pl

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.running.run import COUNTS, stage_row
from medmultipoints.transforms.compose.stats import count_labels
from medmultipoints.transforms.reporting.hidden import HIDDEN, as_cell


def exclusions_of(outcome: Outcome, verdict: str | None = None) -> pl.DataFrame:
    """Return all excluded inputs, over all stages."""
    frames = [
        read_table(outcome.build.lake, result.receipt.objects["exclusions"])
        for result in outcome.stages
        if "exclusions" in result.receipt.objects
    ]
    frame = pl.concat(frames)
    return frame if verdict is None else frame.filter(pl.col("verdict") == verdict)


def reasons_of(outcome: Outcome) -> list[tuple[str, str, str, int]]:
    """Return stage, verdict, reason and count, in pipeline order."""
    order = {result.name: place for place, result in enumerate(outcome.stages)}
    counted = exclusions_of(outcome).group_by("stage", "verdict", "reason").len().rows()
    return sorted(counted, key=lambda row: (order[row[0]], row[1], -row[3], row[2]))


def summary_markdown(outcome: Outcome) -> str:
    """Return the summary artifact: stages, reasons, paths."""
    stages = "\n".join("| " + " | ".join(stage_row(result.to_json())) + " |" for result in outcome.stages)
    reasons = "\n".join(
        f"| {stage} | {verdict} | {reason} | {count:,} |" for stage, verdict, reason, count in reasons_of(outcome)
    )
    return (
        f"# {outcome.build.recipe.name} {outcome.release.version}\n\n{outcome.sentence()}\n\n"
        f"Release: `{outcome.release.path}`  \nManifest root: `{outcome.release.manifest_root}`\n\n"
        f"| stage | {' | '.join(COUNTS)} | time |\n|---|{'---:|' * (len(COUNTS) + 1)}\n{stages}\n\n"
        f"| stage | verdict | reason | inputs |\n|---|---|---|---:|\n{reasons}\n\n{label_table(outcome)}\n"
    )


def label_table(outcome: Outcome) -> str:
    """Return records, images and objects by label and split, as Markdown."""
    counted = count_labels(outcome.table("records"))
    rows = ["| " + " | ".join(f"{value:,}" if isinstance(value, int) else as_cell(value) for value in row) + " |"
            for row in counted.rows()]  # fmt: skip
    return "\n".join([f"| {' | '.join(counted.columns)} |", "|" + "---|" * len(counted.columns), *rows])


def rejected_rows(outcome: Outcome, most: int = 1000) -> list[dict[str, str]]:
    """Return at most ``most`` rows of the quarantine artifact."""
    rows = exclusions_of(outcome, "rejected").sort("exclusion_id").head(most)
    shown = rows.select("stage", "key", "reason", "detail").rows(named=True)
    return [{name: str(value).translate(HIDDEN) for name, value in row.items()} for row in shown]


def describe_rejected(shown: int, found: int) -> str:
    """Return the description of the quarantine artifact: how many inputs it shows, and where the others are."""
    most = f": the first {shown:,} of {found:,}; `medmultipoints quarantine list` has all" if shown < found else ""
    return f"Inputs in quarantine{most}"
