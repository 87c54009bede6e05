"""The shape that all formats have."""

from collections.abc import Callable
from dataclasses import dataclass

from medmultipoints.transforms.sources.annotated import Files, Reading, Recognise
from medmultipoints.transforms.sources.declaration import Declaration


@dataclass(frozen=True, slots=True)
class Format:
    """One annotation format.

    ``recognise`` proposes a declaration from the content of members, or None where none is of this format. ``read``
    yields pictures with their annotations, one at a time. ``weight`` orders formats that annotate the same pictures:
    what a format can say of an object. ``lost`` and ``export`` are rows of docs/formats.md.
    ``last``: tried only where no format but masks reads the files.
    """

    name: str
    title: str
    recognise: Recognise
    read: Callable[[Declaration, Files], Reading]
    weight: int
    lost: str
    export: str
    last: bool = False
