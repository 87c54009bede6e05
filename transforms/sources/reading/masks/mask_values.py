"""Gather evidence on mask values: occurrence, connectedness and names."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.regions.decimals import is_whole
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.pixel_looks import Look, packed_colours

_MAP_LINES: Final = (
    re.compile(r"\s*(?P<name>[^:#]+):(?P<r>\d+),\s*(?P<g>\d+),\s*(?P<b>\d+)(:.*)?"),  # labelmap.txt of CVAT
    re.compile(r"\s*(?P<q>\"?)(?P<name>[^,\"]+)(?P=q),\s*(?P<r>\d+),\s*(?P<g>\d+),\s*(?P<b>\d+)\s*"),  # class_dict.csv
    re.compile(r"\s*(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+)\s+(?P<name>\S.*)"),  # label_colors.txt of CamVid
)
_MAP_HEADER: Final = "name,r,g,b"

_LEAST_SHADES: Final = 8
_EDGE_PX: Final = 15  # width of the window in which an edge is looked for
UNKNOWN: Final = 255
"""Value that marks borders and unknown areas in masks of classes."""
Colour = tuple[int, ...]
"""Red, green and blue."""


@dataclass
class MaskValues:
    """Counts over sampled masks: files with each value, and values with a single connected component.

    ``smoothed``: number of files in which ``is_smoothed``; ``empty``: number of files without any value.
    ``white``: number of files with several values in which 255 covers most of the picture; ``lone``: number of files
    with 255 as the only value. ``indexed``: colours of each index in use, of palettes.
    """

    files: int = 0
    gray: int = 0
    lossy: int = 0
    palette: int = 0
    alpha: int = 0
    held: Counter[int] = field(default_factory=Counter)
    colours: Counter[Colour] = field(default_factory=Counter)
    indexed: dict[int, set[Colour]] = field(default_factory=dict)
    most: int = 0
    areas: int = 0
    single: int = 0
    rising: int = 0
    white: int = 0
    lone: int = 0
    smoothed: int = 0
    empty: int = 0

    @property
    def are_smoothed(self) -> bool:
        """Whether nearly all masks with any value are smoothed binary masks."""
        return 0 < self.smoothed >= 0.9 * (self.gray - self.empty) and self.gray == self.files

    @property
    def has_white_background(self) -> bool:
        """Whether 255 covers most of the picture in most masks."""
        return self.white * 2 > self.files

    @property
    def is_border(self) -> bool:
        """Whether 255 marks borders and unknown areas: it is nearly never the only value of a mask."""
        return UNKNOWN in self.held and not self.has_white_background and self.lone * 10 <= self.files

    def add(self, look: Look) -> None:
        values = look.values
        self.files += 1
        self.lossy += look.lossy
        self.palette += look.palette
        self.alpha += look.alpha is not None and len(np.unique(look.alpha)) > 1
        if values.ndim == 3 and all((values[..., 0] == values[..., at]).all() for at in range(1, values.shape[2])):
            values = values[..., 0]
        if values.ndim == 3:
            distinct = [int(value) for value in np.unique(packed_colours(values))[:4096] if value]
            self.colours.update((value >> 16, value >> 8 & 255, value & 255) for value in distinct)
            return
        self.gray += 1
        if look.lossy:
            return
        numbers = [int(value) for value in np.unique(values) if value]
        self.held.update(numbers)
        self.empty += not numbers
        for number in numbers if look.colours else ():
            self.indexed.setdefault(number, set()).add(look.colours[3 * number : 3 * number + 3])
        self.smoothed += is_smoothed(values, numbers)
        self.white += len(numbers) > 1 and bool((values == UNKNOWN).mean() > 0.5)
        self.lone += numbers == [UNKNOWN]
        counted = [number for number in numbers if number != 255] if look.palette else numbers
        self.most = max(self.most, len(counted))
        self.rising += counted == list(range(1, len(counted) + 1))
        for number in numbers[:200]:
            self.areas += 1
            self.single += count_components(values == number) == 1


def count_components(mask: NDArray[Any]) -> int:
    """Return the number of 8-connected components of a mask."""
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1


def is_smoothed(values: NDArray[Any], numbers: Sequence[int]) -> bool:
    """Return whether a mask has areas of its highest value and, only as slopes at their edges, many lower values.

    A binary mask is so after resizing with interpolation; areas of classes and numbered objects are flat.
    """
    if len(numbers) < _LEAST_SHADES:
        return False
    inside = (values >= numbers[-1] / 2).astype(np.uint8)
    around, next_to = np.ones((_EDGE_PX, _EDGE_PX), np.uint8), np.ones((3, 3), np.uint8)
    edge = (cv2.dilate(inside, around) > 0) & (cv2.dilate(1 - inside, around) > 0)
    shades = values.astype(np.float32)
    flat = cv2.dilate(shades, next_to) == cv2.erode(shades, next_to)
    between = (values > 0) & (values < numbers[-1])
    few = 0.02 * between.sum()
    full = (values == numbers[-1]).sum() * 2 > inside.sum()
    return bool(full and (between & ~edge).sum() <= few and (between & flat).sum() <= few)


def value_names(listing: Listing, numbers: Sequence[int]) -> tuple[str, dict[int, str]] | None:
    """Return a JSON file that names all ``numbers``, and its names; None without one, or if several disagree."""
    found: list[tuple[str, dict[int, str]]] = []
    for name in listing.of("text"):
        head = listing.head(name)
        if not head.lstrip().startswith(b"{") or len(head) >= 1 << 16:
            continue
        try:
            held = json.loads(head)
        except ValueError:
            continue
        names = number_names(held)
        if names and set(numbers) <= names.keys():
            found.append((name, names))
    return found[0] if found and all(names == found[0][1] for _, names in found) else None


def number_names(held: Any) -> dict[int, str] | None:
    """Return the names of numbers in ``{"1": "liver"}`` or ``{"liver": 1}``, top-level or in ``labels``, or None."""
    if isinstance(held, dict) and isinstance(held.get("labels"), dict):
        held = held["labels"]
    if not isinstance(held, dict) or not held:
        return None
    if all(is_whole(str(key)) and isinstance(value, str) for key, value in held.items()):
        return {int(key): value for key, value in held.items()}
    if all(isinstance(value, int) or (isinstance(value, str) and is_whole(value)) for value in held.values()):
        return {int(value): str(key) for key, value in held.items()}
    return None


def region_values(listing: Listing) -> tuple[str, dict[str, frozenset[int]]]:
    """Return a JSON file whose ``labels`` name regions of several values (nnU-Net), and those; empty without one."""
    for name in listing.of("text"):
        head = listing.head(name)
        try:
            held = json.loads(head).get("labels") if b'"labels"' in head and head.lstrip().startswith(b"{") else None
        except ValueError:
            continue
        if isinstance(held, dict) and any(isinstance(value, list) for value in held.values()):
            values = {label: value if isinstance(value, list) else [value] for label, value in held.items()}
            if all(isinstance(one, int) for value in values.values() for one in value):
                return name, {str(label): frozenset(value) - {0} for label, value in values.items()}
    return "", {}


def palette_names(listing: Listing, seen: MaskValues, numbers: Sequence[int]) -> tuple[str, dict[str, str]] | None:
    """Return a label map that names the palette's colour of all ``numbers``, and the name of each, or None."""
    colours = [next(iter(held)) for number in numbers if len(held := seen.indexed.get(number, set())) == 1]
    named = colour_names(listing, colours) if len(colours) == len(numbers) else None
    return (named[0], dict(zip(map(str, numbers), named[1], strict=True))) if named else None


def colour_names(listing: Listing, colours: Sequence[Colour]) -> tuple[str, list[str]] | None:
    """Return a label map that names all ``colours``, and their names; None without one, or if several disagree."""
    found = [
        (name, [held[colour] for colour in colours])
        for name, held in label_maps(listing).items()
        if colours and set(colours) <= held.keys()
    ]
    return found[0] if found and all(names == found[0][1] for _, names in found) else None


def channel_names(listing: Listing) -> dict[int, str]:
    """Return the channel names in the only ``dataset.json`` of nnU-Net or MSD, else an empty dictionary."""
    found: list[dict[int, str]] = []
    for name in listing.of("text"):
        head = listing.head(name)
        if not head.lstrip().startswith(b"{") or (b'"modality"' not in head and b'"channel_names"' not in head):
            continue
        try:
            held = json.loads(head)
        except ValueError:
            continue
        names = held.get("channel_names") or held.get("modality")
        if isinstance(names, dict) and all(str(key).isdigit() for key in names):
            found.append({int(key): str(value) for key, value in names.items()})
    return found[0] if len(found) == 1 else {}


def label_maps(listing: Listing) -> dict[str, dict[Colour, str]]:
    """Return the label maps among the text files, by file name: all lines are of one of the forms above.

    A file that names a colour twice is none.
    """
    found: dict[str, dict[Colour, str]] = {}
    for name in listing.of("text"):
        head = listing.head(name)
        if len(head) < 1 << 16 and (held := _named_colours(head)):
            found[name] = held
    return found


def _named_colours(text: bytes) -> dict[Colour, str]:
    lines = [line for line in text.decode("utf-8-sig", "replace").splitlines() if line.strip() and line[0] != "#"]
    if lines and lines[0].replace(" ", "").lower() == _MAP_HEADER:
        del lines[0]
    for form in _MAP_LINES:
        if lines and form.fullmatch(lines[0]) and all(matches := [form.fullmatch(line) for line in lines]):
            held: dict[Colour, str] = {(int(m["r"]), int(m["g"]), int(m["b"])): m["name"].strip() for m in matches if m}
            return held if len(held) == len(lines) else {}
    return {}
