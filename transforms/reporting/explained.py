"""What each reason of an exclusion and each kind of finding means, and what helps."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_HERE: Final = files(__package__ or "")
MASK: Final = "mask_"
"""What the words of pictures begin with where the mask of a picture is at fault."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The meaning of a word and what helps; ``severity`` of findings alone."""

    meaning: str
    remedy: str
    severity: str = ""


@cache
def explained_exclusions() -> Mapping[str, Mapping[str, Explained]]:
    """Return every reason of an exclusion, by what is at fault."""
    return {room: {word: Explained(*texts) for word, texts in words.items()} for room, words in _read("exclusions")}


@cache
def explained_findings() -> Mapping[str, Mapping[str, Explained]]:
    """Return every kind of finding, by what it is about."""
    return {
        room: {word: Explained(meaning, remedy, severity) for word, (severity, meaning, remedy) in words.items()}
        for room, words in _read("findings")
    }


def _read(name: str) -> list[tuple[str, dict[str, list[str]]]]:
    return [*tomllib.loads(_HERE.joinpath(f"{name}.toml").read_text("utf-8")).items()]
