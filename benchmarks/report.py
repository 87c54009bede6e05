"""Render the figures as Markdown."""

from collections.abc import Mapping
from typing import Any

NOTE = """\
Ours: the pipeline's stages from index to manifest, in one process with threads and without Prefect. Baseline:
`Dataset.from_generator` over the sorted files, PIL, scipy.ndimage, `to_parquet`; one process, plain files. Both make
the same boxes and picture bytes, and the other costly columns: pixel hash, perceptual hash, RLE, track ids. "Fewer
columns" is a baseline without these columns, "the same kernels" one with simplejpeg and OpenCV. "The floor" reads,
hashes and decodes every file once and writes the pictures, on the same threads. "Derive + release" is the work that
both do: process start, tables of images and objects, removal of duplicates, Parquet. "Whole build" adds the work that
only ours does: validation of every table, near-duplicates, measured pictures, audit, checked instructions (the baseline
writes five short questions per image), card and manifest. Wall time, medians of interleaved rounds
[fastest..slowest]; ratio = baseline / ours.
"""


def markdown(figures: Mapping[str, Any], size: str) -> str:
    """Return the comparison as a Markdown page."""
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
        _line("**derive + release**", figures["overall"]),
        _line("derive + release, baseline with fewer columns", figures["overall_fewer_columns"]),
        _line("derive + release, baseline with the same kernels", figures["overall_same_kernels"]),
        _line("derive + release against the floor", figures["overall_floor"]),
        _line("whole build", figures["whole_build"]),
        _line("whole build, baseline with fewer columns", figures["whole_build_fewer_columns"]),
        _line("processor seconds of the whole build", figures["cpu_seconds"]),
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
