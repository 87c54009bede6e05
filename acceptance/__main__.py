"""``python -m acceptance [NAME…] [--redo] [--small]``: shows what must be shown; figures go to ``.accept/``."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from acceptance.inputs import SMALL
from acceptance.runner import Result, results_folder, run_scripts, scripts


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every script showed what it must."""
    known = scripts()
    parser = argparse.ArgumentParser(prog="python -m acceptance", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(sorted(known))}; a prefix will do")
    parser.add_argument("--redo", action="store_true", help="run again what is finished")
    parser.add_argument("--small", action="store_true", help="reduced sizes, for work on the scripts themselves")
    options = parser.parse_args(arguments)
    chosen = [name for name in known if not options.names or name.startswith(tuple(options.names))]
    if not chosen:
        parser.error(f"no script {', '.join(options.names)}; there are {', '.join(sorted(known))}")
    if options.small:
        os.environ[SMALL] = "1"
    results = run_scripts(chosen, results_folder(), redo=options.redo)
    print(*(f"\n{line}" for line in table(results)), sep="")
    return 0 if all(result.passed for result in results) else 1


def table(results: Sequence[Result]) -> list[str]:
    """One line a script, in the order of their numbers, and what is not shown in full."""
    ordered = sorted(results, key=lambda result: result.name)
    lines = ["| script | shown | seconds | figures |", "|---|---|---:|---|"]
    lines += [
        f"| {result.name} | {'yes' if result.passed else 'NO'} | {result.seconds:.1f} | {_short(result.figures)} |"
        for result in ordered
    ]
    return lines + [f"\n{result.name}: {result.error}" for result in ordered if not result.passed]


def _short(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items() if isinstance(value, int | float | str))


if __name__ == "__main__":
    sys.exit(main())
