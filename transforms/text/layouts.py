"""Parse layouts of burned-in text: the lines that a processor draws, their fonts and positions.

To add a processor, declare it in ``fonts.toml``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

DIGITS = "0123456789"
DATE = ("0123", DIGITS, "/", "01", DIGITS, "/", "2", "0", "0123", DIGITS)
TIME = ("012", DIGITS, ":", "012345", DIGITS, ":", "012345", DIGITS)
TIMER = ("0", *TIME[1:])
"""A timer starts with 0: no examination takes ten hours."""
GRAMMAR: Mapping[str, tuple[str, ...]] = {
    "date": DATE,
    "clock": TIME,
    "timer": TIMER,
    "bracketed_timer": ("<", *TIMER, ">"),
}
"""Characters allowed in each cell of a line, by the line's role: DD/MM/YYYY and HH:MM:SS."""

Glyphs = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a layout; ``offsets``: left edge of each cell from the left edge of the line, in pixels."""

    role: str
    font: str
    offsets: tuple[int, ...]
    below: int = 0
    left: int = 0

    @property
    def cells(self) -> tuple[str, ...]:
        return GRAMMAR[self.role]


@dataclass(frozen=True, slots=True)
class Layout:
    """The text lines of one kind of processor; the first is the date, the others are placed relative to it.

    ``alone``: templates suffice without a second reader; ``slack``: pixels by which a glyph may miss its cell.
    """

    name: str
    alone: bool
    slack: int
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True)
class Fonts:
    """All layouts, and the glyphs of their fonts by name."""

    layouts: tuple[Layout, ...]
    glyphs: Mapping[str, Glyphs]


def fonts_text() -> str:
    """Return the text of ``fonts.toml``, whose digest is part of every cache key that depends on it."""
    return files("medmultipoints.transforms.text").joinpath("fonts.toml").read_text("utf-8")


@cache
def load_fonts() -> Fonts:
    """Return the declared layouts and glyphs."""
    return parse_fonts(fonts_text())


def parse_fonts(text: str) -> Fonts:
    """Parse a declaration of layouts and fonts."""
    declared = tomllib.loads(text)
    layouts = tuple(
        Layout(one["name"], one["alone"], one["slack"], tuple(_parse_line(line) for line in one["lines"]))
        for one in declared["layouts"]
    )
    fonts = {
        name: {
            glyph: np.array([[int(level, 16) for level in row] for row in rows.split()], np.float32)
            for glyph, rows in glyphs.items()
        }
        for name, glyphs in declared["fonts"].items()
    }
    return Fonts(layouts, fonts)


def _parse_line(line: Mapping[str, object]) -> TextLine:
    offsets = line["offsets"]
    assert isinstance(offsets, list)
    return TextLine(**{**line, "offsets": tuple(offsets)})  # type: ignore[arg-type]
