"""Inputs that are spoilt one by one in a source that is otherwise sound, and what the quarantine must say of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medmultipoints.flows.engine.execute import Outcome
from tests.faults.building import excluded
from tests.faults.tiny_sources import Files

Spoil = Callable[[Files, str], None]
PAIR = ("{source}/{image}", "{source}/{mask}")


@dataclass(frozen=True, slots=True)
class Case:
    """One spoilt picture: how it is spoilt, and the reason, message and keys of the exclusions that come of it.

    ``spoil`` gets the files and the picture's stem. Message and keys name the files as ``{image}``, ``{mask}``, and
    so on; a message may be the beginning of the whole one.
    """

    spoil: Spoil
    reason: str
    message: str
    keys: tuple[str, ...] = ("{source}/{stem}",)
    verdict: str = "rejected"


Cases = Mapping[str, Case]
Names = Callable[[str], Mapping[str, str]]


def fill(text: str, names: Mapping[str, str]) -> str:
    """The text with the names in place; other braces stay."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def plant(files: Files, cases: Cases) -> Files:
    """The files with every case spoilt on the stem of its own name."""
    for stem, case in cases.items():
        case.spoil(files, stem)
    return files


def keys_of(case: Case, names: Mapping[str, str]) -> set[str]:
    """The keys of all inputs that the case costs."""
    return {fill(key, names) for key in case.keys}


def check_case(outcome: Outcome, case: Case, names: Mapping[str, str]) -> None:
    """Each input of the case is excluded with verdict, reason and message."""
    found = excluded(outcome)
    for key in sorted(keys_of(case, names)):
        verdict, reason, detail = found[key]
        assert (verdict, reason) == (case.verdict, case.reason)
        assert detail.startswith(fill(case.message, names)), detail
