"""Parse a model's reply into the sentences of its five parts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from medmultipoints.transforms.claims.parsing.grammar import split_sentences
from medmultipoints.transforms.descriptions.prompting import PARTS
from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value

Outcome = Literal["answered", "refused", "cut"]
"""The server's finish reason: the model answered, declined, or reached the token limit."""


_DECLINES: Final = re.compile(
    r"\s*(?:(?:i['\u2019]?m |i am )?(?:very )?sorry\b|i apologi[sz]e\b|as an ai\b|(?:unfortunately,? )?"
    r"i(?: am|['\u2019]m)? (?:cannot|can['\u2019]t|can not|won['\u2019]t|unable|not able|must decline)\b)",
    re.IGNORECASE,
)
"""Pattern of the beginning of a refusal in plain text."""

_THOUGHTS: Final = re.compile(r"\A(?:.*</think>|\s*<think>.*)", re.DOTALL)
"""What a reasoning model thinks before it answers; some servers leave the first tag out."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of a reply."""

    part: str
    text: str


def read_reply(reply: str) -> tuple[Said, ...] | None:
    """Return the sentences of a reply in the order of the parts; None if it does not have the requested form.

    A part is a list of sentences or one text; unknown keys make the form invalid.
    """
    try:
        value = find_value(reply)
    except NoAnswer:
        return None
    if not isinstance(value, Mapping) or not set(value) <= set(PARTS):
        return None
    texts = {part: _texts(value.get(part, [])) for part in PARTS}
    if any(found is None for found in texts.values()):
        return None
    return tuple(
        Said(part, sentence)
        for part, found in texts.items()
        for text in found or ()
        for sentence in split_sentences(text)
    )


def without_thoughts(reply: str) -> str:
    """Return the answer in a reply without the thoughts of the model before it."""
    return _THOUGHTS.sub("", reply).strip()


def declines(reply: str) -> bool:
    """Return whether a reply in another form begins with a refusal."""
    return _DECLINES.match(reply) is not None


def _texts(part: Any) -> list[str] | None:
    listed = part if isinstance(part, list) else [part]
    return listed if all(isinstance(text, str) for text in listed) else None
