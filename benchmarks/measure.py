"""Run a command and measure wall time, processor time and peak memory."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished run; ``peak_bytes`` is the largest sampled sum of PSS over the process tree.

    ``cpu_seconds`` covers all its processes; it varies less than wall time on a busy machine.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def run_measured(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Return the measurements of a command, including the start of the interpreter and imports.

    Memory is sampled every 0.1 s, so shorter peaks are missed. Raise AssertionError with the end of standard error if
    the command fails.
    """
    start, used = time.perf_counter(), cpu_of_children()
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        sampler = _Sampler(child.pid)
        sampler.start()
        output, errors = child.communicate()
        seconds = time.perf_counter() - start
        sampler.finish()
    assert child.returncode == 0, f"{' '.join(command)} ended with {child.returncode}:\n{errors[-3000:]}"
    return Measured(seconds, cpu_of_children() - used, sampler.peak, output)


def tree_bytes(pid: int) -> int:
    """Return the proportional set size of a process and its descendants; ended processes count as 0."""
    return sum(_pss(member) for member in _tree(pid))


def tree_cpu(pid: int) -> float:
    """Return the processor seconds so far of a process and its descendants that still run."""
    return sum(_cpu(member) for member in _tree(pid))


def cpu_of_children() -> float:
    """Return the processor seconds of all processes that this one has started and waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return median, minimum and maximum."""
    return {"median": round(median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _tree(int(child))


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _cpu(pid: int) -> float:
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class _Sampler(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, tree_bytes(self.pid))

    def finish(self) -> None:
        self.ended.set()
        self.join()
