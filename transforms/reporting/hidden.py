"""Characters that drive a terminal or turn the direction of text, and how they are shown: as escapes."""

from collections.abc import Mapping
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
"""Each with what is shown in its place."""
BREAKS: Final[Mapping[int, str]] = {**HIDDEN, ord("\n"): "\\n", ord("\t"): "\\t"}
"""For a name that is shown in one line: line breaks and tabs are escapes, too."""
UNNAMEABLE: Final = frozenset(map(chr, BREAKS)) - {"\u200c", "\u200d"}
"""Characters that no label may hold; the two joiners belong to the spelling of words in some scripts."""
IN_JSON: Final[Mapping[int, str]] = {code: f"\\u{code:04x}" for code in _CODES}
"""Each as a string of JSON writes it: readers get the character back."""
