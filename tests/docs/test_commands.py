"""The commands of the README and of all pages exist, and their lines parse."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, commands
from tools.reference import all_commands

KNOWN = dict(all_commands())


def command_of(words: list[str]) -> tuple[str, list[str]]:
    """The command that a line calls, and its arguments."""
    name = next((name for size in (3, 2) if (name := " ".join(words[:size])) in KNOWN), None)
    assert name, f"{' '.join(words)}: no such command"
    end = words.index(">") if ">" in words else len(words)  # where the shell writes the output to
    return name, words[len(name.split()) : end]


def make_targets() -> set[str]:
    """The targets that the Makefile declares."""
    return set(re.findall(r"^([a-z.-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_parses(page: Path) -> None:
    """Commands, options and numbers of arguments are those of the command line; make targets exist."""
    for words in commands(page):
        if words[0] == "make":
            assert words[1] in make_targets()
        if words[0] == "medmultipoints":
            name, arguments = command_of(words)
            KNOWN[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_text_exists(page: Path) -> None:
    """Also those that are named in passing."""
    text = page.read_text("utf-8")
    assert set(re.findall(r"`make ([a-z]+)`", text)) <= make_targets()
    for found in re.findall(r"`medmultipoints ([a-z][^`]*)`", text):
        command_of(["medmultipoints", *found.split()])


def test_every_command_is_in_the_reference() -> None:
    """A command that is added must be documented: run `make docs`."""
    reference = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for name in KNOWN:
        assert f"[`{name.removeprefix('medmultipoints ')}`]" in reference
        assert f"\n## {name}\n" in reference
