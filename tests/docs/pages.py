"""The documentation as tests see it: pages, their code blocks, the files and commands in them."""

import re
import shlex
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^\*\*`([^`]+)`\*\*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str, mark: str = "") -> list[str]:
    """The code blocks of a page in one language; with a mark only those that bear it."""
    found = _BLOCK.findall(page.read_text("utf-8"))
    return [text for name, marks, text in found if name == language and mark in marks]


def named_files(page: Path) -> dict[str, str]:
    """The files that a page spells out: a bold file name, then a block with its content."""
    return dict(_FILE.findall(page.read_text("utf-8")))


def commands(page: Path, mark: str = "") -> list[list[str]]:
    """Every command line of the page's bash blocks, split as a shell would; comments and redirections are gone."""
    lines = "".join(blocks(page, "bash", mark)).replace("\\\n", " ").splitlines()
    split = (shlex.split(line, comments=True) for line in lines)
    return [
        words for words in (list(takewhile(lambda word: word not in {">", ">>", "|"}, line)) for line in split) if words
    ]
