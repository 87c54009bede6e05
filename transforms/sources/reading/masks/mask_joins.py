"""Join masks with pictures by the holes of their patterns, and fit patterns so that each mask joins its picture."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.patterns import PatternError, compile_pattern
from medmultipoints.transforms.sources.reading.listing import matching
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask, Stems, spread
from medmultipoints.transforms.sources.reading.path_patterns import common_start, literal

_TRIED: Final = 200
"""Number of masks joined to prove a pattern."""
_MOST_WORDS: Final = 12
_PLACE: Final = re.compile(r"\{(folder\d*|split|target)\}")


@dataclass(frozen=True)
class MaskJoin:
    """Join of masks with pictures by shared holes of their patterns, else by name."""

    declaration: Declaration
    pictures: Sequence[str]

    @cached_property
    def _holes(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name in self.pictures:
            for text in self.declaration.images:
                values = compile_pattern(text).match(name)
                if values is not None:
                    found[name] = values
                    break
        return found

    @cached_property
    def _stems(self) -> Stems:
        return Stems(self.pictures)

    @cached_property
    def _keyed(self) -> dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], str]]:
        return {}

    def _by_key(self, text: str, shared: tuple[str, ...]) -> dict[tuple[str, ...], str]:
        table = self._keyed.get((text, shared))
        if table is None:
            pattern = compile_pattern(text)
            table = {
                pattern.key(values, shared): name
                for name, values in self._holes.items()
                if set(shared) <= values.keys()
            }
            self._keyed[text, shared] = table
        return table

    def picture_of(self, mask: str) -> tuple[str | None, dict[str, str]]:
        """Return the picture of a mask and the values of the holes in the mask's path."""
        holes = {hole for values in self._holes.values() for hole in values}
        for text in self.declaration.annotations:
            pattern = compile_pattern(text)
            shared = tuple(hole for hole in pattern.holes if hole in holes)
            if not shared:
                continue
            try:
                values = pattern.match(mask)
            except PatternError:
                values = {}
            if values is None:
                continue
            found = self._by_key(text, shared).get(pattern.key(values, shared)) if values else None
            if found is not None:
                return found, values
            owner = self._stems.owner(mask, own_folder=False)
            if owner is not None:
                known = {
                    hole: self._holes[owner.picture][hole] for hole in shared if hole in self._holes[owner.picture]
                }
                filled = _refill(text, known, mask)
                if filled is not None:
                    return owner.picture, filled
            return None, {}
        owner = self._stems.owner(mask, own_folder=False)
        return (owner.picture, {"target": owner.after.strip("_-. ")}) if owner else (None, {})


def _refill(text: str, known: Mapping[str, str], mask: str) -> dict[str, str] | None:
    """Return the holes of a path given the known ones, which can resolve ambiguity, or None."""

    def ruled(found: re.Match[str]) -> str:
        hole = found[1]
        return f"{{{hole}:{re.escape(known[hole])}}}" if hole in known else found[0]

    try:
        return compile_pattern(re.sub(r"\{(\w+)(?::[^{}]*)?\}", ruled, text)).match(mask)
    except PatternError:
        return None


def fit_pattern(text: str, images: Sequence[str], masks: Sequence[Mask], pictures: Sequence[str]) -> str:
    """Return a pattern with which each mask joins its picture and no picture matches as a mask.

    ``text``: proposed pattern of ``masks``; ``images``: patterns of pictures; ``pictures``: all pictures of the source.
    If ``text`` does not suffice, folder holes are narrowed to their words, and holes that differ between mask and
    picture are renamed. Returns ``text`` if nothing helps.
    """
    own = set(matching([mask.member for mask in masks], [text]))
    members = [mask for mask in masks if mask.member in own]
    others = [name for name in pictures if name not in own]
    if not members:
        return text
    try:
        narrowed = [text, *_narrowed(text, members)]
        changes: tuple[Callable[[str], str], ...] = (
            lambda held: held,
            lambda held: _with_affixes(held, images),
            lambda held: _PLACE.sub(r"{mask_\1}", held),
        )
        tried = (change(held) for held in narrowed for change in changes)
        return next((held for held in tried if _joins(held, images, members, others)), text)
    except PatternError:
        return text


def _joins(text: str, images: Sequence[str], masks: Sequence[Mask], others: Sequence[str]) -> bool:
    if matching(others, [text]):
        return False
    join = MaskJoin(Declaration(format="masks", images=tuple(images), annotations=(text,)), matching(others, images))
    return all(join.picture_of(mask.member)[0] == mask.picture for mask in spread(masks, _TRIED))


def _narrowed(text: str, masks: Sequence[Mask]) -> Iterator[str]:
    """Yield the pattern with one folder hole narrowed to the common beginning of its values, or to its values."""
    pattern = compile_pattern(text)
    found = [held for mask in spread(masks, _TRIED) if (held := pattern.match(mask.member))]
    for hole in dict.fromkeys(_PLACE.findall(text)):
        values = sorted({one[hole] for one in found})
        before = re.sub(r"[^\W_]*$", "", common_start(values))
        if before and len(values) > 1:
            yield text.replace(f"{{{hole}}}", f"{literal(before)}{{{hole}}}")
        if 1 < len(values) <= _MOST_WORDS:
            words = "|".join(re.escape(value).replace("\\ ", " ") for value in values)
            yield text.replace(f"{{{hole}}}", f"{{{hole}:{words}}}")


def _with_affixes(text: str, images: Sequence[str]) -> str:
    """Return the pattern with the text around ``{stem}`` of the only picture pattern, such as ``{stem}_endo``."""
    name = images[0].rpartition("/")[2] if len(images) == 1 else ""
    before, stem, after = name.rpartition(".")[0].partition("{stem}")
    return text.replace("{stem}", f"{before}{{stem}}{after}") if stem else text
