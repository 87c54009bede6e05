"""Value types for claims and verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

PREMISE: Final = "premise"
"""Key in a claim's numbers: the claim is presupposed, or about something the text does not name; never false alone."""
Kind = Literal[
    "count", "presence", "place", "size", "share", "superlative", "border", "relation", "overlap", "contrast",
    "texture", "aspect", "label", "organ", "alone", "comparison", "brightness", "touch", "between",
    "part", "extent", "listed", "fill",
]  # fmt: skip
Verdict = Literal["true", "false", "uncheckable"]
Determiner = Literal["the", "a", "each", "some", "asked", "unclear"]


@dataclass(frozen=True, slots=True)
class Mention:
    """The objects that a phrase refers to: those of ``label`` that satisfy all of ``given`` ("small polyp").

    ``determiner``: "the" one (or all), "a" single one, "each", "some" (selected by unknown words), "asked" (the object
    of the question) or "unclear" (an ambiguous pronoun).
    """

    label: str | None = None
    determiner: Determiner = "asked"
    given: "tuple[Claim, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement (``kind``, ``value``, ``numbers``) about some objects (``about``).

    ``other`` is the second object of a relation and ``second`` the third of "between"; for "two of the polyps",
    ``other`` means all of them; for an enumeration, ``other.given`` has one claim per part. ``denied``: the
    sentence negates the statement.
    """

    kind: Kind
    about: Mention = Mention()
    value: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    other: Mention | None = None
    second: Mention | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed sentence: its claims, and the words unknown to the grammar, in order.

    ``doubtful``: the unknown words may change the meaning ("it is false that"), not only add to it ("red").
    """

    claims: tuple[Claim, ...]
    unread: tuple[str, ...]
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """A sentence with its verdict and the verdicts of its claims; ``reason`` says why it is not true."""

    text: str
    verdict: Verdict
    claims: tuple[tuple[Claim, Verdict], ...]
    reason: str = ""
