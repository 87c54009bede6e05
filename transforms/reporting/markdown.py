"""Texts of sources in Markdown: in one line, without markup of their own, hidden characters as escapes."""

import re
from typing import Final

from medmultipoints.transforms.reporting.hidden import HIDDEN

_LINK: Final = re.compile(r"\[(?=[^\]]*\]\()")


def as_cell(value: object) -> str:
    """Return a value as one cell of a table; what would be a tag, a link or a picture is shown as it is written."""
    text = " ".join(str(value).split()).translate(HIDDEN)
    return _LINK.sub(r"\\[", text.replace("|", "\\|").replace("<", "&lt;"))
