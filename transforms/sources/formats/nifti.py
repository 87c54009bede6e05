"""Read volumes (NIfTI, NRRD, MHA) with masks on the same grid: nnU-Net, MSD, one mask per class or volume.

Pictures are planes in patient space, in radiological view; the planes of one volume are one group. Masks are recognised
by their values, and joined to volumes by name, else by the grid.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from medmultipoints.transforms.errors import MemberProblem, UsageError
from medmultipoints.transforms.rasters.nifti import (
    AXES,
    Grid,
    orientation_doubt,
    plane_size,
    plane_spacing,
    read_grid,
    read_volume,
    require_nibabel,
    same_grid,
)
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.patterns import as_patterns, compile_pattern
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.formats.format import MASK_KEYS, Format
from medmultipoints.transforms.sources.reading.listing import Listing, folder, listed, matching
from medmultipoints.transforms.sources.reading.masks.mask_values import channel_names
from medmultipoints.transforms.sources.reading.masks.volume_keys import declared_values, rendering_of
from medmultipoints.transforms.sources.reading.masks.volume_labels import (
    SEGMENT,
    ask_observers,
    decide_labels,
    mask_patterns,
    segments_of,
)
from medmultipoints.transforms.sources.reading.masks.volume_sets import (
    HEAD_BYTES,
    Volumes,
    channels_of,
    named_by_masks,
    owner_of,
    volume_names,
)
from medmultipoints.transforms.sources.reading.path_patterns import propose_patterns
from medmultipoints.transforms.sources.reading.proposing import Draft, patterns_of, single

_LOOKED_AT: Final = 60
"""Number of volumes whose stated orientations are compared."""
_CT_BELOW: Final = -200
"""Volumes with lower values are CT: no other modality has values this negative."""


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the NIfTI volumes among the members. Raise UsageError without the extra."""
    listing = listed(files)
    if not listing.of("nifti"):
        return None
    require_nibabel()
    volumes = Volumes(listing)
    if not volumes.masks or not volumes.pictures:
        return None
    draft = Draft("nifti", stated)
    counts = f"{plural(len(volumes.pictures), 'volume')} of measured values, {plural(len(volumes.masks), 'mask')}"
    draft.line("format", "nifti", f"{counts}, separated by their values")
    damaged = len(listing.of("nifti")) - len(volumes.grids)
    if damaged:
        draft.hint("unreadable_volumes", f"{plural(damaged, 'NIfTI file')} whose header cannot be read")
    for detail in list(volumes.damaged.values())[:3]:
        draft.hint("damaged", f"{detail}; left out: copy the file again")
    channels = channels_of(volumes.pictures, volumes.masks)
    own = named_by_masks(volumes.pictures, volumes.masks) if channels and draft.states("images") is None else ()
    pictures = own or _choose_channel(draft, volumes.pictures, channels)
    if own and (others := len(volumes.pictures) - len(own)):
        draft.hint("volumes_left_out", f"{plural(others, 'volume')} without a mask of the same name; left out")
    _hint_orientation(draft, listing, pictures)
    owners = {mask: owner for mask in volumes.masks if (owner := owner_of(volumes, mask, pictures))}
    chosen = _choose_masks(draft, listing, owners)
    draft.line("images", patterns_of(pictures, listing.kinds), counts)
    decide_labels(draft, listing, chosen)
    _decide_channel(draft, listing, volumes, pictures)
    _decide_slices(draft, listing, volumes, pictures)
    if lost := len(volumes.masks) - len(owners):
        said = f"{plural(lost, 'mask')} of no volume of the same name or grid"
        first = min(set(volumes.masks) - owners.keys())
        draft.hint("masks_without_volume", f"{said}, such as {first}: {_difference(volumes, first, pictures)}")
    return draft.done()


def _hint_orientation(draft: Draft, listing: Listing, pictures: Sequence[str]) -> None:
    """Add hints about volumes whose orientation is not stated, or stated twice and differently."""
    doubts: dict[str, list[str]] = {}
    for name in pictures[:: max(1, len(pictures) // _LOOKED_AT)]:
        if doubt := orientation_doubt(listing.head(name, HEAD_BYTES), name):
            doubts.setdefault(doubt, []).append(name)
    for doubt, names in doubts.items():
        draft.hint("orientation_doubtful", f"{plural(len(names), 'volume')}, such as {names[0]}: {doubt}")


def _difference(volumes: Volumes, mask: str, pictures: Sequence[str]) -> str:
    """Return, in words, how the grid of a mask differs from those of the volumes."""
    own = volumes.grids[mask]
    if fitting := [name for name in pictures if same_grid(volumes.grids[name], own)]:
        return f"it lies on the grid of {plural(len(fitting), 'volume')}, and its name says of none that it is the one"
    alike = [name for name in pictures if sorted(volumes.grids[name].shape[:3]) == sorted(own.shape[:3])]
    shapes = " x ".join(map(str, own.shape[:3]))
    if alike:
        return (
            f"its {shapes} voxels are as many as those of {alike[0]}, but lie elsewhere (origin, spacing or direction)"
        )
    others = "; ".join(f"{name} {' x '.join(map(str, volumes.grids[name].shape[:3]))}" for name in pictures[:2])
    return f"it has {shapes} voxels, {others or 'and there is no volume'}"


def _choose_channel(draft: Draft, pictures: tuple[str, ...], channels: Mapping[str, list[str]]) -> tuple[str, ...]:
    stated = draft.states("images")
    if stated:
        found = matching(pictures, as_patterns(stated))
        if not found:
            raise UsageError(f"read.images: {stated!r} matches no NIfTI volume. Correct the pattern, or leave it out.")
        return found
    if len(channels) < 2:
        return pictures
    text = f"Volumes have {len(channels)} channels ({', '.join(sorted(channels))}). Which is the picture?"
    texts = {key: propose_patterns(names, pictures) for key, names in sorted(channels.items())}
    first = min(channels)
    choices = [held[0] if len(held) == 1 else toml_value(held) for held in texts.values()]
    draft.ask("images", text, choices, choices[0] if first == "0000" else None)
    return tuple(channels[first])


def _choose_masks(draft: Draft, listing: Listing, owners: Mapping[str, str]) -> dict[str, str]:
    """Return the masks to read with their volumes; ask if several folders have masks of the same volumes."""
    stated = draft.states("annotations")
    folders: dict[tuple[str, bool], list[str]] = {}
    for mask, owner in owners.items():
        several = sum(folder(other) == folder(mask) and owners[other] == owner for other in owners) > 1
        folders.setdefault((folder(mask), several), []).append(mask)
    sets: list[list[str]] = []
    for names in sorted(folders.values(), key=lambda names: (len(names), names)):
        covered = {owners[name] for name in names}
        place = next((held for held in sets if not {owners[name] for name in held} & covered), None)
        if place is None:
            sets.append(list(names))
        else:
            place += names
    if stated:
        chosen = matching(owners, as_patterns(stated))
        draft.line("annotations", stated, "stated")
        return {name: owners[name] for name in chosen}
    if not sets:
        return {}
    texts = [mask_patterns(listing, owners, names) for names in sets]
    if len(sets) > 1:
        said = "; ".join(f"{text[0]} ({plural(len(names), 'file')})" for text, names in zip(texts, sets, strict=True))
        question = f"Several sets of masks lie on the same volumes: {said}. Which is right?"
        draft.ask("annotations", question, [text[0] for text in texts], texts[0][0])
        return {name: owners[name] for name in sets[0]}
    own = {name: owners[name] for name in sets[0]}
    first = ask_observers(draft, listing, texts[0][0], own) if len(texts[0]) == 1 else None
    if first is None:
        draft.line("annotations", single(texts[0]), f"{plural(len(own), 'mask')} on the grids of their volumes")
    return {name: owners[name] for name in first or own}


def _decide_channel(draft: Draft, listing: Listing, volumes: Volumes, pictures: Sequence[str]) -> None:
    """Ask which index on the fourth axis of volumes is the picture."""
    counts = {volumes.grids[name].shape[3] for name in pictures if _has_channels(volumes.grids[name])}
    if counts:
        names = channel_names(listing)
        said = f" ({', '.join(f'{number} {name}' for number, name in sorted(names.items()))})" if names else ""
        text = (
            f"Volumes have a fourth axis of {' or '.join(map(str, sorted(counts)))} parts{said}. Which is the picture?"
        )
        draft.ask("slices.channel", text, [str(at) for at in range(min(counts))])


def _has_channels(grid: Grid) -> bool:
    return len(grid.shape) > 3 and max(grid.shape[3:]) > 1


def _decide_slices(draft: Draft, listing: Listing, volumes: Volumes, pictures: Sequence[str]) -> None:
    grids = [volumes.grids[name] for name in pictures]
    widest = {max(AXES, key=lambda axis, grid=grid: grid.spacing[AXES[axis]]) for grid in grids}  # type: ignore[misc]
    spacing = " x ".join(f"{side:g}" for side in grids[0].spacing)
    equal = all(max(grid.spacing) < 1.5 * min(grid.spacing) for grid in grids)
    likely = "axial" if equal or len(widest) > 1 else widest.pop()
    others = [axis for axis in ("axial", "coronal", "sagittal") if axis != likely]
    draft.ask("slices.axis", f"Which planes are the pictures? Voxels are {spacing} mm.", [likely, *others], likely)
    part = draft.states("slices.channel") or 0
    lowest = min(float(read_volume(listing.read(name), name, part).values.min()) for name in pictures[:3])
    if lowest < _CT_BELOW:
        choices = ["{ centre = 40, width = 400 }", "{ centre = -600, width = 1500 }", "percentile 0.5 99.5", "full"]
        text = f"Which window shows the CT (lowest value {lowest:g})? 40/400 is for soft tissue, -600/1500 for lungs."
    else:
        choices = ["percentile 0.5 99.5", "full"]
        text = f"Which values become black and white (lowest value {lowest:g})?"
    draft.ask("intensity.window", text, choices, choices[0])
    if not equal and any(_unequal(grid, likely) for grid in grids):
        draft.hint(
            "pixels_not_square", f"pixels of {likely} planes are not square; [read.intensity] aspect can make them so"
        )


def _unequal(grid: Grid, axis: str) -> bool:
    across, down = plane_spacing(grid, axis)
    return abs(across - down) > 0.05 * min(across, down)


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each plane of each volume with its mask layers."""
    listing = listed(files)
    require_nibabel()
    masks = matching(listing.of("nifti"), declaration.annotations) if declaration.annotations else ()
    pictures = [name for name in matching(listing.of("nifti"), declaration.images) if name not in masks]
    owned: dict[str, list[tuple[str, str | None]]] = {name: [] for name in pictures}
    volumes = Volumes(listing)
    for mask in masks:
        owner, target = _declared_owner(declaration, mask, pictures, volumes)
        if owner is None:
            yield ReadProblem(key=mask, reason="picture_missing", detail=f"{mask} belongs to no volume of this source")
        else:
            owned[owner].append((mask, target))
    called = volume_names(pictures)
    for name, held in owned.items():
        yield from _read_volume(declaration, listing, name, called[name], held)


def _declared_owner(
    declaration: Declaration, mask: str, pictures: Sequence[str], volumes: Volumes
) -> tuple[str | None, str | None]:
    """Return the volume and the label of a mask: the volume by shared holes of the patterns, else by name or grid."""
    values = _holes(mask, declaration.annotations)
    target = declaration.label
    if declaration.masks.label is not None:
        target = declaration.masks.label
        for hole, value in values.items():
            target = target.replace(f"{{{hole}}}", value)
        for old, new in declaration.masks.replace.items():
            target = target.replace(old, new)
    shared = [name for name in pictures if (own := _holes(name, declaration.images)) and _agree(own, values)]
    if len(shared) == 1:
        return shared[0], target
    return owner_of(volumes, mask, pictures), target


def _holes(name: str, patterns: Sequence[str]) -> dict[str, str]:
    found = (compile_pattern(text).match(name) for text in patterns)
    return next((values for values in found if values is not None), {})


def _agree(a: Mapping[str, str], b: Mapping[str, str]) -> bool:
    shared = a.keys() & b.keys()
    return bool(shared) and all(a[hole] == b[hole] for hole in shared)


def _read_volume(
    declaration: Declaration, listing: Listing, name: str, called: str, masks: Sequence[tuple[str, str | None]]
) -> Reading:
    axis = declaration.slices.axis or "axial"
    try:
        grid = read_grid(listing.head(name, HEAD_BYTES), name)
        if _has_channels(grid) and (len(grid.shape) > 4 or declaration.slices.channel is None):
            shape = " x ".join(map(str, grid.shape))
            detail = f"{name} has {shape} voxels; volumes have 3 axes. [read.slices] channel chooses a part of a fourth"
            raise MemberProblem("volume_not_3d", detail)
        indices = _indices(declaration, listing, masks, grid.shape[AXES[axis]])
    except MemberProblem as problem:
        yield ReadProblem(key=name, reason=problem.reason, detail=problem.detail, picture=name)
        return
    square = ":square" if declaration.intensity.aspect == "square-pixels" else ""
    part = f":channel{declaration.slices.channel}" if _has_channels(grid) else ""
    size = plane_size(grid, axis) if not square else (None, None)
    values = declared_values(declaration, listing)
    for index in indices:
        plane = f"{axis}:{index}{square}{part}"
        yield AnnotatedPicture(
            member=name,
            name=f"{called}_{axis}_{index:04d}",
            plane=plane,
            width=size[0],
            height=size[1],
            rendering=rendering_of(declaration),
            annotated=bool(masks),
            layers=tuple(
                layer
                for mask, label in masks
                for layer in _layers(declaration, listing, mask, values, label, f"{axis}:{index}{square}", name)
            ),
            read_from=tuple(mask for mask, _ in masks),
            columns={"group": called},
        )


def _indices(
    declaration: Declaration, listing: Listing, masks: Sequence[tuple[str, str | None]], count: int
) -> list[int]:
    """Return the indices of the planes to take, by ``only``, ``every`` and ``max`` of ``[read.slices]``."""
    indices = list(range(count))
    place = AXES[declaration.slices.axis or "axial"]
    if declaration.slices.only == "with-mask":
        others = tuple(axis for axis in range(3) if axis != place)
        drawn = np.zeros(count, bool)
        for mask, _ in masks:
            for layer in segments_of(listing, mask) or (None,):
                drawn |= (read_volume(listing.read(mask), mask, layer).values != 0).any(axis=others)
        indices = [index for index in indices if drawn[index]]
    indices = indices[:: declaration.slices.every]
    most = declaration.slices.max
    if most is not None and len(indices) > most:
        indices = [indices[at * len(indices) // most] for at in range(most)]
    return indices


def _layers(
    declaration: Declaration,
    listing: Listing,
    mask: str,
    values: Mapping[str, str],
    label: str | None,
    plane: str,
    grid: str,
) -> Iterator[MaskLayer]:
    """Yield the layer of a plane of a mask; one for each layer of segments if the header names these."""
    keys = declaration.masks
    kind = keys.kind or "classes"
    whole = MaskLayer(
        member=mask,
        kind="instances" if kind == "instances" else "classes",
        object=keys.object or "component",
        label=None if values and kind != "binary" else label,
        labels={} if kind == "binary" else values,
        ignore=keys.ignore,
        min_area_px=keys.min_area_px,
        plane=plane,
        grid=grid,
    )
    if label != SEGMENT or values:
        yield whole
        return
    for number, names in sorted(segments_of(listing, mask).items()):
        labels = {str(value): name for value, name in names.items()}
        yield replace(whole, label=None, labels=labels, plane=f"{plane}:channel{number}")


FORMAT = Format(
    name="nifti",
    title="Volumes and masks (NIfTI, NRRD, MHA; nnU-Net, MSD, one mask per class)",
    recognise=recognise,
    read=read,
    weight=95,
    lost="objects in three dimensions: the areas of each plane are separate objects",
    export="3D Slicer: Save as NIfTI; nnU-Net and MSD data sets as they are",
    keys=MASK_KEYS
    | {"label", "label_names", "masks.replace", "intensity.window", "intensity.aspect"}
    | {f"slices.{name}" for name in ("axis", "every", "only", "max", "channel")},
)
