"""A model's reply taken apart: the sentences of its five parts, or why there are none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from medmultipoints.transforms.claims.grammar import split_sentences
from medmultipoints.transforms.descriptions.prompting import PARTS
from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value

Outcome = Literal["answered", "refused", "cut"]
"""Whether the server says that the model answered, declined, or was cut off by the limit of tokens."""


_DECLINES: Final = re.compile(
    r"\s*(?:(?:i['\u2019]?m |i am )?(?:very )?sorry\b|i apologi[sz]e\b|as an ai\b|(?:unfortunately,? )?"
    r"i(?: am|['\u2019]m)? (?:cannot|can['\u2019]t|can not|won['\u2019]t|unable|not able|must decline)\b)",
    re.IGNORECASE,
)
"""How a model begins to decline in plain text."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of a reply."""

    part: str
    text: str


def read_reply(reply: str) -> tuple[Said, ...]:
    """Return the sentences of a reply in the order of the parts; none where it is not in the form that was asked for.

    A part is a list of sentences or one text; keys that were not asked for make it another form.
    """
    try:
        value = find_value(reply)
    except NoAnswer:
        return ()
    if not isinstance(value, Mapping) or not set(value) <= set(PARTS):
        return ()
    texts = {part: _texts(value.get(part, [])) for part in PARTS}
    if any(found is None for found in texts.values()):
        return ()
    return tuple(
        Said(part, sentence)
        for part, found in texts.items()
        for text in found or ()
        for sentence in split_sentences(text)
    )


def declines(reply: str) -> bool:
    """Return whether a reply without the form begins as one that declines."""
    return _DECLINES.match(reply) is not None


def _texts(part: Any) -> list[str] | None:
    listed = part if isinstance(part, list) else [part]
    return listed if all(isinstance(text, str) for text in listed) else None
