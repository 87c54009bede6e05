"""Convert entries of conversation dialects to table rows."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.dialects.conversations.encode import Line

Columns = Mapping[str, pl.DataType]

_TEXT: Final = pl.String()
_TEXTS: Final = pl.List(_TEXT)
_IDS: Final[Columns] = {"instruction_id": _TEXT, "record_id": _TEXT}
_TURN: Final = pl.List(pl.Struct({"role": _TEXT, "content": _TEXT}))
_IMAGE: Final[Columns] = {"image": _TEXT}
_CHAT: Final[Columns] = {"messages": _TURN}
_TURNS: Final[Columns] = {"conversations": pl.List(pl.Struct({"from": _TEXT, "value": _TEXT}))}
_PLACES: Final = pl.List(pl.List(pl.Float64()))
_POINTS: Final = pl.List(pl.Struct({"x": pl.Float64(), "y": pl.Float64()}))

MESSAGES: Final[Columns] = {**_CHAT, "images": _TEXTS, **_IDS}
OBJECTS: Final[Columns] = {**_CHAT, "images": _TEXTS, "objects": pl.Struct({"ref": _TEXTS, "bbox": _PLACES}), **_IDS}
PROMPT_COMPLETION: Final[Columns] = {"prompt": _TURN, "completion": _TURN, "images": _TEXTS, **_IDS}
CONVERSATIONS: Final[Columns] = {"id": _TEXT, "image": _TEXTS, **_TURNS, **_IDS}
CONVERSATION_OF_ONE: Final[Columns] = {"id": _TEXT, **_IMAGE, **_TURNS, **_IDS}
PIXMO: Final[Columns] = {**_IMAGE, "label": _TEXT, "points": _POINTS, "count": pl.Int64(), **_CHAT, **_IDS}
PREFIX_SUFFIX: Final[Columns] = {**_IMAGE, "prefix": _TEXT, "suffix": _TEXT, **_IDS}


def to_row(entry: Line, columns: Columns) -> dict[str, Any]:
    """Return the entry with its keys in the order of the columns; a single path in a list column becomes a list.

    Raise ValueError if the entry has other keys than the columns.
    """
    if entry.keys() != columns.keys():
        raise ValueError(f"an entry has the keys {', '.join(entry)}; expected the columns {', '.join(columns)}")
    return {
        name: [entry[name]] if kind == _TEXTS and isinstance(entry[name], str) else entry[name]
        for name, kind in columns.items()
    }
