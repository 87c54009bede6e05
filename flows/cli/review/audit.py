"""``medmultipoints audit``: what the audit of a release found."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from medmultipoints.data_lake.release.card.card import describe_convention
from medmultipoints.data_lake.release.read.audit_findings import finding_rows, read_conventions, read_findings
from medmultipoints.data_lake.report.correction_entries import entry, values_of
from medmultipoints.flows.cli.console import OUT, print_json, table
from medmultipoints.transforms.columns.tables import load_table
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import meant
from medmultipoints.transforms.reporting.counted import plural

MOST_SHOWN = 40


def audit(
    release: Annotated[Path, typer.Argument(help="Folder of a release.")],
    kind: Annotated[
        list[str] | None, typer.Option(help="Findings of this check only, such as phantom; repeatable.")
    ] = None,
    as_entries: Annotated[
        bool, typer.Option("--entries", help="Print each finding as an entry for a corrections file, to be completed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one finding per line as JSON, the worst first.")
    ] = False,
) -> None:
    """Show what the audit found: boxes that disagree with masks, odd tracks, odd pictures, and what was done.

    Errors and warnings say that the source is wrong or doubtful, info is harmless. A kind is the name of a check, as
    phantom; docs/reasons.md explains each. The detail of a finding is its evidence in words.

    Example: `medmultipoints audit lake/releases/demo/1.0.0 --kind phantom --kind missing`
    """
    findings = read_findings(release)
    check_kinds(kind or ())
    findings = findings.filter(pl.col("kind").is_in(kind)) if kind else findings
    if as_json:
        for row in finding_rows(findings):
            print_json(row)
        return
    if as_entries:
        print_entries(findings)
        return
    for row in read_conventions(release).iter_rows(named=True):
        OUT.print(describe_convention(row), markup=False)
    if findings.is_empty():
        OUT.print("\nno findings" + (" of this kind" if kind else ""))
    else:
        print_findings(findings, of_kind=bool(kind))


def check_kinds(names: Iterable[str]) -> None:
    """Raise UsageError for a name that is not a kind of finding."""
    stated = load_table("disagreements").column("kind").check.values
    known = [str(name) for name in stated] if isinstance(stated, tuple) else []
    for name in names:
        if name not in known:
            raise UsageError(f"--kind {name}: unknown kind; {meant(name, known)}.")


def print_findings(findings: pl.DataFrame, *, of_kind: bool = False) -> None:
    """Print the number of findings of each kind, and the first errors and warnings; of chosen kinds any."""
    grouped = findings.group_by("severity", "kind", "action", maintain_order=True).agg(
        pl.len().alias("findings"), pl.col("sample_id").n_unique().alias("images")
    )
    table("\nFindings", grouped.columns, [[str(value) for value in row] for row in grouped.rows()])
    shown = (findings if of_kind else findings.filter(pl.col("severity") != "info")).head(MOST_SHOWN)
    if not shown.is_empty():
        rows = [_describe(row) for row in shown.iter_rows(named=True)]
        table("\nOf this kind" if of_kind else "\nErrors and warnings", TITLES, rows)
    if hidden := findings.height - shown.height:
        options = "--json shows" if of_kind else "--kind KIND and --json show"
        OUT.print(f"\n{hidden:,} more: {options} them all")


TITLES = ("severity", "kind", "image", "label", "source's box", "derived box", "IoU", "evidence")


def print_entries(findings: pl.DataFrame) -> None:
    """Print findings as TOML entries; a comment counts the findings without an entry.

    An entry names its label where the image has findings of that kind about several: without it, it settles them all.
    """
    found = [values for row in findings.iter_rows(named=True) if (values := values_of(row)) is not None]
    labels: dict[tuple[str, str], set[str]] = {}
    for values in found:
        labels.setdefault((values["image"], values["kind"]), set()).add(values["label"])
    for values in found:
        several = len(labels[values["image"], values["kind"]]) > 1
        OUT.print(entry(values, "accept", of_label=several and bool(values["label"])), markup=False)
    if left := findings.height - len(found):
        OUT.print(
            f"# without an entry, because their images are in quarantine: {plural(left, 'finding')}", markup=False
        )


def _describe(row: dict[str, object]) -> list[str]:
    overlap = row["iou"]
    return [
        str(row["severity"]),
        str(row["kind"]),
        str(row["sample_id"]),
        str(row["label"]),
        _box(row["source_box"]),
        _box(row["derived_box"]),
        f"{overlap:.3f}" if isinstance(overlap, float) else "",
        str(row["detail"] or ""),
    ]


def _box(sides: object) -> str:
    return " ".join(f"{side:g}" for side in sides) if isinstance(sides, list) else ""
