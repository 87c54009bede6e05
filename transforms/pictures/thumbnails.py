"""Make small gray thumbnails to find and confirm near-duplicates.

A thumbnail is the whole picture in gray, averaged to 32 x 32 pixels, for any shape. The search uses its 64-bit
difference hashes (of the whole picture and of windows, plain and mirrored). The confirmation uses the correlation of
brightness gradients of one whole picture with those of the best-fitting window of the other. Gradients do not depend
on brightness and hardly on contrast; windows compensate for a crop of a few per cent.

All arithmetic after the averaging is on whole numbers below 2**53, so that results are equal on every machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.scratch import Scratch

SIDE = 32
HALVED_TO = 256
GRID = 16
AT_ONCE = 4096
HASHED_AT_ONCE = 128
"""Number of thumbnails whose floats fit the processor's cache."""
UNIT = 4096
"""Averaging weights are multiples of 1 / UNIT."""

FLATTEST = GRID * GRID
"""Sum of squared gradients, in gray levels, below which a picture is too uniform to compare."""

Thumbnails = NDArray[np.uint8]
Rows = NDArray[np.int64]


class Gallery(Protocol):
    """Thumbnails in rows that are read when they are needed."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | Rows) -> Thumbnails: ...


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Some rows of a gallery, in another order."""

    gallery: Gallery
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice | Rows) -> Thumbnails:
        return self.gallery[self.rows[rows]]


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """The thumbnails of pictures, and the sample_id of each row."""

    names: pl.Series
    small: Gallery


Range = tuple[float, float]
Window = tuple[Range, Range]
"""Columns and rows of a part of the picture, as shares of its width and height."""

WHOLE: Range = (0.0, 1.0)
RANGES: tuple[Range, ...] = (
    WHOLE,
    *((cut * side, 1 - cut * (1 - side)) for cut in (0.04, 0.08, 0.13) for side in (0.0, 0.5, 1.0)),
)
"""Shares of width or height that a crop may keep; every pair of two is a window."""

SEARCHED: tuple[Window, ...] = (
    (WHOLE, WHOLE),
    ((0.03, 0.97), (0.03, 0.97)),
    ((0.05, 0.95), (0.05, 0.95)),
    *(((cut_x, cut_x + 0.95), (cut_y, cut_y + 0.95)) for cut_x in (0.0, 0.05) for cut_y in (0.0, 0.05)),
    *(((cut, cut + 0.95), WHOLE) for cut in (0.0, 0.05)),
    *((WHOLE, (cut, cut + 0.95)) for cut in (0.0, 0.05)),
)
"""Windows whose hashes are searched among the hashes of whole pictures."""


def gray_levels(small: Thumbnails) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the standard deviation of each thumbnail, in gray levels with one decimal."""
    flat = small.astype(np.int64).reshape(len(small), SIDE * SIDE)
    count = flat.shape[1]
    total, squares = flat.sum(axis=1), (flat**2).sum(axis=1)
    return (total / count).round(1), np.sqrt((count * squares - total**2) / count**2).round(1)


def to_luma(pixels: NDArray[np.uint8], scratch: Scratch | None = None) -> NDArray[np.uint8]:
    """Return the luma (height x width) of an RGB picture (height x width x 3), with OpenCV's weights.

    With ``scratch`` it is valid until the next picture.
    """
    room = (scratch or Scratch()).take("luma", *pixels.shape[:2])
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY, dst=room), np.uint8)


def thumbnail(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luma of a picture (height x width) averaged to 32 x 32.

    Large pictures are first halved while they stay at least 256 px on each side; an odd last row or column is dropped.
    """
    gray = luma
    while min(gray.shape) >= 2 * HALVED_TO:
        height, width = gray.shape[0] // 2, gray.shape[1] // 2
        gray = cv2.resize(gray[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def perceptual_hash(small: NDArray[np.uint8]) -> str:
    """Return the 64-bit difference hash of a thumbnail as 16 hex digits; near-duplicates differ in few bits."""
    return perceptual_hashes(small[None])[0]


def perceptual_hashes(small: Thumbnails) -> list[str]:
    """Return the hash of each thumbnail, as ``perceptual_hash`` does for one."""
    return [f"{found:016x}" for found in hash_windows(small).tolist()]


def pack(small: NDArray[np.uint8]) -> str:
    """Return the thumbnail as 2,048 hex digits, row by row."""
    return small.tobytes().hex()


def unpack(texts: Sequence[str] | pl.Series) -> Thumbnails:
    """Return the thumbnails of packed texts: n x 32 x 32."""
    small = np.empty((len(texts), SIDE, SIDE), np.uint8)
    for part in _parts(len(texts)):
        small[part] = np.frombuffer(bytes.fromhex("".join(texts[part])), np.uint8).reshape(-1, SIDE, SIDE)
    return small


def album_of(thumbnails: pl.DataFrame | Album) -> Album:
    """Return the thumbnails of a table (sample_id, thumbnail) in memory."""
    if isinstance(thumbnails, Album):
        return thumbnails
    return Album(thumbnails["sample_id"], cast("Gallery", unpack(thumbnails["thumbnail"])))


def mirror(small: Thumbnails) -> Thumbnails:
    """Return the thumbnails mirrored left to right."""
    return np.ascontiguousarray(small[..., ::-1])


def hash_windows(
    small: Gallery | Thumbnails, window: Window = (WHOLE, WHOLE), *, mirrored: bool = False
) -> NDArray[np.uint64]:
    """Return the 64-bit difference hash of a window of each picture, or of each mirrored picture.

    The window is averaged to 9 x 8 cells; row by row, a bit is set if brightness rises to the right.
    """
    columns, rows = (_weights(part, size) for part, size in zip(window, (9, 8), strict=True))
    hashes = np.empty(len(small), np.uint64)
    for part in _parts(len(small), HASHED_AT_ONCE):
        # Two products of large matrices take half the time of many small ones, and are exact for whole numbers.
        shown = mirror(small[part]) if mirrored else small[part]
        across = shown.reshape(-1, SIDE).astype(np.float64) @ columns.T
        turned = np.ascontiguousarray(across.reshape(-1, SIDE, len(columns)).swapaxes(1, 2)).reshape(-1, SIDE)
        averaged = (turned @ rows.T).reshape(-1, len(columns), len(rows))
        bits = np.packbits((averaged[:, 1:] > averaged[:, :-1]).swapaxes(1, 2).reshape(-1, 64), axis=1)
        hashes[part] = bits.view(">u8").reshape(-1)
    return hashes


def whole_gradients(small: Thumbnails) -> NDArray[np.float64]:
    """Return the gradients of each whole picture on a 16 x 16 grid, n x 480 whole numbers in gray levels x UNIT."""
    weights = _weights(WHOLE, GRID)
    return _gradients(np.floor(weights @ small.astype(np.float64) @ weights.T / UNIT))


def window_gradients(small: Thumbnails) -> NDArray[np.float64]:
    """Return the gradients of each window of each picture, n x windows x 480; the first window is the whole."""
    weights = np.concatenate([_weights(part, GRID) for part in RANGES])
    averaged = np.floor(weights @ small.astype(np.float64) @ weights.T / UNIT)
    count = len(RANGES)
    windows = averaged.reshape(-1, count, GRID, count, GRID).swapaxes(2, 3).reshape(-1, count * count, GRID, GRID)
    return _gradients(windows)


def is_flat(small: Gallery | Thumbnails) -> NDArray[np.bool_]:
    """Return the mask of near-uniform pictures, whose correlation with each other is noise."""
    flat = np.empty(len(small), np.bool_)
    for part in _parts(len(small)):
        flat[part] = (whole_gradients(small[part]) ** 2).sum(axis=-1) < FLATTEST * UNIT**2
    return flat


def correlate(whole: NDArray[np.float64], windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation (n x m, -1 to 1) of each picture (n x 480) with each of its windows (n x m x 480)."""
    products = (windows @ whole[..., None])[..., 0]
    norms = np.sqrt((whole**2).sum(axis=-1))[:, None] * np.sqrt((windows**2).sum(axis=-1))
    found: NDArray[np.float64] = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return found


def _parts(count: int, at_once: int = AT_ONCE) -> Iterator[slice]:
    """Return slices of ``at_once`` positions, so that floats of a million thumbnails need not fit memory."""
    return (slice(start, min(start + at_once, count)) for start in range(0, count, at_once))


def _gradients(averaged: NDArray[np.float64]) -> NDArray[np.float64]:
    across = averaged[..., :, 1:] - averaged[..., :, :-1]
    down = averaged[..., 1:, :] - averaged[..., :-1, :]
    flat = (*averaged.shape[:-2], GRID * (GRID - 1))
    return np.concatenate([across.reshape(flat), down.reshape(flat)], axis=-1)


@cache
def _weights(part: Range, size: int) -> NDArray[np.float64]:
    """Return ``size`` x 32 weights that average the range into equal cells; each row sums to UNIT."""
    edges = (part[0] + (part[1] - part[0]) * np.arange(size + 1) / size) * SIDE
    pixels = np.arange(SIDE)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares = np.maximum(overlap, 0) / (edges[1:] - edges[:-1])[:, None]
    ends = np.rint(np.cumsum(shares, axis=1) * UNIT)
    return np.diff(ends, axis=1, prepend=0)
