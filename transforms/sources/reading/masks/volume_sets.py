"""Sort the volumes of a source into pictures, their masks and their channels."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.nifti import Grid, read_grid, read_volume, same_grid
from medmultipoints.transforms.rasters.volume_files import segment_names
from medmultipoints.transforms.sources.reading.listing import Listing, folder

HEAD_BYTES: Final = 1 << 16
_SAMPLED: Final = 3


@dataclass(frozen=True)
class Volumes:
    """NIfTI files of a source with their grids, divided into pictures and masks."""

    listing: Listing
    damaged: dict[str, str] = field(default_factory=dict)
    """Volumes that cannot be read, of those that were looked at, with the reason."""

    @cached_property
    def grids(self) -> dict[str, Grid]:
        found: dict[str, Grid] = {}
        for name in self.listing.of("nifti"):
            try:
                found[name] = read_grid(self.listing.head(name, HEAD_BYTES), name)
            except MemberProblem:
                continue
        return found

    @cached_property
    def masks(self) -> tuple[str, ...]:
        """Volumes with few distinct whole numbers from 0 on, mostly 0; sampled in large folders."""
        folders: dict[str, list[str]] = {}
        for name in self.grids:
            folders.setdefault(folder(name), []).append(name)
        found: list[str] = []
        for names in folders.values():
            sampled = {name: self._is_mask(name) for name in names[:: max(1, len(names) // _SAMPLED)]}
            if len(names) > 12 and len(set(sampled.values())) == 1:
                found += names if next(iter(sampled.values())) else []
            else:
                found += [name for name in names if self._is_mask(name)]
        return tuple(found)

    def _is_mask(self, name: str) -> bool:
        if segment_names(self.listing.head(name, HEAD_BYTES)):
            return True
        try:
            values = read_volume(self.listing.read(name), name).values
        except MemberProblem as problem:
            if problem.reason != "volume_not_3d":
                self.damaged[name] = problem.detail
            return False
        if values.dtype.kind == "f" and not (values == np.rint(values)).all():
            return False
        distinct = np.unique(values)
        zeros = float((values == 0).mean())
        return bool(distinct.min() >= 0 and len(distinct) <= 1024 and (zeros > 0.3 or len(distinct) <= 2))

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        known = {*self.masks, *self.damaged}
        return tuple(name for name in self.grids if name not in known)


def volume_stem(name: str) -> str:
    """Return the name of a volume's file without folder and extension."""
    filename = name.rpartition("/")[2]
    return filename[: -len(".nii.gz")] if filename.lower().endswith(".nii.gz") else filename.rpartition(".")[0]


def volume_names(members: Sequence[str]) -> dict[str, str]:
    """Return a name for each volume: that of its file, or its path if several files of a source have one name."""
    times = Counter(map(volume_stem, members))
    whole = {name: name[: name.rfind("/") + 1] + volume_stem(name) for name in members}
    return {name: stem if times[stem := volume_stem(name)] == 1 else whole[name] for name in members}


def channels_of(pictures: Sequence[str], masks: Sequence[str]) -> dict[str, list[str]]:
    """Return the volumes by channel suffix (nnU-Net's ``_0000``, or ``_flair``), empty unless all cases have all.

    Words count as channels only if no mask has the name of a volume.
    """
    found: dict[str, list[str]] = {}
    own = {volume_stem(name).casefold() for name in pictures} & {volume_stem(name).casefold() for name in masks}
    for name in pictures:
        case, last = _parts(name)
        word = not own and any(map(str.isalpha, last))
        found.setdefault(last if case and (word or re.fullmatch(r"\d{4}", last)) else "", []).append(name)
    cases = {last: {f"{folder(name)}/{_case(name)}" for name in names} for last, names in found.items()}
    complete = len({frozenset(held) for held in cases.values()}) == 1 and "" not in found
    return found if complete and all(len(cases[last]) == len(names) for last, names in found.items()) else {}


def named_by_masks(pictures: Sequence[str], masks: Sequence[str]) -> tuple[str, ...]:
    """Return the volumes whose whole name begins that of a mask, as ``a_frame01`` does ``a_frame01_gt``."""
    stems = [volume_stem(mask).casefold() for mask in masks]
    own = {name: volume_stem(name).casefold() for name in pictures}
    return tuple(
        name
        for name, stem in own.items()
        if any(mask.startswith(stem) and len(mask) > len(stem) and not mask[len(stem)].isalnum() for mask in stems)
    )


def _case(name: str) -> str:
    return _parts(name)[0].casefold()


def _parts(name: str) -> tuple[str, str]:
    """Return what is before the last separator of a volume's name, such as ``-`` in BraTS 2023, and what follows."""
    stem = volume_stem(name)
    at = max(stem.rfind("_"), stem.rfind("-"))
    return stem[: max(at, 0)], stem[at + 1 :]


def owner_of(volumes: Volumes, mask: str, pictures: Sequence[str]) -> str | None:
    """Return the volume of a mask, by equal name (ignoring the channel), else by equal grid, or None.

    Names also count as equal if one begins the other (``a``, ``a_seg``; ``a_ct``, ``a_seg-vert``), or if both are a
    word and the same number (``volume-3``, ``segmentation-3``) on the same grid.
    """
    stem = volume_stem(mask).casefold()
    named = [name for name in pictures if volume_stem(name).casefold() in (stem, f"{stem}_0000")]
    named = named or [name for name in pictures if _case(name) in (stem, _case(mask)) and _case(name)]
    named = named or _beginning(stem, pictures)
    named = named or [
        name
        for name in pictures
        if _number(name) is not None
        and _number(name) == _number(mask)
        and same_grid(volumes.grids[name], volumes.grids[mask])
    ]
    if len(named) > 1:
        near = [name for name in named if _related(folder(name), folder(mask))]
        named = near or named
    fitting = named or [
        name for name in pictures if same_grid(volumes.grids[name], volumes.grids[mask]) and _near(name, mask)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _beginning(stem: str, pictures: Sequence[str]) -> list[str]:
    """Return the volumes whose name, or its part before the last word, is the longest beginning of a mask's."""
    found: dict[int, list[str]] = {}
    for name in pictures:
        for start in (volume_stem(name).casefold(), _case(name)):
            if start and stem.startswith(start) and not stem[len(start) :][:1].isalnum():
                found.setdefault(len(start), []).append(name)
                break
    return found[max(found)] if found else []


def _number(name: str) -> int | None:
    """Return the number of a name that is a word and a number; None for other names."""
    found = re.fullmatch(r"[^\W\d_]+[-_ ]?(\d+)", volume_stem(name))
    return int(found[1]) if found else None


def _related(a: str, b: str) -> bool:
    return bool(set(a.split("/")) & set(b.split("/"))) or a.rpartition("/")[0] == b.rpartition("/")[0]


def _near(picture: str, mask: str) -> bool:
    """Return whether a mask is in the folder of the volume, or below it."""
    return not folder(picture) or folder(mask) == folder(picture) or folder(mask).startswith(f"{folder(picture)}/")
