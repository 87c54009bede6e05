"""JSON in a fenced block of Markdown: how answers are written, and the three ways in which they are read."""

import re
from typing import Final, Literal

Reader = Literal["whole", "published", "any"]
_READERS: Final = {
    "whole": re.compile(r"\A```json\n(.*)\n```\Z", re.DOTALL),
    "published": re.compile(r"```json\s*(.*?)\s*```", re.DOTALL | re.IGNORECASE),
    "any": re.compile(r"```[ \t]*\w*\s(.*?)(?:```|\Z)", re.DOTALL),
}


def write_fenced(text: str) -> str:
    """Return the text in a block, as the published answers have it."""
    return f"```json\n{text}\n```"


def fenced_pattern(pattern: str) -> str:
    """Return the regular expression of a block whose text matches a pattern."""
    return rf"\A```json\n{pattern}\n```\z"


def read_fenced(text: str, reader: Reader = "whole") -> str | None:
    """Return the text in the first fenced block; None without one.

    ``whole``: the text is one block as ``write_fenced`` writes it. ``published``: a block marked as JSON, as the
    program of the published evaluation finds it. ``any``: a block of any language, closed or not.
    """
    found = _READERS[reader].search(text)
    return found[1] if found else None
