"""Every word that an exclusion or a finding may hold is explained, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from medmultipoints.transforms.audit import (
    box_findings,
    image_findings,
    reading_findings,
    text_findings,
    track_findings,
)
from medmultipoints.transforms.columns.tables import load_table
from medmultipoints.transforms.reporting.explained import MASK, explained_exclusions, explained_findings

ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+|private")
MADE = {
    **dict.fromkeys(("ImageProblem", "LabelProblem", "MemberProblem", "Fault", "Problem", "_EntryError"), 0),
    "reject": 1,
    "refuse": 1,
    "_refuse": 3,
}
"""What makes a reason, and the place of the word among its arguments; further ones have ``reason=``."""
KNOWN = {word for words in explained_exclusions().values() for word in words}


def sources() -> Iterator[tuple[str, str]]:
    for room in ("transforms", "data_lake", "flows"):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def stated(call: ast.Call) -> Iterator[str]:
    """The words that a call states as a reason."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    given = [word.value for word in call.keywords if word.arg == "reason"]
    given += call.args[MADE[name] : MADE[name] + 1] if name in MADE else []
    for node in (node for value in given for node in ast.walk(value)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.fullmatch(node.value):
            yield node.value


def test_every_reason_in_the_code_is_explained() -> None:
    found = {
        word: path
        for path, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        for word in stated(node)
    }
    assert len(found) > 100
    assert {} == {word: path for word, path in found.items() if not {word, f"{MASK}{word}"} & KNOWN}


def test_every_reason_that_is_explained_occurs() -> None:
    quoted = {word for _, text in sources() for word in re.findall(r'"([a-z0-9_]+)"', text)}
    catalogue = sorted((ROOT / "data_lake" / "sources").glob("*.toml"))
    quoted |= {word for path in catalogue for word in re.findall(r'"([a-z0-9_]+)"', path.read_text("utf-8"))}
    made = {"duplicate_bytes", "duplicate_pixels", "answer_rederived_in_set"}
    assert set() == {word for word in KNOWN - made if not {word, word.removeprefix(MASK)} & quoted}


def test_every_kind_of_finding_is_explained_with_its_severity() -> None:
    explained = {word: one.severity for words in explained_findings().values() for word, one in words.items()}
    (kinds,) = (column.check.values for column in load_table("disagreements").columns if column.name == "kind")
    assert set(kinds or ()) == explained.keys()
    for module in (box_findings, image_findings, reading_findings, text_findings, track_findings):
        severities = module.SEVERITIES
        assert dict(severities) == {kind: explained[kind] for kind in severities}, module.__name__
