"""The audit of the real pairs: every known anomaly with its kind, no other error or warning, the stated convention."""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.measure import run_measured
from tests.acceptance.builds import audited_pairs, differing
from tests.acceptance.inputs import OTHER_WARNINGS, ROOT, real_data

KEYS = ["source", "stem", "image_sha256", "kind", "severity", "label", "source_box", "derived_box", "iou"]
KEYS += ["action", "detail"]
STATED = (-1.0, -1.0, 0.0, 0.0)
"""What the real data's README says: the JSON's box is (max(x1-1, 0), max(y1-1, 0), x2, y2) of the mask's."""
EXACT = 138


def run(work: Path) -> dict[str, Any]:
    """Findings by kind as the command tells them, and the convention."""
    release = audited_pairs(work.parent).release.path
    findings = told(release)
    known = json.loads((real_data() / "known_anomalies.json").read_bytes())
    expected = {kind: stems_of(entries) for kind, entries in known.items()}
    found: dict[str, list[str]] = defaultdict(list)
    for row in findings:
        found[row["kind"]].append(row["stem"])
    for kind, stems in expected.items():
        assert sorted(found[kind]) == sorted(stems), f"{kind}: {differing(stems, found[kind])}"
    others = {row["stem"]: row["kind"] for row in findings if row["kind"] not in expected and row["severity"] != "info"}
    assert others == OTHER_WARNINGS, f"errors or warnings that are not known: {others}"
    (convention,) = pl.read_parquet(release / "quarantine/conventions.parquet").to_dicts()
    steps = tuple(convention[name] for name in ("dx1", "dy1", "dx2", "dy2"))
    assert steps == STATED, f"the convention is estimated as {steps}, stated is {STATED}"
    assert convention["explained"] == EXACT, f"{convention['explained']} boxes follow it, {EXACT} are stated"
    told_by_card = "(half-open boxes + (-1, -1, 0, 0) px, cut at 0)"
    assert told_by_card in (release / "README.md").read_text(), "the card does not state the convention"
    return {f"findings_{kind}": len(found[kind]) for kind in sorted(found)} | {
        "convention": str(steps),
        "boxes_that_follow_it": convention["explained"],
        "pairs": convention["pairs"],
    }


def told(release: Path) -> list[dict[str, Any]]:
    """What ``medmultipoints audit --json`` prints: one finding a line, with exactly the agreed keys."""
    command = [
        sys.executable,
        "-c",
        "from medmultipoints.flows.cli import main; main()",
        "audit",
        str(release),
        "--json",
    ]
    rows = [json.loads(line) for line in run_measured(command, ROOT).output.splitlines()]
    assert all(list(row) == KEYS for row in rows), f"keys: {next(list(row) for row in rows if list(row) != KEYS)}"
    return rows


def stems_of(entries: Any) -> list[str]:
    """The images that an entry of the list of known anomalies names: a list, pairs, or a table with boxes."""
    return [stem for entry in entries for stem in ([entry] if isinstance(entry, str) else entry)]
