"""Claims and verdicts: the values that the grammar yields and the judge gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

PREMISE: Final = "premise"
"""In the numbers of a claim: what it says is presupposed or holds of what the text has not named; never false alone."""
Kind = Literal[
    "count", "presence", "place", "size", "share", "superlative", "border", "relation", "overlap", "contrast",
    "texture", "aspect", "label", "organ", "alone", "comparison", "brightness", "touch", "between",
    "part",
]  # fmt: skip
Verdict = Literal["true", "false", "uncheckable"]
Determiner = Literal["the", "a", "each", "some", "asked", "unclear"]


@dataclass(frozen=True, slots=True)
class Mention:
    """The objects that a phrase means: those of ``label`` for which all of ``given`` holds ("small polyp").

    ``determiner``: "the" one (or all), "a" certain one, "each", "some" that words single out which are not known, the
    object that the question gives, or one that a pronoun leaves "unclear".
    """

    label: str | None = None
    determiner: Determiner = "asked"
    given: "tuple[Claim, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement: what is said (``kind``, ``value``, ``numbers``) of which objects (``about``).

    ``other`` is the second object of a relation, ``second`` the third of "between"; of "two of the polyps", ``other``
    means all of them. ``denied``: the sentence says that
    it is not so.
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
    """What a sentence says: its claims, and the words that the grammar does not know, in order.

    ``doubtful``: these words may change what the others say ("it is false that"), and do not only add to it ("red").
    """

    claims: tuple[Claim, ...]
    unread: tuple[str, ...]
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """A sentence with its verdict and the verdict of each claim; ``reason`` says why it is not true."""

    text: str
    verdict: Verdict
    claims: tuple[tuple[Claim, Verdict], ...]
    reason: str = ""
