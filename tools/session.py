"""Run the demo and paste its output into the README.

The README is not changed if only seconds, hashes and column widths differ.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.reference import README, replace_between

BEGIN, END = "<!-- session: pasted by `make docs` -->\n", "<!-- end of session -->"
COMMAND = [sys.executable, "-P", "-m", "medmultipoints", "demo"]
MOST_LINES = 11


def run_demo(folder: Path) -> str:
    """Return the standard output of the demo, run in the folder, as a terminal without colours shows it."""
    plain = os.environ | {"TTY_COMPATIBLE": "1", "TERM": "dumb", "COLUMNS": "120"}
    plain.pop("MEDMULTIPOINTS_LAKE", None)
    return subprocess.run(COMMAND, cwd=folder, env=plain, check=True, stdout=subprocess.PIPE, text=True).stdout


def shorten(printed: str) -> str:
    """Return the README's block: the output without the root, and with at most eleven lines per paragraph."""
    lines = [line.rstrip() for line in printed.splitlines() if not line.startswith("root ")]
    paragraphs = [paragraph.splitlines() for paragraph in "\n".join(lines).split("\n\n")]
    cut = [
        paragraph if len(paragraph) <= MOST_LINES else [*paragraph[: MOST_LINES - 1], "..."] for paragraph in paragraphs
    ]
    body = "\n\n".join("\n".join(paragraph) for paragraph in cut).rstrip()
    return f"```console\n$ medmultipoints demo\n{body}\n```\n"


def shown_session(readme: str) -> str:
    """Return the session block of a README."""
    return readme.split(BEGIN)[1].split(END)[0]


def settled(block: str) -> str:
    """Return a block without the parts that differ between runs: seconds, hashes, column widths."""
    timeless = re.sub(r"\d+\.\d s\b|\bkept\b", "TIME", re.sub(r"\b[0-9a-f]{64}\b", "SHA256", block))
    return re.sub(r" +", " ", timeless)


def main() -> None:
    """Run the demo, and update the README if its session has changed."""
    with TemporaryDirectory() as folder:
        block = shorten(run_demo(Path(folder)))
    readme = README.read_text("utf-8")
    if settled(shown_session(readme)) != settled(block):
        README.write_text(replace_between(readme, BEGIN, END, block), "utf-8")


if __name__ == "__main__":
    main()
