"""Find mask files and their pictures by flat areas of pixels and by names that contain a picture's name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, folder
from medmultipoints.transforms.sources.reading.path_patterns import literal, propose_patterns

_NUMBERED = re.compile(r"^(?P<target>.*?[^\d\W_].*?)?[_\-. ]?(?P<nr>\d+)?$")


_SHAPE = re.compile(r"\.\([\d, ]+\)")
"""Shape of an array in its file name, as in IMIS-Bench."""
_TWO_NUMBERS = re.compile(r"([_\-. ]+)\d+_\d+")
"""Class number and instance number, as in SA-Med2D."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask file, its picture, and the text before and after the picture's name in the mask's name."""

    member: str
    picture: str
    before: str
    after: str


def mask_sets(listing: Listing) -> list[tuple[Mask, ...]]:
    """Return sets of masks, the largest first; folders of one set have no picture in common."""
    photos = set(listing.photos)
    stems = Stems(sorted(photos))
    found: dict[str, list[Mask]] = {}
    owned: dict[str, Mask] = {}
    for name in (*listing.pictures, *listing.of("array")):
        mask = stems.owner(name, own_folder=name in photos)
        if mask is not None:
            owned[name] = mask
    for name, mask in owned.items():
        above = owned.get(mask.picture)
        if above is not None and mask.after and above.after:  # a_mask_1 of a_mask of a
            mask = Mask(name, above.picture, mask.before, above.after + mask.after)
        found.setdefault(f"{folder(name)}|{'' if name in photos else 'own'}", []).append(mask)
    sets: list[tuple[list[Mask], set[str]]] = []
    for _, masks in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        if not _are_drawings(listing, masks):
            continue
        pictures = {mask.picture for mask in masks}
        place = next((held for held in sets if not held[1] & pictures), None)
        if place is None:
            sets.append((masks, pictures))
        else:
            place[0].extend(masks)
            place[1].update(pictures)
    return [tuple(sorted(masks, key=lambda mask: mask.member)) for masks, _ in sets]


@dataclass(frozen=True)
class Stems:
    """Pictures by stem."""

    photos: Sequence[str]

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        held: dict[str, list[str]] = {}
        for name in self.photos:
            held.setdefault(split_path(name).stem.casefold(), []).append(name)
        return held

    def owner(self, name: str, own_folder: bool) -> Mask | None:
        """Return a mask with its picture: one of equal stem in another folder, else the longest affix, or None."""
        stem = split_path(name).stem
        folded = stem.casefold()
        if not own_folder and folded in self.by_stem:
            return self._nearest(name, folded, "", "")
        cuts = [at for at in range(1, len(stem)) if not stem[at].isalnum() or not stem[at - 1].isalnum()]
        for at in reversed(cuts):
            if folded[:at] in self.by_stem:
                return self._nearest(name, folded[:at], "", stem[at:], same_folder=own_folder)
        for at in cuts:
            if folded[at:] in self.by_stem:
                return self._nearest(name, folded[at:], stem[:at], "", same_folder=own_folder)
        return None

    def _nearest(self, name: str, stem: str, before: str, after: str, same_folder: bool = False) -> Mask | None:
        near = [
            held for held in self.by_stem[stem] if held != name and (not same_folder or folder(held) == folder(name))
        ]
        if len(near) > 1:
            own = set(folder(name).split("/"))
            ranks = sorted(((len(own & set(folder(held).split("/"))), held) for held in near), reverse=True)
            near = [ranks[0][1]] if ranks[0][0] > ranks[1][0] else []
        return Mask(name, near[0], before, after) if near else None


def _are_drawings(listing: Listing, masks: Sequence[Mask]) -> bool:
    looks = [look for mask in spread(masks, 7) if (look := listing.look(mask.member)) is not None]
    return bool(looks) and sum(look.is_drawing for look in looks) * 2 > len(looks)


def spread(masks: Sequence[Mask], count: int) -> Sequence[Mask]:
    """Return at most ``count`` evenly spaced masks."""
    step = max(1, len(masks) // count)
    return masks[::step][:count]


def mask_patterns(listing: Listing, masks: Sequence[Mask]) -> tuple[str, ...]:
    """Return patterns of masks with the holes ``stem`` (picture), ``target`` (label) and ``nr`` (object number)."""
    grammar = grammar_of(masks)
    base = propose_patterns([_as_picture(mask) for mask in masks])
    if grammar is None or any("{stem}" not in text for text in base):
        members = [mask.member for mask in masks]
        found = propose_patterns(members, listing.pictures)
        return tuple(text.replace("{stem}", "{mask}") for text in found)
    before, after = grammar
    if {mask.after for mask in masks} == {""} and len({mask.picture for mask in masks}) < len(masks):
        return tuple(text.replace("{folder}", "{target}") for text in base)
    return tuple(text.replace("{stem}", f"{literal(before)}{{stem}}{after}") for text in base)


def _as_picture(mask: Mask) -> str:
    path = split_path(mask.member)
    place = f"{folder(mask.member)}/" if folder(mask.member) else ""
    stem = path.stem[len(mask.before) : len(path.stem) - len(mask.after)]
    return f"{place}{stem}{mask.member[len(mask.member) - len(path.extension) :]}"


def grammar_of(masks: Sequence[Mask]) -> tuple[str, str] | None:
    """Return the pattern before and after ``{stem}``, such as ``_{target}_{nr:int}``, or None for irregular names."""
    befores, afters = {mask.before for mask in masks}, {mask.after for mask in masks}
    if len(befores) > 1:
        return None
    before = befores.pop()
    if all(map(_SHAPE.fullmatch, afters)):
        return before, ".(*)"
    if len(afters) == 1 and len({mask.picture for mask in masks}) == len(masks):
        return before, literal(next(iter(afters)))
    if (
        all(_TWO_NUMBERS.fullmatch(after) for after in afters)
        and len({_TWO_NUMBERS.sub(r"\1", a) for a in afters}) == 1
    ):
        return before, _TWO_NUMBERS.sub(r"\1", min(afters)) + r"{target:\d+}_{nr:int}"
    found = [_NUMBERED.match(after.lstrip("_-. ")) for after in afters]
    separators = {after[: len(after) - len(after.lstrip("_-. "))] for after in afters}
    if len(separators) != 1 or None in found:
        return None
    separator = separators.pop()
    targets = {match["target"] is not None for match in found if match}
    numbers = {match["nr"] is not None for match in found if match}
    if targets == {True} and numbers == {True}:
        return before, f"{separator}{{target}}_{{nr:int}}" if _joined_by(afters, "_") else f"{separator}{{target}}"
    if targets == {False} and numbers == {True}:
        return before, f"{separator}{{nr:int}}"
    return before, f"{separator}{{target}}"


def _joined_by(afters: Iterable[str], separator: str) -> bool:
    return all(re.search(rf"{separator}\d+$", after) for after in afters)
