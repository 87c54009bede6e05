"""Equal forms of one sentence: contractions, spellings and turns of phrase, brought to those that the grammar knows."""

import re
from typing import Final

from medmultipoints.transforms.claims.facts import SIZE_NAMES_IN_FULL
from medmultipoints.transforms.claims.predicates import NUMBERS

_TOKEN: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d+(?:\.\d+)?|[^\s.!()]")
_NUMBER: Final = rf"(?:\d+|{'|'.join(NUMBERS)})"
_FORMS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"\b(it|there|that)'s\b", r"\1 is"),
        (r"\b(left|right)-hand\b", r"\1"),
        (r", so (it is|they are)\b", r", \1"),
        (r"\b(tiny|small|medium|large)[ -]sized\b", r"\1"),
        (r"\bof (tiny|small|medium|large) size\b", r"\1"),
        (r"\bits size is\b", "it is"),
        (r"\b(is|are) absent\b", r"\1 not present"),
        (r"\b(?:is|are) (?:free|devoid) of\b", "contains no"),
        (r"\blacks (?:an?|any)\b", "contains no"),
        (r"\bnot a single\b", "no"),
        (r"\bno (?:sign|evidence|trace|indication)s? of (?:(?:an?|any) )?", "no "),
        (r"\b(no|not)\b(.*) at all\b", r"\1\2"),
        (r"\ba pair of\b", "two"),
        (r"\ba dozen\b", "12"),
        (r"\ba hundred\b", "100"),
        (rf"\ba total of (?={_NUMBER}\b)", ""),
        (r"\ba (?:lone|solitary|sole)\b", "a single"),
        (rf"\bthe number of ([\w-]+) is (exactly )?({_NUMBER})(?= ?(?:[,;]|$))", r"there are \2\3 \1"),
    )
)


def plain_words(text: str) -> str:
    """Return the words, numbers and marks of a sentence in lower case, each after one space."""
    for full, short in SIZE_NAMES_IN_FULL.items():
        text = text.replace(full, short)
    words = " ".join(_TOKEN.findall(text.casefold().replace("\u2019", "'")))
    for pattern, new in _FORMS:
        words = pattern.sub(new, words)
    return re.sub(r"(\d|point) , that of the ring\b", r"\1 that of the ring", words)
