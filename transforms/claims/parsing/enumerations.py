"""Read enumerations after a number: "two polyps, one in the upper left and the other in the centre"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.claims.claim_types import Claim, Mention
from medmultipoints.transforms.claims.parsing.predicates import NUMBERS, SIZE_NAMES, degree, number_of, read_predicate
from medmultipoints.transforms.claims.parsing.statements import Statement

_ORDER: Final = ("first", "second", "third", "fourth")
_NUMBER: Final = re.compile(
    rf"(?:(?P<number>{'|'.join(word for word in NUMBERS if word != 'zero')})(?: of (?:them|these|which))?"
    rf"|the (?P<order>{'|'.join(_ORDER)})|(?P<rest>the other|another))(?: one)? "
    "(?:(?:that|which) )?(?:(?:is|are|lies|lie|sits|being|located|situated|visible|seen|found) )*"
)
_SIZE: Final = re.compile(rf"(?P<word>{'|'.join(SIZE_NAMES)})(?= (?:[,;]|and\b)|$)")
_NEXT: Final = re.compile(r" (?:, )?(?:and |while |whereas )?")
_END: Final = re.compile(r"(?: [,;]|$)")


@dataclass(frozen=True, slots=True)
class _Parts:
    """The claims about each object of an enumeration; ``whole``: there are exactly ``number`` objects."""

    end: int
    parts: tuple[tuple[Claim, ...], ...]
    number: int
    whole: bool


def read_listed(words: str, at: int, whole: Statement) -> tuple[int, list[Claim]] | None:
    """Return the end and the claims of an enumeration of the objects of ``whole``; None if none begins here."""
    if whole.label is None or whole.quantifier != "count":
        return None
    one = bool(whole.said) and whole.bounds == {"least": 1, "most": 1}  # "one polyp is small, the other is large"
    found = None if whole.said and not one else _read_parts(words, at, int(one))
    if found is None or found.number > whole.bounds.get("most", found.number) + one:
        return None
    parts = ((tuple(whole.said),) if one else ()) + found.parts
    given = tuple(Claim(kind="presence", about=Mention(whole.label, "a", part)) for part in parts)
    about = Mention(whole.label, "a", whole.given)
    claims = [Claim(kind="listed", about=about, other=Mention(whole.label, "a", given))]
    if found.whole:
        claims.append(Claim(kind="count", about=about, numbers={"least": found.number, "most": found.number}))
    return found.end, claims


def _read_parts(words: str, at: int, before: int) -> _Parts | None:
    """Return the enumeration that begins at a position; None if it is incomplete.

    ``before``: the number of objects already described, which "the other" excludes.
    """
    parts: list[tuple[Claim, ...]] = []
    end, whole = at, False
    while match := _NUMBER.match(words, at):
        claim = _said(words, match.end())
        if claim is None or whole or not _fits_in_order(match, before + len(parts)):
            return None
        end, said = claim
        parts += [(said,)] * (int(number_of(match["number"])) if match["number"] else 1)
        whole = match["rest"] == "the other"
        behind = _NEXT.match(words, end)
        at = behind.end() if behind else len(words)
    if not parts or len(parts) + before < 2 or not _END.match(words, end):
        return None
    return _Parts(end, tuple(parts), before + len(parts), whole)


def _fits_in_order(match: re.Match[str], number: int) -> bool:
    """Return whether an ordinal has its position, and "the other" is the second of two."""
    if match["order"]:
        return _ORDER.index(match["order"]) == number
    return match["rest"] is None or (number == 1 if match["rest"] == "the other" else number > 0)


def _said(words: str, at: int) -> tuple[int, Claim] | None:
    if size := _SIZE.match(words, at):
        return size.end(), degree(size["word"])
    return read_predicate(words, at)


def can_match(fits: Sequence[Sequence[bool]]) -> bool:
    """Return whether every row can be matched with a different fitting column."""
    owner: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in owner or place(owner[column], tried):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(fits)))
