"""Generate the table of docs/dialects.md from the registry of dialects."""

from collections.abc import Iterator
from typing import Final

from medmultipoints.transforms.dialects.registry import DIALECTS

_COLUMNS: Final = ("dialect", "for", "frame", "box form", "rounding", "what is lost", "loaded by")


def render_table() -> str:
    """Return the table, with one row per dialect in registry order."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"|{'---|' * len(_COLUMNS)}"
    for one in DIALECTS.values():
        cells = (f"`{one.name}`", one.title, one.frame, one.boxes, one.rounding, one.lost, one.loaded_by)
        yield f"| {' | '.join(cells)} |"
