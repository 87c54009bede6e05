"""Encode and decode COCO's compressed run-length code of one object.

The code lists run lengths of the frame read column by column, background first, packed into ASCII by
pycocotools. ``encode_rle`` works on the object's bounding box, several times faster than on the frame, and returns
the same characters as ``pycocotools.mask.encode`` of the whole mask.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

Runs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
_MOST_DIGITS = 10  # per number: 50 bits, more than any picture has pixels


def encode_rle(pixels: NDArray[np.uint8], left: int, top: int, width: int, height: int) -> str:
    """Return the run-length code of an object in a frame of ``width`` x ``height`` pixels.

    ``pixels``: rows x columns of the object's bounding box, 1 inside the object, at least one pixel;
    ``left``, ``top``: position of the box's first pixel in the frame.
    """
    starts, ends = _runs(pixels, left, top, height)
    bounds = np.zeros(2 * len(starts) + 2, np.int64)
    bounds[1:-1:2], bounds[2:-1:2], bounds[-1] = starts, ends, width * height
    counts = np.diff(bounds).tolist()
    if counts[-1] == 0:  # the object includes the frame's last pixel: COCO writes no empty final run
        counts.pop()
    packed: bytes = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)["counts"]
    return packed.decode("ascii")


def decode_rle(rle: str, height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask (height x width), true inside the object. Raise ValueError for an invalid code.

    Does not use pycocotools, which returns uninitialised memory for a truncated code.
    """
    counts = _unpack(rle)
    if not _covers(counts, width * height):
        raise ValueError(f"not the run-length code of a mask of {width} x {height} pixels")
    columns = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height)
    return np.ascontiguousarray(columns.T)


def decode_rle_in(rle: str, height: int, width: int, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Return the part of the mask inside a box (x1, y1, x2, y2) that contains the whole object.

    Raises ValueError if ``rle`` is not the code of a ``width`` x ``height`` mask, or the object exceeds the box.
    """
    runs = _object_runs(rle, height, width)
    x1, y1, x2, y2 = box
    inside = 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
    if not inside or runs is None:
        raise ValueError(f"not the run-length code of a mask of {width} x {height} pixels in the box {box}")
    first, top, last, bottom = runs
    tall = y2 - y1
    begin, end = (first - x1) * tall + top - y1, (last - x1) * tall + bottom - y1 + 1
    # A run may continue in the next column only if the box is as high as the frame.
    whole = (first == last).all() or (tall == height)
    if len(first) and not (whole and _lies_in(box, runs)):
        raise ValueError(f"the object passes the box {box}")
    steps = np.zeros((x2 - x1) * tall + 1, np.int8)
    steps[begin] += 1
    steps[end] -= 1
    columns = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_).reshape(x2 - x1, tall)
    return np.ascontiguousarray(columns.T)


def box_of_rle(rle: str, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the bounding box (x1, y1, x2, y2) of the mask. Raise ValueError for an invalid code or an empty mask."""
    runs = _object_runs(rle, height, width)
    if runs is None or not len(runs[0]):
        raise ValueError(f"not the run-length code of an object in a mask of {width} x {height} pixels")
    first, top, last, bottom = runs
    if (first < last).any():  # a run across columns touches the bottom and the top of the frame
        return int(first.min()), 0, int(last.max()) + 1, height
    return int(first.min()), int(top.min()), int(last.max()) + 1, int(bottom.max()) + 1


def area_of_rle(rle: str) -> int:
    """Return the number of object pixels of a valid code."""
    return int(_unpack(rle)[1::2].sum())


@lru_cache(maxsize=16)  # box and mask of an object are asked for one after the other
def _object_runs(rle: str, height: int, width: int) -> Runs | None:
    """Return column and row of the first and the last pixel of each run of object pixels; None for an invalid code."""
    counts = _unpack(rle)
    if not _covers(counts, width * height):
        return None
    ends = np.cumsum(counts)[1::2]
    starts = ends - counts[1::2]
    held = ends > starts
    return *np.divmod(starts[held], height), *np.divmod(ends[held] - 1, height)


def _lies_in(box: tuple[int, int, int, int], runs: Runs) -> bool:
    x1, y1, x2, y2 = box
    first, top, last, bottom = runs
    return bool(first.min() >= x1 and last.max() < x2 and top.min() >= y1 and bottom.max() < y2)


def _covers(counts: NDArray[np.int64], pixels: int) -> bool:
    """Return whether the run lengths add up to ``pixels``."""
    return bool(len(counts)) and int(counts.min()) >= 0 and int(counts.sum()) == pixels


@lru_cache(maxsize=16)  # box, mask and area of an object are asked for one after the other
def _unpack(rle: str) -> NDArray[np.int64]:
    """Return the run lengths, empty for an invalid code. Source of the format: ``rleFrString`` of the COCO API.

    Each number is a series of 6-bit digits (+ 48 as ASCII), lowest first: 5 bits of value, and bit 5 if more digits
    follow; bit 4 of the last digit is the sign. From the fourth on, a number is the difference to the one two before.
    """
    digits = np.frombuffer(rle.encode("utf-8"), np.uint8).astype(np.int64) - 48
    last = np.flatnonzero(digits & 32 == 0)
    if not len(last) or last[-1] != len(digits) - 1 or digits.min() < 0 or digits.max() > 63:
        return np.empty(0, np.int64)
    first = np.append(0, last[:-1] + 1)
    lengths = last - first + 1
    if lengths.max() > _MOST_DIGITS:
        return np.empty(0, np.int64)
    shifts = 5 * (np.arange(len(digits)) - np.repeat(first, lengths))
    counts = np.add.reduceat((digits & 31) << shifts, first)
    counts -= np.where(digits[last] & 16, np.int64(1) << 5 * lengths, 0)
    for start in (1, 2):  # differences, two apart
        counts[start::2] = np.cumsum(counts[start::2])
    counts.setflags(write=False)
    return counts


def _runs(
    pixels: NDArray[np.uint8], left: int, top: int, frame_height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and exclusive ends of the runs, in the frame's column-by-column order."""
    height, width = pixels.shape
    # A background cell before each column and one at the end keep runs within their column.
    cells = np.zeros(width * (height + 1) + 1, np.uint8)
    cells[:-1].reshape(width, height + 1)[:, 1:] = cv2.transpose(pixels).reshape(width, height)
    changes = np.flatnonzero(cells[1:] != cells[:-1]) + 1

    def in_frame(position: NDArray[np.int64]) -> NDArray[np.int64]:
        column, row = np.divmod(position, height + 1)
        return (left + column) * frame_height + top + row - 1

    starts, ends = in_frame(changes[0::2]), in_frame(changes[1::2] - 1) + 1
    apart = ends[:-1] != starts[1:]  # runs of full-height columns meet in the frame
    return starts[np.append(True, apart)], ends[np.append(apart, True)]
