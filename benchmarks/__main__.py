"""Compare derivation and release with a plain Hugging Face script: ``python -m benchmarks``.

Write the figures to ``.bench/result.json`` and a table to standard output.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.corpus import make_corpus
from benchmarks.report import markdown
from benchmarks.rounds import ROOT, run_rounds

FOLDER = ROOT / ".bench"


def compare(folder: Path, *, polyps: int, videos: int, frames: int, rounds: int, workers: int) -> dict[str, Any]:
    """Return the figures of one comparison, also written to ``result.json`` in the folder."""
    corpus = make_corpus(folder / f"{polyps}-{videos}x{frames}", polyps=polyps, videos=videos, frames=frames)
    figures = run_rounds(corpus, folder, rounds=rounds, workers=workers)
    figures |= {"polyp_pairs": polyps, "videos": videos, "frames": videos * frames, "cores": os.cpu_count()}
    (folder / "result.json").write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--polyps", type=int, default=1000, help="polyp pairs (default 1000)")
    parser.add_argument("--videos", type=int, default=20, help="videos (default 20)")
    parser.add_argument("--frames", type=int, default=250, help="frames per video (default 250)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="our threads (default: cores)")
    options = parser.parse_args(arguments)
    figures = compare(FOLDER, **vars(options))
    print(markdown(figures, f"{options.polyps:,} polyp pairs, {figures['frames']:,} frames"))


if __name__ == "__main__":
    main()
