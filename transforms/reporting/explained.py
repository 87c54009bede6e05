"""Explain each reason of an exclusion and each kind of finding, with a remedy."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_HERE: Final = files(__package__ or "")
MASK: Final = "mask_"
"""Prefix of picture reasons that are about the picture's mask."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The meaning and remedy of a reason or kind; ``severity`` only for findings."""

    meaning: str
    remedy: str
    severity: str = ""


@cache
def explained_exclusions() -> Mapping[str, Mapping[str, Explained]]:
    """Return the explanation of every exclusion reason, grouped by the kind of input."""
    return {room: {word: Explained(*texts) for word, texts in words.items()} for room, words in _read("exclusions")}


@cache
def explained_findings() -> Mapping[str, Mapping[str, Explained]]:
    """Return the explanation of every kind of finding, grouped by subject."""
    return {
        room: {word: Explained(meaning, remedy, severity) for word, (severity, meaning, remedy) in words.items()}
        for room, words in _read("findings")
    }


def meaning_of_kind(kind: str) -> str:
    """Return what a kind of finding means, with code in backticks."""
    return next((words[kind].meaning for words in explained_findings().values() if kind in words), "")


def meaning_of_reason(reason: str) -> str:
    """Return what the reason of an exclusion means; empty for the name of a rule of a table."""
    rooms = explained_exclusions().values()
    return next((words[name].meaning for name in (reason, f"{MASK}{reason}") for words in rooms if name in words), "")


def _read(name: str) -> list[tuple[str, dict[str, list[str]]]]:
    return [*tomllib.loads(_HERE.joinpath(f"{name}.toml").read_text("utf-8")).items()]
