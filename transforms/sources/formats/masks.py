"""Mask files: one a picture or one an object; binary, numbered by object or class, palettes, colours.

Files are masks because of their pixels (flat areas) and belong to the picture whose name begins or ends theirs.
"""

from collections.abc import Mapping, Sequence

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.patterns import compile_pattern, fill
from medmultipoints.transforms.sources.reading.joining import MISSING, picture_size
from medmultipoints.transforms.sources.reading.listing import Listing, folder, listed, matching
from medmultipoints.transforms.sources.reading.mask_pairs import PairedMasks, paired_masks
from medmultipoints.transforms.sources.reading.mask_sets import (
    Mask,
    MaskJoin,
    grammar_of,
    mask_patterns,
    mask_sets,
    spread,
)
from medmultipoints.transforms.sources.reading.mask_values import MaskValues, label_maps, value_names
from medmultipoints.transforms.sources.reading.pixel_looks import Look
from medmultipoints.transforms.sources.reading.proposing import Draft, plural, propose_images
from medmultipoints.transforms.sources.reading.volume_keys import declared_values

SAMPLE = 48
"""How many mask files are decoded to decide what their values mean."""
MOST_CLASSES = 64


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the mask files among the members."""
    listing = listed(files)
    sets, draft = mask_sets(listing), Draft("masks", stated)
    paired = paired_masks(listing) if _are_incomplete(listing, sets) else None
    if paired is not None:
        members = {mask.member for mask in paired.masks}
        sets = [masks for masks in sets if not any(mask.picture in members for mask in masks)]
    if paired is not None and (not sets or _is_stated(draft, paired)):
        chosen = _choose_paired(draft, listing, paired)
    elif sets:
        chosen = _choose(draft, listing, sets, paired)
    else:
        return None
    looks = _looks(listing, chosen)
    if not looks:
        return None
    _decide_kind(draft, listing, chosen, looks)
    return draft.done()


def _are_incomplete(listing: Listing, sets: Sequence[tuple[Mask, ...]]) -> bool:
    """Whether names alone leave masks out: there are none, several sets, or pictures without a mask."""
    return len(sets) != 1 or len(sets[0]) + len({mask.picture for mask in sets[0]}) < len(listing.pictures)


def _is_stated(draft: Draft, paired: PairedMasks) -> bool:
    return draft.states("annotations") in (paired.annotations, [paired.annotations])


def _choose_paired(draft: Draft, listing: Listing, paired: PairedMasks) -> tuple[Mask, ...]:
    """Masks that equal parts of the paths join with their pictures."""
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
    texts = [mask_patterns(listing, masks) for masks in sets]
    stated = draft.states("annotations")
    if stated:
        wanted = set(
            matching(
                [mask.member for masks in sets for mask in masks], [stated] if isinstance(stated, str) else list(stated)
            )
        )
        chosen = tuple(mask for masks in sets for mask in masks if mask.member in wanted)
        draft.line("annotations", stated, "stated")
    elif len(sets) > 1 or (paired is not None and len(paired.masks) > len(sets[0])):
        choices = [text[0] for text in texts]
        said = ", ".join(f"{text} ({plural(len(masks), 'file')})" for text, masks in zip(choices, sets, strict=True))
        if paired is not None:
            said += f"; or all of {paired.annotations} ({plural(len(paired.masks), 'file')}) together"
            choices = [paired.annotations, *choices]
        draft.ask(
            "annotations",
            f"Several sets of masks belong to the same pictures: {said}. Which is right?",
            choices,
            choices[0],
        )
        chosen = sets[0]
    else:
        chosen = sets[0]
        value = texts[0][0] if len(texts[0]) == 1 else texts[0]
        owners = plural(len({mask.picture for mask in chosen}), "picture")
        proof = f"{plural(len(chosen), 'file')} of flat areas, each named after one of {owners}"
        draft.line("annotations", value, proof)
    chosen = chosen or sets[0]
    masks = {mask.member for mask in chosen}
    folders = {folder(mask.picture) for mask in chosen}
    everything = {mask.member for held in sets for mask in held}
    pictures = [name for name in listing.photos if folder(name) in folders and name not in everything]
    propose_images(draft, listing, pictures, sorted(set(listing.pictures) - set(pictures) - masks))
    without = len(pictures) - len({mask.picture for mask in chosen})
    if without:
        draft.hint("masks_missing", f"{plural(without, 'picture')} without a mask: not known to be empty")
    lost = [
        name
        for name in _in_folders(listing, {folder(name) for name in masks})
        if name not in everything and name not in pictures
    ]
    if lost:
        draft.hint("pictures_missing", f"{plural(len(lost), 'mask')} without a picture, such as {lost[0]}")
    return chosen


def _in_folders(listing: Listing, folders: set[str]) -> list[str]:
    return [name for name in listing.pictures if folder(name) in folders]


def _looks(listing: Listing, masks: Sequence[Mask]) -> dict[str, Look]:
    sampled = {mask.member: listing.look(mask.member) for mask in spread(masks, SAMPLE)}
    return {name: look for name, look in sampled.items() if look is not None}


def _decide_kind(draft: Draft, listing: Listing, masks: Sequence[Mask], looks: Mapping[str, Look]) -> None:
    seen = MaskValues()
    for look in looks.values():
        seen.add(look)
    several = len({mask.picture for mask in masks}) < len(masks)
    said = f"{plural(seen.files, 'file')} decoded"
    if seen.colours:
        _decide_colours(draft, listing, seen, said)
    elif len(seen.held) <= 1 or (seen.lossy and set(seen.held) == {255}):
        _decide_binary(draft, masks, seen, several, said)
    else:
        _decide_values(draft, listing, seen, said)
    _hint_sizes(draft, listing, masks)


def _decide_binary(draft: Draft, masks: Sequence[Mask], seen: MaskValues, several: bool, said: str) -> None:
    value = next(iter(seen.held), 255)
    draft.line("masks.kind", "binary", f"{said}: values 0 and {value} alone{', JPEG' if seen.lossy else ''}")
    grammar = _holes_of(draft, masks)
    if several and "{nr" in grammar:
        draft.line("masks.object", "file", "several numbered masks a picture: each file is one object")
    else:
        _ask_object(draft, "file" if several else "component")
    if "{target}" in grammar:
        names = _targets(draft, masks)
        draft.line("masks.label", "{target}", f"a part of the mask's path: {', '.join(sorted(names)[:8])}")
    else:
        draft.ask("masks.label", "What do the masks show? Give the label of the objects.")


def _holes_of(draft: Draft, masks: Sequence[Mask]) -> str:
    """The text around the picture's name in those of masks, or the pattern of masks that join by their paths."""
    grammar = grammar_of(masks)
    if any(mask.before or mask.after for mask in masks):
        return grammar[1] if grammar is not None else ""
    found = draft.read.get("annotations", "")
    return found if isinstance(found, str) else ""


def _targets(draft: Draft, masks: Sequence[Mask]) -> set[str]:
    if any(mask.after for mask in masks):
        return {mask.after.strip("_-. ") for mask in masks}
    pattern = compile_pattern(str(draft.read["annotations"]))
    return {values["target"] for mask in masks if (values := pattern.match(mask.member))}


def _ask_object(draft: Draft, likely: str = "component") -> None:
    other = "component" if likely == "file" else "file"
    draft.ask(
        "masks.object",
        "Is each connected area an object, or all areas of one label in a file? Objects that touch are one area.",
        [likely, other],
        likely,
    )


def _decide_values(draft: Draft, listing: Listing, seen: MaskValues, said: str) -> None:
    numbers = sorted(seen.held)
    shown = ", ".join(map(str, numbers[:12])) + (", …" if len(numbers) > 12 else "")
    connected = seen.single >= 0.9 * max(1, seen.areas)
    if seen.palette:
        draft.line("masks.kind", "palette", f"{said}: palette images; indices {shown}")
        _class_values(draft, listing, numbers)
    elif len(numbers) > MOST_CLASSES and connected:
        proof = f"{said}: up to {seen.most} values a picture, {seen.single} of {seen.areas} areas connected"
        draft.line("masks.kind", "instances", proof)
        draft.line("masks.object", "value", "each value is one object")
        draft.ask("masks.label", "What do the numbered masks show? Give the label of the objects.")
    elif len(numbers) <= MOST_CLASSES and not connected:
        draft.line(
            "masks.kind",
            "classes",
            f"{said}: values {shown}; {seen.areas - seen.single} of {seen.areas} areas are not connected",
        )
        _class_values(draft, listing, numbers)
    else:
        likely = "instances" if seen.rising == seen.files and seen.most > 2 else "classes"
        other = "classes" if likely == "instances" else "instances"
        draft.ask(
            "masks.kind", f"Does a value name a class, or number the objects? Values {shown}", [likely, other], likely
        )
        if draft.states("masks.kind") == "instances":
            draft.line("masks.object", "value", "each value is one object")
            draft.ask("masks.label", "What do the numbered masks show? Give the label of the objects.")
        elif draft.states("masks.kind") is not None:
            _class_values(draft, listing, numbers)
        else:
            draft.ask(
                "masks.object",
                "Is each connected area of a value an object, or each value?",
                ["value", "component"],
                "value",
            )
            draft.ask(
                "masks.values", f"What do the values {shown} show? Give a label for each, or masks.label for all."
            )


def _class_values(draft: Draft, listing: Listing, numbers: Sequence[int]) -> None:
    if 255 in numbers:
        draft.line("masks.ignore", [255], "255 marks borders and unknown areas")
    classes = [number for number in numbers if number != 255]
    names = value_names(listing, classes)
    if names is not None:
        draft.line("label_names", names[0], f"it names the {plural(len(classes), 'value')} in use")
    else:
        shown = ", ".join(map(str, classes[:20]))
        draft.ask("masks.values", f"What do the values {shown} show? No file of the source names them.")
    _ask_object(draft)


def _decide_colours(draft: Draft, listing: Listing, seen: MaskValues, said: str) -> None:
    colours = [colour for colour, _ in seen.colours.most_common()]
    draft.line("masks.kind", "rgb", f"{said}: {plural(len(colours), 'colour')} and black")
    maps = label_maps(listing)
    fitting = {name: held for name, held in maps.items() if set(colours) <= held.keys()}
    if fitting:
        name, held = next(iter(fitting.items()))
        values = {",".join(map(str, colour)): held[colour] for colour in colours}
        draft.line("masks.values", values, f"{name} names each colour in use")
        _ask_object(draft)
    else:
        shown = "; ".join(",".join(map(str, colour)) for colour in colours[:8])
        draft.ask(
            "masks.values",
            f"What do the colours {shown} show? No label map names them all; they may also number objects.",
        )
        _ask_object(draft)


def _hint_sizes(draft: Draft, listing: Listing, masks: Sequence[Mask]) -> None:
    different = 0
    for mask in spread(masks, SAMPLE):
        try:
            different += picture_size(listing, mask.member) != picture_size(listing, mask.picture)
        except MemberProblem:
            continue
    if different:
        draft.hint("sizes_differ", f"{plural(different, 'mask')} of another size than the picture; rejected")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with the layers of its masks; masks are decoded later."""
    listing = listed(files)
    held, problems = _join(declaration, listing)
    yield from problems
    for name, layers in held.items():
        yield AnnotatedPicture(
            member=name,
            name=name,
            annotated=bool(layers),
            layers=tuple(layers),
            read_from=tuple(layer.member for layer in layers),
        )


def _join(declaration: Declaration, listing: Listing) -> tuple[dict[str, list[MaskLayer]], list[ReadProblem]]:
    masks = matching(listing.pictures, declaration.annotations)
    pictures = matching(listing.pictures if declaration.images else listing.photos, declaration.images)
    taken = set(masks)
    held: dict[str, list[MaskLayer]] = {name: [] for name in pictures if name not in taken}
    join = MaskJoin(declaration, sorted(held))
    problems = []
    labels = declared_values(declaration, listing)
    for name in masks:
        picture, values = join.picture_of(name)
        if picture is None:
            problems.append(
                ReadProblem(key=name, reason=MISSING, detail=f"{name} is the mask of no picture that is here")
            )
        else:
            held[picture].append(_layer(declaration, labels, name, values))
    return held, problems


def _layer(declaration: Declaration, labels: Mapping[str, str], name: str, values: Mapping[str, str]) -> MaskLayer:
    keys = declaration.masks
    label = declaration.label
    if keys.label is not None:
        label = fill(keys.label, values)
        for old, new in keys.replace.items():
            label = label.replace(old, new)
    kind = keys.kind or "binary"
    return MaskLayer(
        member=name,
        kind="classes" if kind == "palette" or kind == "channels" else kind,
        object=keys.object or ("value" if kind == "instances" else "component"),
        label=label,
        labels=labels,
        ignore=keys.ignore,
        min_area_px=keys.min_area_px,
    )


FORMAT = Format(
    name="masks",
    title="Mask files (binary, one an object, numbered, palette, colours)",
    recognise=recognise,
    read=read,
    weight=42,
    lost="objects of one class that touch, where a mask does not number them",
    export="CVAT: Segmentation mask 1.1; any tool that writes PNG or TIFF masks",
)
