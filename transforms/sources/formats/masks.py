"""Read mask files, one per picture or object: binary, numbered by object or class, palettes or colours.

Masks are recognised by flat areas of pixels, and belong to the picture whose name begins or ends theirs.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.array_items import read_array
from medmultipoints.transforms.rasters.volumes import TIFF, count_pages
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern, fill
from medmultipoints.transforms.sources.formats.format import MASK_KEYS, Format
from medmultipoints.transforms.sources.reading.joining import MISSING, is_turned, picture_size
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.masks.mask_choice import choose_masks
from medmultipoints.transforms.sources.reading.masks.mask_joins import MaskJoin
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask, grammar_of, spread
from medmultipoints.transforms.sources.reading.masks.mask_values import (
    UNKNOWN,
    MaskValues,
    channel_names,
    colour_names,
    palette_names,
    region_values,
    value_names,
)
from medmultipoints.transforms.sources.reading.masks.volume_keys import ask_regions, declared_values, propose_names
from medmultipoints.transforms.sources.reading.pixel_looks import Look
from medmultipoints.transforms.sources.reading.proposing import Draft

SAMPLE = 48
"""Number of mask files decoded to decide the meaning of their values."""
MOST_CLASSES = 64
_FEW = 3
"""From so many names that occur once each, they are names of files and not labels."""
MASK_WORDS = frozenset({"mask", "masks", "seg", "segmentation", "gt", "label", "labels", "ground", "truth", "manual"})


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the mask files among the members."""
    listing = listed(files)
    draft = Draft("masks", stated)
    chosen = choose_masks(draft, listing)
    looks = _looks(listing, chosen)
    if not looks:
        return None
    decide_kind(draft, listing, chosen, looks)
    _hint_sizes(draft, listing, [mask for mask in chosen if listing.kinds.get(mask.member) == "picture"])
    return draft.done()


def _looks(listing: Listing, masks: Sequence[Mask]) -> dict[str, Look]:
    sampled = {mask.member: listing.look(mask.member) for mask in spread(masks, SAMPLE)}
    return {name: look for name, look in sampled.items() if look is not None and look.values.dtype.kind != "f"}


def decide_kind(draft: Draft, listing: Listing, masks: Sequence[Mask], looks: Mapping[str, Look]) -> None:
    """Propose or ask the meaning of mask values; ``looks``: pixels of a sample of masks."""
    seen = MaskValues()
    for look in looks.values():
        seen.add(look)
    several = len({mask.picture for mask in masks}) < len(masks)
    if any(look.channels for look in looks.values()):
        draft.line("masks.kind", "channels", f"{plural(len(looks), 'array')} of channels, rows and columns")
        draft.line("masks.object", "file", "each channel is one object")
        draft.ask("masks.label", "What do the masks show? Give the label of the objects.")
        return
    said = f"{plural(seen.files, 'file')} decoded"
    kind = draft.states("masks.kind")
    if kind == "binary" or (kind is None and not seen.colours and (len(seen.held) <= 1 or seen.are_smoothed)):
        _decide_binary(draft, listing, masks, seen, several, said)
    elif kind == "instances" and not seen.palette:
        draft.line("masks.kind", kind, "stated")
        _number_objects(draft)
    elif kind == "rgb" or (kind is None and seen.colours):
        _decide_colours(draft, listing, seen, said)
    elif kind == "classes":
        draft.line("masks.kind", kind, "stated")
        _class_values(draft, listing, sorted(seen.held), seen)
    else:
        _decide_values(draft, listing, seen, said)
    if seen.lossy and draft.likely("masks.kind") != "binary":
        text = f"{seen.lossy} of {plural(seen.files, 'mask')} are JPEGs, which keep no exact values: only binary masks"
        draft.hint("jpeg_masks", f"{text} can be read from them. Write PNG")


def _decide_binary(
    draft: Draft, listing: Listing, masks: Sequence[Mask], seen: MaskValues, several: bool, said: str
) -> None:
    value = next(iter(seen.held), 255)
    shades = f"values up to {max(seen.held)}, the lower ones at edges alone: smoothed" if seen.are_smoothed else ""
    found = shades or f"values 0 and {value} alone{', JPEG' if seen.lossy else ''}"
    draft.line("masks.kind", "binary", f"{said}: {found}")
    grammar = _holes_of(draft, masks)
    targets = Counter(_targets(masks, grammar)) if "{target" in grammar else Counter()
    recurring = len(targets) < _FEW or max(targets.values()) > 1
    if several and "{nr" in grammar:
        draft.line("masks.object", "file", "several numbered masks a picture: each file is one object")
    else:
        _ask_object(draft, "component" if not several or (targets and recurring) else "file")
    shown = ", ".join(sorted(targets)[:8])
    if r"{target:\d" in grammar:
        _decide_numbers(draft, listing, masks)
    elif targets and recurring and not _are_plain(targets):
        draft.line("masks.label", "{target}", f"a part of the mask's path: {shown}")
    else:
        doubt = "" if recurring else f" No two masks share a name ({shown}): {{target}} if the names are labels."
        draft.ask("masks.label", f"What do the masks show? Give the label of the objects.{doubt}")


def _decide_numbers(draft: Draft, listing: Listing, masks: Sequence[Mask]) -> None:
    """Propose or ask the labels of masks whose names hold class numbers."""
    texts = sorted({mask.after.strip("_-. ").partition("_")[0] for mask in masks})
    names = value_names(listing, [int(text) for text in texts])
    draft.line("masks.label", "{target}", f"the number of a class in the mask's name: {', '.join(texts[:8])}")
    if names is not None:
        labels = {text: names[1][int(text)] for text in texts}
        draft.line("labels", labels, f"{names[0]} names the {plural(len(texts), 'number')} in use")
    else:
        shown = ", ".join(f'"{text}" = "…"' for text in texts[:8])
        draft.ask("labels", f"What are the class numbers {', '.join(texts[:20])}? Give {{ {shown} }}.")


def _are_plain(names: Collection[str]) -> bool:
    """Return whether names contain only words for masks, such as ``mask``, ``mask_1``, ``seg``."""
    return all(word in MASK_WORDS for name in names for word in re.findall(r"[^\W\d_]+", name.casefold()))


def _holes_of(draft: Draft, masks: Sequence[Mask]) -> str:
    """Return the pattern of mask names around the picture's name, or the path pattern of masks."""
    grammar = grammar_of(masks)
    if any(mask.before or mask.after for mask in masks):
        return grammar[1] if grammar is not None else ""
    found = draft.likely("annotations")
    return found if isinstance(found, str) else ""


def _targets(masks: Sequence[Mask], grammar: str) -> list[str]:
    """Return the text of each mask's name that may be its label, as a build reads it with ``_holes_of``."""
    pattern, named = compile_pattern(grammar), any(mask.before or mask.after for mask in masks)
    found = (pattern.match(mask.after if named else mask.member) for mask in masks)
    return [values["target"] for values in found if values]


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
    if seen.palette and seen.is_border:
        draft.line("masks.ignore", [255], "255 marks borders and unknown areas")
        numbers.remove(255)
    if seen.palette and (seen.rising < seen.files or seen.most < 3 or _are_named(listing, seen, numbers)):
        draft.line("masks.kind", "palette", f"{said}: palette images; indices {shown}")
        _class_values(draft, listing, numbers, seen)
    elif seen.palette:
        _ask_kind(draft, "palette", f"an index name a class, or number the objects? Indices {shown}")
        if draft.states("masks.kind") != "instances":
            _class_values(draft, listing, numbers, seen)
    elif channel_names(listing) and (value_names(listing, numbers) or region_values(listing)[0]):
        draft.line("masks.kind", "classes", f"{said}: values {shown}, which the dataset.json of nnU-Net names")
        _class_values(draft, listing, numbers, seen)
    elif len(numbers) > MOST_CLASSES and connected:
        proof = f"{said}: up to {seen.most} values per picture, {seen.single} of {seen.areas} areas connected"
        draft.line("masks.kind", "instances", proof)
        _number_objects(draft)
    elif len(numbers) <= MOST_CLASSES and not connected:
        draft.line(
            "masks.kind",
            "classes",
            f"{said}: values {shown}; {seen.areas - seen.single} of {seen.areas} areas are not connected",
        )
        _class_values(draft, listing, numbers, seen)
    else:
        _ask_values(draft, listing, seen, shown)


def _are_named(listing: Listing, seen: MaskValues, numbers: Sequence[int]) -> bool:
    return value_names(listing, numbers) is not None or palette_names(listing, seen, numbers) is not None


def _ask_values(draft: Draft, listing: Listing, seen: MaskValues, shown: str) -> None:
    """Ask whether values are classes or object numbers, and then their labels."""
    likely = "instances" if seen.rising == seen.files and seen.most > 2 else "classes"
    other = "classes" if likely == "instances" else "instances"
    if draft.states("masks.values") and draft.states("masks.kind") is None:
        draft.line("masks.kind", "classes", "labels of values are stated")
        _class_values(draft, listing, sorted(seen.held), seen)
        return
    text = f"Does a value name a class, or number the objects? Values {shown}"
    draft.ask("masks.kind", text, [likely, other], likely)
    if draft.states("masks.kind") == "instances":
        _number_objects(draft)
    elif draft.states("masks.kind") is not None:
        _class_values(draft, listing, sorted(seen.held), seen)
    else:
        text = "Is each connected area of a value an object, or each value?"
        draft.ask("masks.object", text, ["value", "component"], "value")
        text = f"What do the values {shown} show? Give a label for each, or masks.label for all."
        draft.ask("masks.values", text)


def _number_objects(draft: Draft) -> None:
    draft.line("masks.object", "value", "each value is one object")
    draft.ask("masks.label", "What do the numbered masks show? Give the label of the objects.")


def _ask_kind(draft: Draft, kind: str, text: str) -> None:
    """Ask whether values or colours are classes (``kind``) or object numbers, and the label of numbered objects."""
    draft.ask("masks.kind", f"Does {text}", [kind, "instances"], kind)
    if draft.states("masks.kind") == "instances":
        _number_objects(draft)


def _names_of(values: Sequence[str]) -> str:
    """Return a TOML table with a placeholder label for each value."""
    return "{ " + ", ".join(f'"{value}" = "…"' for value in values) + " }"


def _class_values(draft: Draft, listing: Listing, numbers: Sequence[int], seen: MaskValues) -> None:
    """Propose or ask the names of values, without 255 if it marks borders."""
    if seen.has_white_background:
        said = "255 covers most of the masks: if it is the background, an object of value 0 is not read"
        draft.hint("background_white", f"{said}; write masks whose background is 0 (255 - value)")
    border = [UNKNOWN] if seen.is_border and UNKNOWN in numbers else []
    if border:
        draft.line("masks.ignore", border, "255 marks borders and unknown areas")
    classes = [number for number in numbers if not seen.is_border or number != UNKNOWN]
    if (named := palette_names(listing, seen, classes)) is not None:
        draft.line("masks.values", named[1], f"{named[0]} names the palette's colour of each index in use")
    elif not ask_regions(draft, listing, classes) and not propose_names(draft, listing, classes, border):
        shown = ", ".join(map(str, classes[:20]))
        text = f"What do the values {shown} show? No file of the source names them."
        draft.ask("masks.values", text, [_names_of(list(map(str, classes[:20])))])
    _ask_object(draft)


def _decide_colours(draft: Draft, listing: Listing, seen: MaskValues, said: str) -> None:
    colours = [colour for colour, _ in seen.colours.most_common()]
    proof = f"{said}: {plural(len(colours), 'colour')} and black"
    if (named := colour_names(listing, colours)) is not None:
        draft.line("masks.kind", "rgb", proof)
        values = {",".join(map(str, colour)): label for colour, label in zip(colours, named[1], strict=True)}
        draft.line("masks.values", values, f"{named[0]} names each colour in use")
        _ask_object(draft)
        return
    _ask_kind(draft, "rgb", f"a colour name a class, or number an object? {proof}; no label map names them all")
    if draft.states("masks.kind") != "instances":
        texts = [",".join(map(str, colour)) for colour in colours]
        shown = "; ".join(texts[:8])
        draft.ask("masks.values", f"What do the colours {shown} show?", [_names_of(texts[:20])])
        _ask_object(draft)


def _hint_sizes(draft: Draft, listing: Listing, masks: Sequence[Mask]) -> None:
    different = 0
    for mask in spread(masks, SAMPLE):
        try:
            own, real = picture_size(listing, mask.member), picture_size(listing, mask.picture)
            different += own != real and not (own == real[::-1] and is_turned(listing, mask.picture))
        except MemberProblem:
            continue
    if different:
        draft.hint("sizes_differ", f"{plural(different, 'mask')} of another size than the picture; rejected")


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture with its mask layers; masks are decoded later."""
    listing = listed(files)
    held, problems = _join(declaration, listing)
    yield from problems
    for name, layers in held.items():
        pages = pages_of(listing, name)
        if pages > 1:
            yield from _read_pages(listing, name, layers, pages)
            continue
        yield AnnotatedPicture(
            member=name,
            name=name,
            annotated=bool(layers),
            layers=tuple(layers),
            read_from=tuple(layer.member for layer in layers),
        )


def pages_of(listing: Listing, name: str) -> int:
    """Return the number of pages of a TIFF, or 1 for other files."""
    return count_pages(listing.read(name)) if listing.head(name, 4) in TIFF else 1


def _read_pages(listing: Listing, name: str, layers: Sequence[MaskLayer], pages: int) -> Reading:
    """Yield each page of a TIFF as a picture with the same page of its masks, all in one group."""
    differ = [layer.member for layer in layers if pages_of(listing, layer.member) != pages]
    for member in differ:
        detail = f"{member} has {pages_of(listing, member)} pages, its picture {name} has {pages}"
        yield ReadProblem(key=member, reason="pages_differ", detail=detail, picture=name)
    for page in range(pages) if not differ else ():
        yield AnnotatedPicture(
            member=name,
            name=f"{name}:page:{page}",
            plane=f"page:{page}",
            annotated=bool(layers),
            layers=tuple(replace(layer, plane=f"page:{page}") for layer in layers),
            read_from=tuple(layer.member for layer in layers),
            columns={"group": name},
        )


def _join(declaration: Declaration, listing: Listing) -> tuple[dict[str, list[MaskLayer]], list[ReadProblem]]:
    masks = matching((*listing.pictures, *listing.of("array")), declaration.annotations)
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
                ReadProblem(key=name, reason=MISSING, detail=f"{name} belongs to no picture of this source")
            )
        else:
            layer = make_layer(declaration, labels, name, values)
            held[picture] += _channels(listing, layer) if declaration.masks.kind == "channels" else [layer]
    return held, problems


def _channels(listing: Listing, layer: MaskLayer) -> list[MaskLayer]:
    """Return one layer per channel of an array, or the layer itself if unreadable, so that the build reports it."""
    try:
        count = len(read_array(listing.read(layer.member), layer.member))
    except MemberProblem:
        return [layer]
    plain = replace(layer, kind="binary", object="file", labels={})
    return [
        replace(plain, plane=f"channel:{number}", label=layer.labels.get(str(number), layer.label))
        for number in range(count)
    ]


def make_layer(declaration: Declaration, labels: Mapping[str, str], name: str, values: Mapping[str, str]) -> MaskLayer:
    """Return the layer of a mask file as declared, with ``labels`` of its values and ``values`` of its path's holes."""
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
        channel=keys.channel,
    )


FORMAT = Format(
    name="masks",
    title="Mask files (binary, one per object, numbered, palette, colours)",
    recognise=recognise,
    read=read,
    weight=42,
    lost="the separation of touching objects of one class, unless the mask numbers them",
    export="CVAT: Segmentation mask 1.1; any tool that writes PNG or TIFF masks",
    keys=MASK_KEYS | {"masks.channel", "masks.replace", "label", "label_names"},
)
