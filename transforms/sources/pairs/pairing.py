"""Join pictures by stem with their masks and their entries in a box file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources.accounting import Problem, entry_key, exclude, printable
from medmultipoints.transforms.sources.pairs.box_entries import BoxEntry
from medmultipoints.transforms.sources.paths import MemberPath


@dataclass(frozen=True, slots=True)
class BoxFile:
    """Contents of a box file: its path, its valid entries and the problems of the others, by stem."""

    member: str = ""
    entries: Mapping[str, BoxEntry] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(self.entries) | frozenset(self.problems)


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture with its mask and its boxes; ``boxes`` is None in a source without a box file."""

    stem: str
    image: str
    mask: str
    boxes: BoxEntry | None

    @property
    def members(self) -> tuple[str, str]:
        return (self.image, self.mask)


def join_pairs(
    source: str, images: Sequence[MemberPath], masks: Sequence[MemberPath], boxes: BoxFile
) -> tuple[tuple[Pair, ...], tuple[Exclusion, ...]]:
    """Return the complete pairs sorted by stem, and one exclusion per other member or entry.

    ``boxes`` without a path: the source has no boxes. Stems are case-sensitive, but two images (or masks) whose stems
    differ only in case are duplicates, since some file systems cannot hold both.
    Reasons: ``duplicate_stem``, ``stem_invalid``, ``image_missing``, ``mask_missing``,
    ``annotation_missing``, and those of parse_box_json.
    """
    image_names, mask_names = _by_stem(images), _by_stem(masks)
    duplicates = find_duplicates("image", images) | find_duplicates("mask", masks)
    pairs: list[Pair] = []
    exclusions: list[Exclusion] = []
    for stem in sorted(image_names.keys() | mask_names.keys()):
        problem = duplicates.get(stem) or _find_problem(stem, image_names, mask_names, boxes)
        if problem is None:
            pairs.append(Pair(stem, image_names[stem][0], mask_names[stem][0], boxes.entries.get(stem)))
        else:
            names = (*image_names.get(stem, ()), *mask_names.get(stem, ()))
            exclusions += exclude(source, names, "rejected", problem, stem)
    orphans = boxes.stems - image_names.keys() - mask_names.keys()
    return tuple(pairs), (*exclusions, *reject_entries(source, boxes.member, orphans))


def reject_entries(source: str, member: str, stems: Iterable[str]) -> tuple[Exclusion, ...]:
    """Return one exclusion per annotation entry without an image and a mask."""
    return tuple(
        row
        for stem in sorted(stems)
        for row in exclude(
            source,
            [entry_key(member, stem)],
            "rejected",
            Problem("image_missing", f"{member} has an entry {stem!r}, but there is no image of that name"),
            printable(stem),
        )
    )


def find_duplicates(kind: str, paths: Sequence[MemberPath]) -> dict[str, Problem]:
    """Return the problem of each stem that several files, or one path listed twice, have."""
    claims: dict[str, list[MemberPath]] = {}
    for path in paths:
        claims.setdefault(path.stem.casefold(), []).append(path)
    return {
        path.stem: Problem("duplicate_stem", f"more than one {kind} is called {path.stem!r}: {_list_names(group)}")
        for group in claims.values()
        if len(group) > 1
        for path in group
    }


def _list_names(paths: Iterable[MemberPath]) -> str:
    times = Counter(path.name for path in paths)
    return ", ".join(
        name if count == 1 else f"{name} (which the archive lists {count} times)" for name, count in times.items()
    )


def _by_stem(paths: Iterable[MemberPath]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for path in paths:
        names.setdefault(path.stem, []).append(path.name)
    return names


def _find_problem(
    stem: str, images: Mapping[str, Sequence[str]], masks: Mapping[str, Sequence[str]], boxes: BoxFile
) -> Problem | None:
    if is_unusable_stem(stem):
        return Problem(
            "stem_invalid", f"the file name {stem!r} is empty or contains blanks, so it cannot name a sample"
        )
    if stem not in images:
        return Problem("image_missing", f"mask {masks[stem][0]} has no image of the same name")
    if stem not in masks:
        return Problem("mask_missing", f"image {images[stem][0]} has no mask of the same name")
    if boxes.member and stem not in boxes.entries and stem not in boxes.problems:
        return Problem("annotation_missing", f"image {images[stem][0]} has no entry {stem!r} in {boxes.member}")
    return boxes.problems.get(stem)


def is_unusable_stem(stem: str) -> bool:
    """Return whether a stem cannot be part of a sample id: it is empty or contains blanks."""
    return stem.split() != [stem]
