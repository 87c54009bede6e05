"""Join masks whose names hold no picture's name, by equal parts of both paths.

Examples: ``case/image.png`` and ``case/mask.png``; ``image_001.png`` and ``label_001.png``; a folder of masks per
picture or per label. Only joins that give each mask one picture are proposed.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.sources.declaration.patterns import PatternError, compile_pattern
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask
from medmultipoints.transforms.sources.reading.path_patterns import SPLIT_WORDS, literal

_RANDOM: Final = re.compile(r"[0-9a-f]{16,}|[0-9a-f-]{32,}")
_WORD: Final = re.compile(r"[^\W\d_]+")
_TRACKED: Final = (
    ("_GT/SEG/man_seg", ""),
    ("_ST/SEG/man_seg", "The areas are silver truth, made by programs. Are they to be read?"),
    (
        "_GT/TRA/man_track",
        "TRA marks each cell for tracking: whole areas in some data sets, blobs in others. Read them?",
    ),
)
"""Folders of the Cell Tracking Challenge, the most reliable first, with the question to ask."""
_MOST_TARGETS: Final = 200


@dataclass(frozen=True, slots=True)
class PairedMasks:
    """Masks with their pictures, and the patterns whose equal holes join them; ``doubt``: question to ask, if any."""

    masks: tuple[Mask, ...]
    images: str
    annotations: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a path that differs within a set, with the constant text around it."""

    before: str
    after: str

    def value(self, text: str) -> str:
        return text[len(self.before) : len(text) - len(self.after)]


@dataclass(frozen=True)
class _Family:
    """Files of equal depth and extension; constant parts of their paths are text, differing ones ``_Part``."""

    names: tuple[str, ...]
    extension: str
    parts: tuple[str | _Part, ...]

    def column(self, at: int) -> list[str]:
        """Return the differing text of one part of each file's path."""
        part = self.parts[at]
        assert isinstance(part, _Part)
        return [part.value(_split(name)[at]) for name in self.names]

    @property
    def differing(self) -> list[int]:
        return [at for at, part in enumerate(self.parts) if isinstance(part, _Part)]


def paired_masks(listing: Listing, names: Sequence[str]) -> PairedMasks | None:
    """Return the largest join of masks and pictures among ``names`` by parts of their paths, or None."""
    for place, doubt in _TRACKED:
        if (tracked := _cell_tracking(names, place, doubt)) is not None:
            return tracked
    common = _common_words(names)
    shapes: dict[tuple[int, str, tuple[tuple[int, str], ...]], list[str]] = {}
    for name in names:
        parts = _split(name)
        words = tuple((at, word) for at, part in enumerate(parts) for word in _words_of(part) if (at, word) in common)
        shapes.setdefault((len(parts), _extension(name), words), []).append(name)
    drawn: list[str] = []
    photos: list[str] = []
    for names in shapes.values():
        (drawn if _are_drawn(listing, names) else photos).extend(names)
    masks, pictures = _family(drawn), _family(photos)
    if masks is None or pictures is None:
        return None
    found = [pair for chosen in _joins(pictures, masks) if (pair := _pair(pictures, masks, chosen)) is not None]
    return max(found, key=lambda pair: len(pair.masks), default=None)


def _cell_tracking(names: Sequence[str], place: str, doubt: str) -> PairedMasks | None:
    """Return the masks of the Cell Tracking Challenge, such as ``01_GT/SEG/man_seg003.tif`` of ``01/t003.tif``."""
    marked = re.compile(rf"(?P<base>(?:.*/)?)(?P<sequence>\d+){place}(?P<frame>\d+)\.tiff?")
    found = [match for name in names if (match := marked.fullmatch(name))]
    bases = {match["base"] for match in found}
    if len(bases) != 1:
        return None
    base, extension = literal(bases.pop()), literal(_extension(found[0][0]))
    images = f"{base}{{sequence:\\d+}}/t{{frame:int}}{extension}"
    frames = {}
    for name in names:
        if values := compile_pattern(images).match(name):
            frames[values["sequence"], int(values["frame"])] = name
    masks = [(match[0], frames.get((match["sequence"], int(match["frame"])))) for match in found]
    owned = tuple(Mask(name, picture, "", "") for name, picture in masks if picture is not None)
    annotations = f"{base}{{sequence:\\d+}}{place}{{frame:int}}{extension}"
    return PairedMasks(owned, images, annotations, doubt) if owned else None


def _split(name: str) -> list[str]:
    extension = _extension(name)
    return name.removesuffix(extension).split("/")


def _extension(name: str) -> str:
    stem, dot, extension = name.rpartition("/")[2].rpartition(".")
    return f".{extension}" if dot and stem else ""


def _words_of(part: str) -> list[str]:
    return [] if _RANDOM.fullmatch(part.lower()) else _WORD.findall(part.lower())


def _common_words(names: Sequence[str]) -> set[tuple[int, str]]:
    """Return the words at the same position in at least an eighth of all paths; they separate pictures from masks."""
    times = Counter(
        (at, word) for name in names for at, part in enumerate(_split(name)) for word in set(_words_of(part))
    )
    return {place for place, count in times.items() if count * 8 >= len(names)}


def _are_drawn(listing: Listing, names: Sequence[str]) -> bool:
    step = max(1, len(names) // 5)
    looks = [look for name in names[::step][:6] if (look := listing.look(name)) is not None]
    return bool(looks) and sum(look.is_drawing for look in looks) * 2 > len(looks)


def _family(names: Sequence[str]) -> _Family | None:
    """Return the files as a family, or None if they differ in depth or extension."""
    rows = [_split(name) for name in sorted(names)]
    if len(rows) < 2 or len({(len(row), _extension(name)) for row, name in zip(rows, sorted(names), strict=True)}) > 1:
        return None
    parts = tuple(_part(sorted({row[at] for row in rows})) for at in range(len(rows[0])))
    return _Family(tuple(sorted(names)), _extension(names[0]), parts)


def _part(values: Sequence[str]) -> str | _Part:
    if len(values) == 1:
        return values[0]
    before = _shared(values[0], values[-1])
    backwards = sorted(value[::-1] for value in values)
    after = _shared(backwards[0], backwards[-1])[::-1]
    before = re.sub(r"[^\W_]*$", "", before) or _leading_word(values)
    after = re.sub(r"^[^\W_]*", "", after)
    if min(map(len, values)) <= len(before) + len(after):
        before = after = ""
    return _Part(before, after)


def _leading_word(values: Sequence[str]) -> str:
    """Return the word before a digit with which all values begin, or an empty string."""
    words = {found[0] if (found := re.match(r"[^\W\d_]+(?=\d)", value)) else "" for value in values}
    return words.pop() if len(words) == 1 else ""


def _shared(a: str, b: str) -> str:
    length = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:length]


def _joins(pictures: _Family, masks: _Family) -> Iterator[dict[int, int]]:
    """Yield mappings from differing parts of masks to those of pictures, the closest first."""
    fits = {
        (at, place): set(masks.column(at)) <= set(pictures.column(place))
        for at in masks.differing
        for place in pictures.differing
    }
    everything: dict[int, int] = {}
    for (at, place), fit in sorted(fits.items(), key=lambda item: (item[0][0] != item[0][1], item[0])):
        if fit and at not in everything and place not in everything.values():
            everything[at] = place
    if everything:
        yield everything
    for (at, place), fit in fits.items():
        if fit and {at: place} != everything:
            yield {at: place}


def _pair(pictures: _Family, masks: _Family, chosen: Mapping[int, int]) -> PairedMasks | None:
    """Return the join by the chosen parts if it gives each mask exactly one picture, else None."""
    places = list(chosen.values())
    rows = zip(*(pictures.column(place) for place in places), strict=True)
    owners: dict[tuple[str, ...], str] = {}
    for key, name in zip(rows, pictures.names, strict=True):
        if owners.setdefault(key, name) != name:
            return None
    keys = list(zip(*(masks.column(at) for at in chosen), strict=True))
    if any(key not in owners for key in keys):
        return None
    names = _hole_names(pictures)
    images = _pattern(pictures, names)
    rest = {at: _rest_hole(masks, at) for at in masks.differing if at not in chosen}
    annotations = _pattern(masks, {at: names[place] for at, place in chosen.items()} | rest)
    try:
        sound = all(compile_pattern(annotations).match(name) for name in masks.names)
        sound = sound and all(compile_pattern(images).match(name) for name in pictures.names)
    except PatternError:
        return None
    found = tuple(Mask(name, owners[key], "", "") for name, key in zip(masks.names, keys, strict=True))
    return PairedMasks(found, images, annotations) if sound else None


def _hole_names(family: _Family) -> dict[int, str]:
    """Return the hole of each differing part: ``stem`` for the file name, ``split`` or ``folder`` for folders."""
    found: dict[int, str] = {}
    for at in family.differing:
        values = {value.lower() for value in family.column(at)}
        name = "stem" if at == len(family.parts) - 1 else "split" if values <= SPLIT_WORDS else "folder"
        found[at] = name if name not in found.values() else f"{name}{at + 1}"
    return found


def _rest_hole(family: _Family, at: int) -> str:
    """Return the hole of a part that joins no picture: object number, label, both, or an unknown text."""
    values = set(family.column(at))
    if all(value.isdigit() for value in values):
        return "nr:int"
    if all(re.fullmatch(r".*[^\W\d_].*_\d+", value) for value in values) and not any(map(_RANDOM.fullmatch, values)):
        return "target}_{nr:int"
    return "nr" if len(values) > _MOST_TARGETS or any(map(_RANDOM.fullmatch, values)) else "target"


def _pattern(family: _Family, holes: Mapping[int, str]) -> str:
    texts = [
        literal(part) if isinstance(part, str) else f"{literal(part.before)}{{{holes[at]}}}{literal(part.after)}"
        for at, part in enumerate(family.parts)
    ]
    return "/".join(texts) + literal(family.extension)
