"""The figures as a Markdown text."""

from collections.abc import Mapping
from typing import Any

NOTE = """\
Ours: the pipeline's own stages from index to manifest, in one process with threads and without Prefect; every
table is validated by Great Expectations on the way ("validate": joining, validating and storing each stage's
tables). Baseline: `Dataset.from_generator` over the sorted files, PIL, scipy.ndimage, `to_parquet`,
`json.dumps`; one process, plain files, no validation, no track ids, no run-length codes, no audit, five short
questions an image where ours writes and re-derives five instructions a record. Wall time of whole processes,
medians of interleaved rounds [fastest..slowest]; ratio = baseline / ours. "With the same columns": the baseline
also hashes the pixels (by which copies are found), makes a perceptual hash, run-length codes and track ids.
"""


def markdown(figures: Mapping[str, Any], size: str) -> str:
    """The comparison for people."""
    equal, peak = figures["equal"], figures["peak_mb"]
    lines = [
        f"# Benchmark: {size}, {figures['rounds']} rounds, {figures['workers']} threads",
        "",
        NOTE,
        f"Equal outputs: {equal['boxes']:,} boxes, {equal['images']:,} pictures, {equal['image_bytes']:,} bytes.",
        "",
        "| part | ours, s | baseline, s | ratio |",
        "|---|---:|---:|---:|",
        *(_line(name, part) for name, part in figures["parts"].items()),
        _line("**overall**", figures["overall"]),
        _line("overall, baseline with the same columns", figures["same_columns"]),
        _line("without validation, audit, split", figures["same_work"]),
        _line("the same, baseline with the same columns", figures["same_columns_same_work"]),
        _line("processor seconds", figures["cpu_seconds"]),
        f"| peak memory, MB | {peak['ours']:,} | {peak['baseline']:,} | {peak['baseline'] / peak['ours']:.2f} |",
        "",
        "Work of our stages, s: "
        + ", ".join(f"{name} {seconds['median']:.2f}" for name, seconds in figures["stages"].items())
        + ".",
    ]
    return "\n".join(lines)


def _line(name: str, part: Mapping[str, Any]) -> str:
    ratio = part.get("ratio")
    shown = f"{ratio['median']:.2f} [{ratio['min']:.2f}..{ratio['max']:.2f}]" if ratio else "-"
    return f"| {name} | {_seconds(part['ours'])} | {_seconds(part['baseline'])} | {shown} |"


def _seconds(value: Mapping[str, float]) -> str:
    return f"{value['median']:.2f} [{value['min']:.2f}..{value['max']:.2f}]" if value["max"] else "-"
