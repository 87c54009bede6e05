"""Choose the mask files of a source to read, and the patterns that join them with pictures."""

from collections.abc import Iterable, Sequence

import numpy as np

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern
from medmultipoints.transforms.sources.reading.listing import Listing, folder, matching
from medmultipoints.transforms.sources.reading.masks.mask_joins import MaskJoin, fit_pattern
from medmultipoints.transforms.sources.reading.masks.mask_pairs import PairedMasks, paired_masks
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask, mask_patterns, mask_sets, spread
from medmultipoints.transforms.sources.reading.masks.observers import COMPARED, ask_observer, compare_sets
from medmultipoints.transforms.sources.reading.path_patterns import literal
from medmultipoints.transforms.sources.reading.pixel_looks import packed_colours
from medmultipoints.transforms.sources.reading.proposing import Draft, propose_images, reworded, single


def choose_masks(draft: Draft, listing: Listing) -> tuple[Mask, ...]:
    """Return the masks to read, empty if there are none, and add lines or questions for their patterns."""
    sets = mask_sets(listing)
    paired = _pair_others(listing, sets) if _are_incomplete(listing, sets) else None
    if paired is not None:
        members = {mask.member for mask in paired.masks}
        sets = [masks for masks in sets if not any(mask.picture in members for mask in masks)]
    if paired is not None and (not sets or _is_stated(draft, paired) or _holds_all(draft, paired, sets)):
        return _choose_paired(draft, listing, paired)
    return _choose(draft, listing, sets, paired) if sets else _choose_stated(draft, listing)


def _choose_stated(draft: Draft, listing: Listing) -> tuple[Mask, ...]:
    """Return the masks joined with pictures by stated patterns."""
    patterns = {key: _as_list(draft.states(key) or ()) for key in ("images", "annotations")}
    if not all(patterns.values()):
        return ()
    for key, texts in patterns.items():
        draft.line(key, single(tuple(texts)), "stated")
    masks = matching(listing.pictures, patterns["annotations"])
    pictures = sorted(set(matching(listing.pictures, patterns["images"])) - set(masks))
    join = MaskJoin(Declaration.model_validate({"format": "masks", **patterns}), pictures)
    found = ((name, join.picture_of(name)[0]) for name in masks)
    return tuple(Mask(name, picture, "", "") for name, picture in found if picture is not None)


def _pair_others(listing: Listing, sets: Sequence[tuple[Mask, ...]]) -> PairedMasks | None:
    """Return the masks joined by parts of their paths: among all files, else among those not joined by name."""
    taken = {mask.member for masks in sets for mask in masks}
    rest = [name for name in listing.pictures if name not in taken]
    return paired_masks(listing, listing.pictures) or (paired_masks(listing, rest) if taken else None)


def _are_incomplete(listing: Listing, sets: Sequence[tuple[Mask, ...]]) -> bool:
    """Return whether joining by name is incomplete: no or several sets of masks, or pictures without a mask."""
    return len(sets) != 1 or len(sets[0]) + len({mask.picture for mask in sets[0]}) < len(listing.pictures)


def _holds_all(draft: Draft, paired: PairedMasks, sets: Sequence[tuple[Mask, ...]]) -> bool:
    """Return whether one mask a picture is joined by path, those joined by name among them with the same pictures."""
    if draft.states("annotations") is not None or len(sets) != 1 or paired.doubt:
        return False
    owners = {mask.member: mask.picture for mask in paired.masks}
    alone = len(owners) == len(set(owners.values()))
    return alone and all(owners.get(mask.member) == mask.picture for mask in sets[0])


def _is_stated(draft: Draft, paired: PairedMasks) -> bool:
    return draft.states("annotations") in (paired.annotations, [paired.annotations])


def _choose_paired(draft: Draft, listing: Listing, paired: PairedMasks) -> tuple[Mask, ...]:
    """Return the masks joined by parts of their paths, and add lines for their patterns."""
    owners = {mask.picture for mask in paired.masks}
    proof = (
        f"{plural(len(paired.masks), 'file')} of flat areas, joined with {plural(len(owners), 'picture')} by its path"
    )
    targets = {} if draft.states("annotations") or paired.doubt else _by_target(paired)
    alike = compare_sets(listing, list(targets.values()))
    if alike:
        ask_observer(draft, targets, merged=paired.annotations, likely=alike == "same")
    elif paired.doubt:
        draft.ask("annotations", paired.doubt, [paired.annotations])
    elif draft.likely("annotations") is None or draft.states("annotations"):
        draft.line("annotations", paired.annotations, proof)
    masks = {mask.member for mask in paired.masks}
    pictures = [name for name in matching(listing.pictures, (paired.images,)) if name not in masks]
    draft.line(
        "images", paired.images, f"{plural(len(pictures), 'picture')} of {len(listing.pictures):,} in the source"
    )
    if without := len(pictures) - len(owners):
        draft.hint("masks_missing", f"{plural(without, 'picture')} without a mask: not known to be empty")
    return tuple(next(iter(targets.values()))) if alike else paired.masks


def _choose(
    draft: Draft, listing: Listing, sets: list[tuple[Mask, ...]], paired: PairedMasks | None
) -> tuple[Mask, ...]:
    chosen = _choose_set(draft, listing, sets, paired)
    if paired is not None and draft.states("annotations") is None and draft.likely("annotations") == paired.annotations:
        return _choose_paired(draft, listing, paired)
    masks = {mask.member for mask in chosen}
    folders = {folder(mask.picture) for mask in chosen}
    everything = {mask.member for held in sets for mask in held}
    pictures = [name for name in listing.photos if folder(name) in folders and name not in everything]
    propose_images(draft, listing, pictures, sorted(set(listing.pictures) - set(pictures) - masks))
    _fit_patterns(draft, listing, tuple(mask for held in sets for mask in held))
    if without := len(pictures) - len({mask.picture for mask in chosen}):
        draft.hint("masks_missing", f"{plural(without, 'picture')} without a mask: not known to be empty")
    places = {folder(name) for name in masks}
    known = everything.union(pictures)
    if lost := [name for name in listing.pictures if folder(name) in places and name not in known]:
        draft.hint("pictures_missing", f"{plural(len(lost), 'mask')} without a picture, such as {lost[0]}")
    return chosen


def _fit_patterns(draft: Draft, listing: Listing, masks: Sequence[Mask]) -> None:
    """Narrow the proposed mask patterns, also in open questions, so that each mask joins its picture."""
    if draft.states("annotations") is not None or "images" not in draft.read:
        return
    images = _as_list(draft.read["images"])

    def fitted(text: str) -> str:
        return fit_pattern(text, images, masks, listing.pictures)

    if "annotations" in draft.read:
        draft.read["annotations"] = single(tuple(map(fitted, _as_list(draft.read["annotations"]))))
    for at, question in enumerate(draft.questions):
        if question.key == "annotations":
            draft.questions[at] = reworded(question, fitted)


def _as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _by_word(masks: Sequence[Mask]) -> dict[str, list[Mask]]:
    """Return the masks by the word after the picture's name, if there is one mask of each word for every picture."""
    words: dict[str, list[Mask]] = {}
    for mask in masks:
        words.setdefault(mask.after, []).append(mask)
    pictures = {mask.picture for mask in masks}
    return words if all(len(held) == len(pictures) for held in words.values()) else {}


def _by_target(paired: PairedMasks) -> dict[str, list[Mask]]:
    """Return paired masks by the pattern that holds only those of one ``{target}``."""
    if "{target}" not in paired.annotations:
        return {}
    pattern, targets = compile_pattern(paired.annotations), dict[str, list[Mask]]()
    for mask in paired.masks:
        targets.setdefault((pattern.match(mask.member) or {}).get("target", ""), []).append(mask)
    return {paired.annotations.replace("{target}", literal(word)): held for word, held in sorted(targets.items())}


def _side_by_side(listing: Listing, sets: Sequence[tuple[Mask, ...]]) -> tuple[Mask, ...]:
    """Return the masks of all sets if they are in sibling folders without pictures (a folder per label), else ()."""
    masks = tuple(sorted((mask for held in sets for mask in held), key=lambda mask: mask.member))
    folders = {folder(mask.member) for mask in masks}
    apart = folders.isdisjoint(folder(name) for name in listing.photos)
    return masks if len(sets) > 1 and apart and len({folder(place) for place in folders}) == 1 else ()


def _are_binary(listing: Listing, masks: Sequence[Mask]) -> bool:
    """Return whether all masks have at most one value besides the background."""
    looks = [look for mask in spread(masks, COMPARED) if (look := listing.look(mask.member)) is not None]
    return all(look.lossy or len(np.unique(packed_colours(look.values))) <= 2 for look in looks)


def _choose_set(
    draft: Draft, listing: Listing, sets: list[tuple[Mask, ...]], paired: PairedMasks | None
) -> tuple[Mask, ...]:
    """Return the stated set of masks, the only one, or the first of several after asking."""
    if stated := draft.states("annotations"):
        draft.line("annotations", stated, "stated")
        known = {mask.member: mask for masks in sets for mask in masks}
        wanted = matching((*listing.pictures, *listing.of("array")), _as_list(stated))
        return tuple(known.get(name) or Mask(name, name, "", "") for name in wanted)
    if len(sets) == 1 and (paired is None or _members([paired.masks]) <= _members(sets)):
        return _choose_only(draft, listing, sets[0])
    return _ask_set(draft, listing, sets, paired)


def _members(sets: Iterable[Iterable[Mask]]) -> set[str]:
    return {mask.member for masks in sets for mask in masks}


def _choose_only(draft: Draft, listing: Listing, masks: tuple[Mask, ...]) -> tuple[Mask, ...]:
    """Return the masks; after asking, those of the first observer if their names differ only in the observer."""
    words = _by_word(masks)
    if compare_sets(listing, list(words.values())):
        observers = {mask_patterns(listing, own)[0]: own for own in words.values()}
        ask_observer(draft, observers, merged=None, likely=True)
        return tuple(next(iter(observers.values())))
    owners = plural(len({mask.picture for mask in masks}), "picture")
    proof = f"{plural(len(masks), 'file')} of flat areas, each named after one of {owners}"
    draft.line("annotations", single(mask_patterns(listing, masks)), proof)
    return masks


def _ask_set(
    draft: Draft, listing: Listing, sets: list[tuple[Mask, ...]], paired: PairedMasks | None
) -> tuple[Mask, ...]:
    """Return the first of several sets after asking which to read, or which observer's if they show the same areas."""
    found = [(mask_patterns(listing, masks)[0], masks) for masks in sets]
    binary = all(_are_binary(listing, masks) for masks in sets)
    together = _side_by_side(listing, sets) if binary else ()
    whole = mask_patterns(listing, together) if together else ()
    if binary and (alike := compare_sets(listing, sets)):
        ask_observer(draft, dict(found), merged=whole[0] if len(whole) == 1 else None, likely=alike == "same")
        return sets[0]
    if len(whole) == 1:
        found = [(whole[0], together), *((text, masks) for text, masks in found if text != whole[0])]
    choices = [text for text, _ in found]
    said = ", ".join(f"{text} ({plural(len(masks), 'file')})" for text, masks in found)
    if paired is not None and not together and not _members([paired.masks]) <= _members(sets):
        said += f"; or all of {paired.annotations} ({plural(len(paired.masks), 'file')}) together"
        choices = [paired.annotations, *choices]
    text = f"Several sets of masks belong to the same pictures: {said}. Which is right?"
    draft.ask("annotations", text, choices, choices[0])
    return found[0][1]
