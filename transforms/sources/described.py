"""Describe a source of the catalogue, or a declared one, for readers that read and account for a source as a whole."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.declaration.model import Declaration


@dataclass(frozen=True, slots=True)
class DescribedSource:
    """A source of the catalogue for readers that follow a declaration.

    ``facts``: constant columns of all pictures; ``files``: names of the archives and files that people give.
    """

    name: str
    declaration: Declaration
    facts: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The released label of all objects of its masks."""
        return self.released(self.declaration.masks.label or "object")

    @property
    def classes(self) -> tuple[str, ...]:
        """The released labels of its class numbers, from 0."""
        return tuple(map(self.released, self.declaration.classes))

    def released(self, label: str) -> str:
        """Return the released label of a source's label, also of one that is left out."""
        renamed = self.declaration.release_label(label)
        return renamed if isinstance(renamed, str) else label

    def refuse_other_keys(self, keys: Collection[str], said: str) -> None:
        """Raise UsageError with the first stated key of the declaration that is not among ``keys``."""
        other = sorted(set(_stated_keys(self.declaration)) - {*keys, "known", "hierarchy", "synonyms"})
        if other:
            raise UsageError(f"{self.name}: read: {other[0]}: {said} and the keys {', '.join(sorted(keys))}.")


def _stated_keys(table: BaseModel, before: str = "") -> Iterator[str]:
    """Yield the dotted keys that a declaration gives."""
    for name in table.model_fields_set:
        value = getattr(table, name)
        key = before + (type(table).model_fields[name].alias or name)
        yield from _stated_keys(value, f"{key}.") if isinstance(value, BaseModel) else [key]
