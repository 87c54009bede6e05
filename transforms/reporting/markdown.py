"""Escape texts of sources for Markdown: one line, no markup, hidden characters as escapes."""

import re
from typing import Final

from medmultipoints.transforms.reporting.hidden import HIDDEN

_LINK: Final = re.compile(r"\[(?=[^\]]*\]\()")


def as_cell(value: object) -> str:
    """Return a value as one table cell; tags, links and pictures are escaped to plain text."""
    text = " ".join(str(value).split()).translate(HIDDEN)
    return _LINK.sub(r"\\[", text.replace("|", "\\|").replace("<", "&lt;"))
