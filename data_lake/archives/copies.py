"""Remove duplicate files of a source: an archive next to its unpacked copy, or two copies of one archive."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from medmultipoints.transforms.errors import SourceDataError


class Named(Protocol):
    """An entry of an archive, or a file."""

    @property
    def name(self) -> str: ...


EntryT = TypeVar("EntryT", bound=Named)


@dataclass(frozen=True, slots=True)
class Held(Generic[EntryT]):
    """An entry and the file that holds it: an archive, or the file itself."""

    entry: EntryT
    place: str
    loose: bool


def without_copies(
    source: str, held: Iterable[Held[EntryT]], size: Callable[[EntryT], int], read: Callable[[EntryT], bytes]
) -> list[EntryT]:
    """Return the entries without duplicates among archives and folders.

    An archive is left out if all its files also exist elsewhere, below one folder and with the same content. So is a
    file with the same path and content. A path that one archive lists twice stays listed twice. SourceDataError names
    both places if two files with one path differ.
    """
    places: dict[str, list[Held[EntryT]]] = {}
    for one in held:
        places.setdefault("" if one.loose else one.place, []).append(one)
    kept = dict(places)
    for place in sorted(place for place in places if place):
        others = [one for other, found in kept.items() if other != place for one in found]
        if others and _is_copy([one.entry for one in places[place]], [one.entry for one in others], size, read):
            del kept[place]
    return list(_merge(source, (one for found in kept.values() for one in found), size, read))


def _is_copy(
    own: list[EntryT], others: list[EntryT], size: Callable[[EntryT], int], read: Callable[[EntryT], bytes]
) -> bool:
    """Return whether every file of an archive also exists among the others, below one folder."""
    if not own:
        return False
    by_name = {entry.name: entry for entry in others}
    first = own[0].name
    folders = [name.removesuffix(first) for name in by_name if name == first or name.endswith(f"/{first}")]
    for folder in sorted(folders, key=len):
        pairs = [(entry, by_name.get(folder + entry.name)) for entry in own]
        if all(other is not None and size(entry) == size(other) for entry, other in pairs) and all(
            other is not None and read(entry) == read(other) for entry, other in pairs
        ):
            return True
    return False


def _merge(
    source: str, held: Iterable[Held[EntryT]], size: Callable[[EntryT], int], read: Callable[[EntryT], bytes]
) -> Iterator[EntryT]:
    """Yield the entries without those that another archive or folder holds under the same path."""
    first: dict[str, Held[EntryT]] = {}
    for one in held:
        other = first.setdefault(one.entry.name, one)
        if other is one or other.place == one.place:
            yield one.entry
        elif size(other.entry) != size(one.entry) or read(other.entry) != read(one.entry):
            problem = f"lies in {other.place} and, with other content, in {one.place}"
            raise SourceDataError(source, one.entry.name, problem, "Remove one of the two.")
