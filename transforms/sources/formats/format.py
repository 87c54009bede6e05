"""Interface of all formats."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.annotated import Files, Reading, Recognise
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.described import DescribedSource

EVERY_KEY: Final = frozenset(
    {"format", "images", "annotations", "labels", "drop", "known", "hierarchy", "synonyms", "columns", "tables"}
    | {"licences", "also", "groups.group", "groups.hash", "pictures.exif", "intensity.window"}
    | {f"splits.{name}" for name in ("lists", "use", "from", "names")}
    | {f"absence.{name}" for name in ("certain", "missing_file", "empty_file")}
)
"""Keys that are used with each format but those that read a source as a whole."""
BOX_KEYS: Final = frozenset(f"boxes.{name}" for name in ("frame", "form", "unit", "degenerate"))
LAYER_KEYS: Final = frozenset(f"masks.{name}" for name in ("min_area_px", "count"))
MASK_KEYS: Final = LAYER_KEYS | {f"masks.{name}" for name in ("kind", "object", "label", "values", "ignore")}


def field_keys(*names: str) -> frozenset[str]:
    """Return the keys of the table ``fields``."""
    return frozenset(f"fields.{name}" for name in names)


@dataclass(frozen=True, slots=True)
class Format:
    """An annotation format.

    ``recognise`` proposes a declaration from the content of members, or returns None if none has this format. ``read``
    yields pictures with their annotations, one at a time. ``weight`` ranks formats that annotate the same pictures by
    expressiveness. ``lost`` and ``export`` are rows of docs/formats.md. ``last``: try only if no other format except
    masks reads the files. ``index``: reads a source for a build as a whole, with an accounting of its own.
    ``keys``: the dotted keys of a declaration that it uses, without those in ``EVERY_KEY`` unless it has ``index``.
    """

    name: str
    title: str
    recognise: Recognise
    read: Callable[[Declaration, Files], Reading]
    weight: int
    lost: str
    export: str
    keys: frozenset[str]
    last: bool = False
    index: Callable[[DescribedSource, Files], Indexed] | None = None
