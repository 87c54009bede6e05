"""Guard against a slower pipeline: compare the processor seconds of a small build with the baseline's.

``python -m benchmarks.guard`` compares their ratio with ``benchmarks/guard.json``, and exits with 1 if it grew by more
than noise. ``--store`` writes the measured ratio. Ratios of processor seconds from interleaved runs hold on any
machine; the first round, which warms caches and compiles modules, is not counted.
"""

import argparse
import os
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from benchmarks.corpus import make_corpus
from benchmarks.rounds import fresh, run_baseline, run_pipeline

STORED = Path(__file__).with_name("guard.json")
SIZE = {"polyps": 40, "videos": 2, "frames": 30}
NOISE = 1.3
"""Tolerance: rounds differ by 2 % on a quiet machine, and by 14 % between quiet and busy machines or equal versions."""


def measure(folder: Path, rounds: int = 3) -> float:
    """Return the median ratio of the counted rounds."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # otherwise every start would compile all modules
    corpus = make_corpus(folder / "corpus", **SIZE)
    multiples = []
    for _ in range(rounds):
        ours = run_pipeline(corpus, fresh(folder / "pipeline"), workers=2)
        theirs = run_baseline(corpus, fresh(folder / "baseline"), "more")
        multiples.append(ours.cpu_seconds / theirs.cpu_seconds)
    print("multiples of the rounds:", *(f"{multiple:.2f}" for multiple in multiples))
    return median(multiples[1:])


def main() -> int:
    """Measure the ratio, then compare or store it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--store", action="store_true", help="store the measured multiple instead of comparing")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        multiple = round(measure(Path(folder)), 3)
    if options.store:
        STORED.write_bytes(orjson.dumps({"multiple": multiple, **SIZE}, option=orjson.OPT_INDENT_2) + b"\n")
        return 0
    stored = orjson.loads(STORED.read_bytes())["multiple"]
    slower = multiple > NOISE * stored
    print(f"a small build takes {multiple} times the processor seconds of the plain way; stored: {stored}")
    if slower:
        print("The build became slower. Profile it, or store the new figure with --store and say why in the commit.")
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
