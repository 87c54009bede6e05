"""Which mask files of a source are read, and the patterns that join them with their pictures."""

from collections.abc import Sequence

from medmultipoints.transforms.sources.reading.listing import Listing, folder, matching
from medmultipoints.transforms.sources.reading.mask_pairs import PairedMasks, paired_masks
from medmultipoints.transforms.sources.reading.mask_sets import Mask, mask_patterns, mask_sets
from medmultipoints.transforms.sources.reading.proposing import Draft, plural, propose_images, single


def choose_masks(draft: Draft, listing: Listing) -> tuple[Mask, ...]:
    """Return the masks to read, with lines or questions for their patterns.

    None where no file is a mask of a picture.
    """
    sets = mask_sets(listing)
    paired = paired_masks(listing) if _are_incomplete(listing, sets) else None
    if paired is not None:
        members = {mask.member for mask in paired.masks}
        sets = [masks for masks in sets if not any(mask.picture in members for mask in masks)]
    if paired is not None and (not sets or _is_stated(draft, paired)):
        return _choose_paired(draft, listing, paired)
    return _choose(draft, listing, sets, paired) if sets else ()


def _are_incomplete(listing: Listing, sets: Sequence[tuple[Mask, ...]]) -> bool:
    """Return whether names alone leave masks out: there are none, several sets, or pictures without a mask."""
    return len(sets) != 1 or len(sets[0]) + len({mask.picture for mask in sets[0]}) < len(listing.pictures)


def _is_stated(draft: Draft, paired: PairedMasks) -> bool:
    return draft.states("annotations") in (paired.annotations, [paired.annotations])


def _choose_paired(draft: Draft, listing: Listing, paired: PairedMasks) -> tuple[Mask, ...]:
    """Return masks that equal parts of the paths join with their pictures."""
    owners = {mask.picture for mask in paired.masks}
    proof = (
        f"{plural(len(paired.masks), 'file')} of flat areas, joined with {plural(len(owners), 'picture')} by its path"
    )
    draft.line("annotations", paired.annotations, proof)
    masks = {mask.member for mask in paired.masks}
    pictures = [name for name in matching(listing.pictures, (paired.images,)) if name not in masks]
    draft.line(
        "images", paired.images, f"{plural(len(pictures), 'picture')} of {len(listing.pictures):,} in the source"
    )
    if without := len(pictures) - len(owners):
        draft.hint("masks_missing", f"{plural(without, 'picture')} without a mask: not known to be empty")
    return paired.masks


def _choose(
    draft: Draft, listing: Listing, sets: list[tuple[Mask, ...]], paired: PairedMasks | None
) -> tuple[Mask, ...]:
    chosen = _choose_set(draft, listing, sets, paired)
    masks = {mask.member for mask in chosen}
    folders = {folder(mask.picture) for mask in chosen}
    everything = {mask.member for held in sets for mask in held}
    pictures = [name for name in listing.photos if folder(name) in folders and name not in everything]
    propose_images(draft, listing, pictures, sorted(set(listing.pictures) - set(pictures) - masks))
    if without := len(pictures) - len({mask.picture for mask in chosen}):
        draft.hint("masks_missing", f"{plural(without, 'picture')} without a mask: not known to be empty")
    places = {folder(name) for name in masks}
    known = everything.union(pictures)
    if lost := [name for name in listing.pictures if folder(name) in places and name not in known]:
        draft.hint("pictures_missing", f"{plural(len(lost), 'mask')} without a picture, such as {lost[0]}")
    return chosen


def _choose_set(
    draft: Draft, listing: Listing, sets: list[tuple[Mask, ...]], paired: PairedMasks | None
) -> tuple[Mask, ...]:
    """Return the one set of masks, those that are stated, or the first of several, which is asked."""
    stated = draft.states("annotations")
    if stated:
        draft.line("annotations", stated, "stated")
        patterns = [stated] if isinstance(stated, str) else list(stated)
        wanted = set(matching([mask.member for masks in sets for mask in masks], patterns))
        return tuple(mask for masks in sets for mask in masks if mask.member in wanted) or sets[0]
    texts = [mask_patterns(listing, masks) for masks in sets]
    if len(sets) == 1 and (paired is None or len(paired.masks) <= len(sets[0])):
        owners = plural(len({mask.picture for mask in sets[0]}), "picture")
        proof = f"{plural(len(sets[0]), 'file')} of flat areas, each named after one of {owners}"
        draft.line("annotations", single(texts[0]), proof)
        return sets[0]
    choices = [text[0] for text in texts]
    said = ", ".join(f"{text} ({plural(len(masks), 'file')})" for text, masks in zip(choices, sets, strict=True))
    if paired is not None:
        said += f"; or all of {paired.annotations} ({plural(len(paired.masks), 'file')}) together"
        choices = [paired.annotations, *choices]
    text = f"Several sets of masks belong to the same pictures: {said}. Which is right?"
    draft.ask("annotations", text, choices, choices[0])
    return sets[0]
