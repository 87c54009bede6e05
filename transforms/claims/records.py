"""Claims and verdicts: the values that the grammar yields and the judge gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "count", "presence", "place", "size", "share", "superlative", "border", "relation", "overlap", "contrast",
    "texture", "aspect", "organ",
]  # fmt: skip
Verdict = Literal["true", "false", "uncheckable"]
Determiner = Literal["the", "a", "each", "asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement: what is said (``kind``, ``value``) of which objects (``label``, ``determiner``).

    ``determiner``: "the" one or all of the label, "a" certain one, "each", or the object that the question gives.
    ``other`` is the label of a relation's second object. ``denied``: the sentence says that it is not so.
    """

    kind: Kind
    label: str | None = None
    determiner: Determiner = "the"
    value: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    other: str | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a sentence says: its claims, and the words that the grammar does not know, in order."""

    claims: tuple[Claim, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """A sentence with its verdict and the verdict of each claim; ``reason`` says why it is not true."""

    text: str
    verdict: Verdict
    claims: tuple[tuple[Claim, Verdict], ...]
    reason: str = ""
