"""The table stages at 1 and 10 million rows, Great Expectations in chunks: time, peak memory, growth."""

from pathlib import Path
from typing import Any

from benchmarks.scale import measure, tasks
from tests.acceptance.inputs import small

SIZES = (1_000_000, 10_000_000)
OF_NEAR = (100_000, 1_000_000)
"""Every thumbnail is looked up by 22 hashes: ten million take more than an hour."""
REDUCED = (10_000, 100_000)


def run(_work: Path) -> dict[str, Any]:
    """Each table stage alone, one process each, one after the other."""
    figures: dict[str, Any] = {}
    for task in tasks(0):
        less, more = REDUCED if small() else OF_NEAR if task == "near" else SIZES
        one, ten = measure(task, less), measure(task, more)
        assert not any("stopped" in found for found in (one, ten)), (one, ten)
        growth = {
            "time": round(ten["seconds"] / max(one["seconds"], 0.01), 1),
            "memory": round(ten["peak_mb"] / one["peak_mb"], 1),
        }
        figures[task] = {str(less): one, str(more): ten, "growth": growth}
    return figures
