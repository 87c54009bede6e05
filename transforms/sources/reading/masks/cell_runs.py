"""Decode run lengths in table cells: pairs of start and length over pixels, column by column or row by row.

Kaggle counts from 1 and goes down the columns; other writers count from 0, or go along the rows. The right order gives
masks with fewer parts; the right first number gives runs that do not wrap from one column to the next.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.parts import RunOrder
from medmultipoints.transforms.sources.reading.masks.mask_values import count_components
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.records.table_columns import is_empty
from medmultipoints.transforms.sources.reading.shapes import Fault

_RUNS: Final = re.compile(r"\s*\d{1,12}\s+\d{1,12}(\s+\d{1,12}\s+\d{1,12})*\s*")
ORDERS: Final[tuple[RunOrder, ...]] = ("columns-1", "columns-0", "rows-1", "rows-0")
_RELATIVE: Final[tuple[RunOrder, ...]] = ("columns-relative", "rows-relative")

Mask = NDArray[np.uint8]


def has_no_runs(text: str) -> bool:
    """Return whether a cell says that there is no mask: it is empty, or -1 as in SIIM."""
    return is_empty(text) or text.strip() == "-1"


def is_runs(text: str) -> bool:
    """Return whether a cell holds pairs of whole numbers."""
    return _RUNS.fullmatch(text) is not None


def decode_runs(text: str, size: tuple[int, int], order: RunOrder) -> Mask | Fault:
    """Return the mask of a cell (height x width), or a fault if runs overlap, go backwards or leave the picture."""
    if not is_runs(text):
        return Fault("rle_damaged", f"{text[:60]!r} has no pairs of start and length")
    numbers = np.array(text.split(), np.int64)
    starts, lengths = numbers[0::2], numbers[1::2]
    if order in _RELATIVE:
        starts = np.cumsum(starts) + np.concatenate(([0], np.cumsum(lengths)[:-1]))
    else:
        starts = starts - int(order[-1])
    ends = starts + lengths
    width, height = size
    if starts[0] < 0 or (lengths < 1).any() or (starts[1:] < ends[:-1]).any() or ends[-1] > width * height:
        return Fault(
            "rle_damaged", f"runs from {starts[0]} to {ends[-1]} do not fit {width} x {height} pixels in order"
        )
    changes = np.zeros(width * height + 1, np.int8)
    np.add.at(changes, starts, 1)
    np.add.at(changes, ends, -1)
    flat = np.cumsum(changes[:-1], dtype=np.int8).astype(np.uint8)
    return flat.reshape(height, width) if order.startswith("rows") else flat.reshape(width, height).T


@dataclass
class RunEvidence:
    """Counts over a sample of cells that reveal the order of their pixels."""

    cells: int = 0
    columns: int = 0
    rows: int = 0
    zeros: int = 0
    lasts: int = 0
    wraps_from_0: int = 0
    wraps_from_1: int = 0
    backward: int = 0
    relative: int = 0

    def add(self, text: str, size: tuple[int, int]) -> None:
        """Add one cell to the counts; ``size``: width and height of its picture."""
        found = {order: decode_runs(text, size, order) for order in (*ORDERS, *_RELATIVE)}
        self.cells += 1
        numbers = np.array(text.split(), np.int64)
        self.backward += all(isinstance(found[order], Fault) for order in ORDERS)
        self.relative += not isinstance(found["columns-relative"], Fault)
        if self.backward:
            areas = [_areas(found[order]) for order in _RELATIVE]
            self.columns += areas[0] < areas[1]
            self.rows += areas[1] < areas[0]
            return
        self.zeros += int(numbers[0] == 0)
        self.lasts += int(numbers[-2] + numbers[-1] - 1 == size[0] * size[1])
        areas = [_areas(found["columns-1"], found["columns-0"]), _areas(found["rows-1"], found["rows-0"])]
        self.columns += areas[0] < areas[1]
        self.rows += areas[1] < areas[0]
        side = size[1] if areas[0] <= areas[1] else size[0]
        self.wraps_from_1 += _wraps(numbers - np.resize([1, 0], numbers.size), side)
        self.wraps_from_0 += _wraps(numbers, side)


def _areas(*masks: Mask | Fault) -> int:
    return min((count_components(mask) for mask in masks if not isinstance(mask, Fault)), default=1 << 30)


def _wraps(numbers: NDArray[np.int64], side: int) -> int:
    """Return the number of runs that continue in the next column (or row) although shorter than one."""
    starts, lengths = numbers[0::2], numbers[1::2]
    return int((((starts + lengths - 1) // side > starts // side) & (lengths < side)).sum())


def decide_order(draft: Draft, seen: RunEvidence) -> None:
    """Propose or ask ``masks.runs``."""
    way = "columns" if seen.columns > seen.rows else "rows" if seen.rows > seen.columns else None
    base = "0" if seen.zeros else "1" if seen.lasts or seen.wraps_from_0 > seen.wraps_from_1 else None
    base = base or ("0" if seen.wraps_from_1 > seen.wraps_from_0 else None)
    said = f"{plural(seen.cells, 'mask')}: {seen.columns} have fewer parts down the columns, {seen.rows} along the rows"
    if seen.backward:
        said += (
            f"; {seen.backward} turn back unless each run counts from the end of the one before, as {seen.relative} do"
        )
    if seen.backward and way is not None and seen.relative == seen.cells:
        draft.line("masks.runs", f"{way}-relative", said)
        return
    said += f"; {seen.zeros} begin at 0, {seen.lasts} end at the last pixel counted from 1"
    if way is not None and base is not None:
        draft.line("masks.runs", f"{way}-{base}", said)
        return
    likely = f"{way or 'columns'}-{base or '1'}"
    choices: Sequence[str] = [likely, *(order for order in ORDERS if order != likely)]
    draft.ask(
        "masks.runs", f"Do runs go down the columns or along the rows, counted from 1 or 0? {said}", choices, likely
    )
