"""Write and read JSON in fenced Markdown blocks."""

import re
from typing import Final, Literal

Reader = Literal["whole", "published", "any"]
_READERS: Final = {
    "whole": re.compile(r"\A```json\n(.*)\n```\Z", re.DOTALL),
    "published": re.compile(r"```json\s*(.*?)\s*```", re.DOTALL | re.IGNORECASE),
    "any": re.compile(r"```[ \t]*\w*\s(.*?)(?:```|\Z)", re.DOTALL),
}


def write_fenced(text: str) -> str:
    """Return the text in a fenced block, in the form of the published answers."""
    return f"```json\n{text}\n```"


def fenced_pattern(pattern: str) -> str:
    """Return the regular expression for a block whose text matches a pattern."""
    return rf"\A```json\n{pattern}\n```\z"


def read_fenced(text: str, reader: Reader = "whole") -> str | None:
    """Return the text of the first fenced block, or None.

    ``whole``: the whole text must be one block as ``write_fenced`` writes it. ``published``: a block marked as JSON, as
    the published evaluation finds it. ``any``: a block of any language, closed or not.
    """
    found = _READERS[reader].search(text)
    return found[1] if found else None
