"""Read stacks of pictures and masks in NumPy files: one npz (MedSegBench), or ``images.npy`` and ``masks.npy``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.rasters.array_items import ITEM, array_item, array_shapes
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.formats.format import MASK_KEYS, Format, field_keys
from medmultipoints.transforms.sources.formats.masks import decide_kind, make_layer
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, folder, listed, matching
from medmultipoints.transforms.sources.reading.masks.mask_sets import Mask
from medmultipoints.transforms.sources.reading.masks.volume_keys import declared_values
from medmultipoints.transforms.sources.reading.path_patterns import SPLIT_WORDS
from medmultipoints.transforms.sources.reading.pixel_looks import Look
from medmultipoints.transforms.sources.reading.proposing import Draft, patterns_of

_SAMPLED: Final = 24


@dataclass(frozen=True, slots=True)
class _Stack:
    """An array of items: its file and key, its split and name, and the size (width, height) of each item."""

    member: str
    key: str
    split: str
    name: str
    count: int
    size: tuple[int, int]
    coloured: bool

    @property
    def place(self) -> str:
        """Return the file that stacks of one set share, or the folder of single arrays."""
        return self.member if self.key else folder(self.member)

    def plane(self, number: int) -> str:
        """Return the plane name of an item."""
        return f"{ITEM}{self.key}:{number}"


def _stacks(listing: Listing, names: Sequence[str]) -> list[_Stack]:
    """Return the arrays of pictures or masks: items x height x width, with an optional last axis of 1 or 3."""
    found = []
    for member in names:
        for key, (shape, kind) in array_shapes(listing.read(member)).items():
            if kind.kind not in "biu" or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
                continue
            word, _, rest = (key or split_path(member).stem).partition("_")
            split, name = (word, rest) if rest and word.lower() in SPLIT_WORDS else ("", key or split_path(member).stem)
            coloured = len(shape) == 4 and shape[3] == 3
            found.append(_Stack(member, key, split, name, shape[0], (shape[2], shape[1]), coloured))
    return found


def _looks(listing: Listing, stack: _Stack) -> dict[str, Look]:
    """Return the pixels of evenly spaced items, empty if they cannot be read."""
    data = listing.read(stack.member)
    found = {}
    for number in range(0, stack.count, max(1, stack.count // _SAMPLED)):
        try:
            found[f"{stack.member}#{stack.plane(number)}"] = Look(
                "array", _values(data, stack, number), None, False, False
            )
        except ImageProblem:
            return {}
    return found


def _values(data: bytes, stack: _Stack, number: int) -> NDArray[Any]:
    values = array_item(data, stack.member, stack.plane(number))
    return (values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values).astype(np.int64)


def _are_drawn(listing: Listing, stack: _Stack) -> bool:
    looks = _looks(listing, stack)
    return not stack.coloured and bool(looks) and sum(look.is_drawing for look in looks.values()) * 2 > len(looks)


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for stacks of pictures and masks of equal length and size."""
    listing = listed(files)
    draft = Draft("arrays", stated)
    stacks = _stacks(listing, listing.of("array"))
    kinds: dict[str, bool] = {}
    for stack in sorted(stacks, key=lambda stack: -stack.count):
        if stack.name not in kinds:
            kinds[stack.name] = _are_drawn(listing, stack)
    masks = sorted({mask.name for mask in stacks if kinds[mask.name] and _partners(stacks, mask, kinds)})
    if not masks:
        return None
    name = str(draft.states("fields.mask") or masks[0])
    used = [stack for stack in stacks if stack.name == name]
    images = sorted({other.name for mask in used for other in _partners(stacks, mask, kinds)})
    if not images:
        return None
    members = sorted({stack.member for stack in stacks if stack.name in (name, *images)})
    pattern = patterns_of(members, listing.kinds)
    draft.line("format", "arrays", f"{plural(len(members), 'NumPy file')} with stacks of pictures and masks")
    draft.line("annotations", pattern, plural(len(members), "file"))
    draft.line("images", pattern, "pictures are items of arrays")
    _decide_stack(draft, "fields.image", images, "pictures")
    _decide_stack(draft, "fields.mask", masks, "masks")
    looks = {key: look for stack in used for key, look in _looks(listing, stack).items()}
    decide_kind(draft, listing, [Mask(key, key, "", "") for key in looks], looks)
    return draft.done()


def _decide_stack(draft: Draft, key: str, names: Sequence[str], what: str) -> None:
    if len(names) == 1:
        draft.line(key, names[0], f"the arrays of {what}, behind the word of the split")
    else:
        draft.ask(key, f"Several arrays hold {what}: {', '.join(names)}. Which is right?", names, names[0])


def _partners(stacks: Sequence[_Stack], mask: _Stack, drawn: Mapping[str, bool]) -> Iterator[_Stack]:
    """Yield the stacks of pictures with the same place, split, number and size as a stack of masks."""
    for other in stacks:
        alike = (other.place, other.split, other.count, other.size) == (mask.place, mask.split, mask.count, mask.size)
        if alike and not drawn[other.name]:
            yield other


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each item of the stacks of pictures with the layer of its mask."""
    listing = listed(files)
    stacks = _stacks(listing, matching(listing.of("array"), declaration.annotations))
    labels = declared_values(declaration, listing)
    masks = {(stack.place, stack.split): stack for stack in stacks if stack.name == declaration.fields.get("mask")}
    for stack in stacks:
        if stack.name != declaration.fields.get("image"):
            continue
        mask = masks.get((stack.place, stack.split))
        if mask is not None and (mask.count, mask.size) != (stack.count, stack.size):
            detail = f"{mask.key or mask.member} has {mask.count} items, {stack.key or stack.member} has {stack.count}"
            yield ReadProblem(key=f"{mask.member}#{mask.key}", reason="stacks_differ", detail=detail)
            continue
        for number in range(stack.count):
            layer = make_layer(declaration, labels, mask.member, {}) if mask is not None else None
            yield AnnotatedPicture(
                member=stack.member,
                name=f"{split_path(stack.member).stem}_{stack.split or stack.key or 'item'}_{number:06d}",
                plane=stack.plane(number),
                width=stack.size[0],
                height=stack.size[1],
                annotated=layer is not None,
                layers=() if layer is None or mask is None else (replace(layer, plane=mask.plane(number)),),
                read_from=() if mask is None else (mask.member,),
                columns={"split": stack.split} if stack.split else {},
            )


FORMAT = Format(
    name="arrays",
    title="Stacks of pictures and masks in NumPy files (npz, npy; MedSegBench)",
    recognise=recognise,
    read=read,
    weight=40,
    lost="labels of whole pictures; stacks of several channels of masks; pickled arrays",
    export="numpy.savez(train_images=…, train_label=…)",
    keys=MASK_KEYS | field_keys("image", "mask") | {"label", "label_names"},
)
