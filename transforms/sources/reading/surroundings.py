"""Complete a proposal with evidence outside of annotations: split lists, orientation tags, copies."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.orientation import find_orientations
from medmultipoints.transforms.rasters.volumes import TIFF, count_pages, deep_values
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Hint, Recognition
from medmultipoints.transforms.sources.declaration.patterns import as_patterns
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, by_folder, folder, matching
from medmultipoints.transforms.sources.reading.path_patterns import SPLIT_WORDS
from medmultipoints.transforms.sources.reading.proposing import Draft, redraft

_MOST_LOOKED_AT: Final = 120
"""Pictures, a dozen of each folder, that are searched for masks of fractions."""
_COUNTED: Final = re.compile(r"(?P<before>.*[^\W_].*?[_\-. (]+)\d+\)?")


def complete(listing: Listing, recognition: Recognition, stated: Mapping[str, Any]) -> Recognition:
    """Return the proposal with lines, questions and hints that are the same for all formats."""
    draft = redraft(recognition, stated)
    pictures = matching(listing.pictures, as_patterns(recognition.read.get("images")))
    if draft.states("splits") is None:
        _find_lists(draft, listing, pictures)
    _look_at_pictures(draft, listing, pictures)
    draft.hints += picture_faults(listing)
    if draft.states("groups.group") is None and draft.likely("groups.group") is None:
        _hint_groups(draft, pictures)
    pointers = [name for name, kind in listing.kinds.items() if kind == "lfs"]
    if pointers:
        said = f"{plural(len(pointers), 'file')} (such as {pointers[0]}) are pointers of Git LFS"
        draft.hint("lfs_pointers", f"{said}, not the files; run `git lfs pull` there")
    return draft.done()


def picture_faults(listing: Listing) -> list[Hint]:
    """Return hints about files with a picture's extension that are not pictures, and pictures of kinds not read."""
    hints = []
    if odd := listing.impostors:
        verb = "is not a picture" if len(odd) == 1 else "are not pictures"
        said = f"{plural(len(odd), 'file')} with a picture's extension {verb}: {', '.join(odd[:3])}"
        hints.append(Hint("pictures_damaged", f"{said}{', …' if len(odd) > 3 else ''}; copy them again"))
    if foreign := listing.foreign:
        said = f"{plural(len(foreign), 'picture')} of a kind that is not read, such as {foreign[0]}"
        hints.append(Hint("pictures_not_read", f"{said}: write them as PNG"))
    return hints + _soft_masks(listing)


def _soft_masks(listing: Listing) -> list[Hint]:
    """Return a hint about pictures that look like maps of probabilities, or masks with soft edges."""
    tried = [name for names in by_folder(listing.pictures).values() for name in _spread(names)]
    soft = [name for name in _spread(tried, _MOST_LOOKED_AT) if (look := listing.look(name)) and look.is_soft]
    if not soft:
        return []
    said = f"{plural(len(soft), 'picture')} of those looked at, such as {soft[0]}, may be masks of fractions"
    text = f"{said} (probabilities, soft edges): no threshold is assumed, so they are read as pictures, or not at all"
    return [Hint("soft_masks", f"{text}; write masks of 0 and 255 with a threshold of yours, and drop these files")]


def _spread(names: Sequence[str], most: int = 12) -> Sequence[str]:
    return names[:: max(1, -(-len(names) // most))]


def _hint_groups(draft: Draft, pictures: Sequence[str]) -> None:
    """Add a hint if names share beginnings and differ in a last number, like slices of one patient."""
    matches = [match for name in pictures if (match := _COUNTED.fullmatch(split_path(name).stem))]
    times = Counter(match["before"] for match in matches)
    several = {before for before, count in times.items() if count > 1}
    if len(times) < 2 or not several or len(matches) < len(pictures):
        return
    most = max(several, key=lambda before: (times[before], before))
    said = (
        f"{plural(len(pictures), 'picture')} have {len(times)} beginnings of names before a last number, such as {most}"
    )
    text = (
        f"{said} ({times[most]} times); if one is a patient, an examination or a volume, its pictures must stay in one"
    )
    draft.hint(
        "groups_possible", f"{text} split: write {{patient}} and {{slice:int}} in images, and [read.groups] group"
    )


def _find_lists(draft: Draft, listing: Listing, pictures: Sequence[str]) -> None:
    """Propose ``splits.lists`` and ``splits.use`` for text files of picture names that share no picture."""
    stems = {split_path(name).stem for name in pictures}
    lists = {name: held for name in listing.of("text") if (held := _listed(listing.head(name), stems))}
    named = {name: held for name, held in lists.items() if split_path(name).stem.lower() in SPLIT_WORDS}
    folders = Counter(folder(name) for name in named)
    if not folders:
        return
    place = max(folders, key=lambda where: (folders[where], where))
    chosen = {name: held for name, held in named.items() if folder(name) == place}
    use = _disjoint_lists(chosen)
    extension = split_path(next(iter(chosen))).extension
    pattern = f"{place}/{{split}}{extension}" if place else f"{{split}}{extension}"
    covered = len(set().union(*(chosen[name] for name in use)))
    proof = f"{plural(len(chosen), 'list')} of names; {covered} of {plural(len(stems), 'picture')} in those used"
    draft.line("splits.lists", pattern, proof)
    draft.line("splits.use", [split_path(name).stem for name in use], "lists that share no picture")


def _listed(head: bytes, stems: set[str]) -> frozenset[str]:
    """Return the picture stems listed in a text, one per line with optional flags; empty for other texts."""
    lines = [line.split() for line in head.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    if not lines or max(map(len, lines)) > 3:
        return frozenset()
    names = [split_path(line[0].replace("\\", "/")).stem for line in lines]
    whole = [line[0].rpartition("/")[2] for line in lines]
    held = frozenset(name if name in stems else other for name, other in zip(names, whole, strict=True)) & stems
    return held if len(held) * 2 > len(lines) else frozenset()


def _disjoint_lists(lists: Mapping[str, frozenset[str]]) -> list[str]:
    """Return lists without common pictures, leaving out unions of others."""
    parts = [
        name
        for name, held in lists.items()
        if not any(other < held for place, other in lists.items() if place != name) or len(lists) == 1
    ]
    kept: list[str] = []
    for name in sorted(parts, key=lambda name: (-len(lists[name]), name)):
        if all(not lists[name] & lists[other] for other in kept):
            kept.append(name)
    return sorted(kept)


def _look_at_pictures(draft: Draft, listing: Listing, pictures: Iterable[str]) -> None:
    """Add hints and questions about orientation tags, pages and copies of the pictures."""
    turned: list[str] = []
    stacks: list[str] = []
    deep: list[tuple[str, float, float]] = []
    digests: defaultdict[bytes, list[str]] = defaultdict(list)
    for name in pictures:
        if listing.kinds.get(name) == "lfs":
            continue
        try:
            data = listing.read(name)
        except MemberProblem as problem:
            draft.hint(problem.reason, problem.detail)
            continue
        digests[hashlib.blake2b(data, digest_size=16).digest()].append(name)
        if find_orientations(data):
            turned.append(name)
        if (values := deep_values(data)) is not None:
            finite = values[np.isfinite(values)]
            deep += [(name, float(finite.min()), float(finite.max()))] if finite.size else []
        if data[:4] in TIFF and count_pages(data) > 1:
            stacks.append(name)
    ask_orientation(draft, turned)
    _ask_window(draft, deep)
    _hint_pages(draft, stacks)
    _hint_copies(draft, [names for names in digests.values() if len(names) > 1])


def ask_orientation(draft: Draft, turned: Sequence[str]) -> None:
    """Ask for the orientation that annotations refer to, if pictures have an orientation tag."""
    if turned:
        said = f"{plural(len(turned), 'picture')} with an orientation tag, such as {turned[0]}"
        text = f"{said}: do annotations refer to the pixels as stored or as shown?"
        draft.ask("pictures.exif", text, ["stored", "displayed"])


def _ask_window(draft: Draft, deep: Sequence[tuple[str, float, float]]) -> None:
    """Ask which values of pictures of more than 8 bits a pixel are black and white; ``deep``: name, least, greatest."""
    if not deep or draft.likely("intensity.window") is not None:
        return
    low, high = min(one[1] for one in deep), max(one[2] for one in deep)
    said = f"{plural(len(deep), 'picture')} of more than 8 bits a pixel, such as {deep[0][0]}"
    window = f"{{ centre = {(low + high) / 2:g}, width = {max(high - low, 1):g} }}"
    text = f"{said}, with values {low:g} to {high:g}: which become black and white? full: the least and the greatest "
    text += "value of each picture, so that pictures are on different scales."
    draft.ask("intensity.window", text, [window, "percentile 0.5 99.5", "full"], window)


def _hint_pages(draft: Draft, stacks: Sequence[str]) -> None:
    if stacks:
        said = f"{plural(len(stacks), 'picture')} of several pages, such as {stacks[0]}"
        each = "each page is a picture with the same page of its mask"
        rest = each if draft.format == "masks" else "a build rejects them; save each page as a separate picture"
        draft.hint("several_pages", f"{said}: {rest}")


def _hint_copies(draft: Draft, copies: Sequence[Sequence[str]]) -> None:
    across = [names for names in copies if len({folder(name) for name in names}) > 1]
    if across:
        said = f"{plural(len(across), 'picture')} with a byte-equal copy in another folder, such as {across[0][0]}"
        draft.hint("copies", f"{said} and {across[0][1]}; copies must not lie in different splits")
    within = len(copies) - len(across)
    if within:
        draft.hint("copies_in_folder", f"{plural(within, 'picture')} with a byte-equal copy in its own folder")
