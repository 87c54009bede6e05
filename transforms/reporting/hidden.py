"""Escape texts of sources: characters that control a terminal or turn text, and Markdown."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_CODES: Final = (
    *(code for code in range(0x20) if chr(code) not in "\t\n"),
    *range(0x7F, 0xA0),
    *(0x061C, 0x2060, 0xFEFF),
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
)
HIDDEN: Final[Mapping[int, str]] = {code: f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}" for code in _CODES}
"""Each hidden character with its visible escape."""
BREAKS: Final[Mapping[int, str]] = {**HIDDEN, ord("\n"): "\\n", ord("\t"): "\\t"}
"""The same for one-line names: line breaks and tabs are escaped, too."""
UNNAMEABLE: Final = frozenset(map(chr, BREAKS)) - {"\u200c", "\u200d"}
"""Characters that labels must not contain; the two joiners are allowed, since some scripts need them."""
IN_JSON: Final[Mapping[int, str]] = {code: f"\\u{code:04x}" for code in _CODES}
"""Each hidden character as a JSON escape, which readers decode to the same character."""

_LINK: Final = re.compile(r"\[(?=[^\]]*\]\()")


def escape_rows(rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return rows for a table on a page, with escapes for hidden characters in their texts."""
    return [
        {name: value.translate(BREAKS) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]


def as_cell(value: object) -> str:
    """Return a value as one table cell; tags, links and pictures are escaped to plain text."""
    text = " ".join(str(value).split()).translate(HIDDEN)
    return _LINK.sub(r"\\[", text.replace("|", "\\|").replace("<", "&lt;"))
