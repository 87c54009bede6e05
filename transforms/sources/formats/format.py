"""Interface of all formats."""

from collections.abc import Callable
from dataclasses import dataclass

from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.annotated import Files, Reading, Recognise
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.described import DescribedSource


@dataclass(frozen=True, slots=True)
class Format:
    """An annotation format.

    ``recognise`` proposes a declaration from the content of members, or returns None if none has this format. ``read``
    yields pictures with their annotations, one at a time. ``weight`` ranks formats that annotate the same pictures by
    expressiveness. ``lost`` and ``export`` are rows of docs/formats.md. ``last``: try only if no other format except
    masks reads the files. ``index``: reads a source for a build as a whole, with an accounting of its own.
    """

    name: str
    title: str
    recognise: Recognise
    read: Callable[[Declaration, Files], Reading]
    weight: int
    lost: str
    export: str
    last: bool = False
    index: Callable[[DescribedSource, Files], Indexed] | None = None
