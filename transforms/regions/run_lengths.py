"""COCO's compressed run-length code of one object in the full frame, and its inverse.

The code lists run lengths of the frame read column by column, background first, packed into ASCII by
pycocotools. ``encode_rle`` works on the object's bounding rectangle alone, several times faster than on
the frame, and gives the same characters as ``pycocotools.mask.encode`` of the whole mask.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco


def encode_rle(pixels: NDArray[np.uint8], left: int, top: int, width: int, height: int) -> str:
    """The run-length code of an object in a frame of ``width`` x ``height`` pixels.

    ``pixels``: rows x columns of the object's rectangle, 1 inside the object, at least one pixel;
    ``left``, ``top``: where the rectangle's first pixel lies in the frame.
    """
    starts, ends = _runs(pixels, left, top, height)
    bounds = np.zeros(2 * len(starts) + 2, np.int64)
    bounds[1:-1:2], bounds[2:-1:2], bounds[-1] = starts, ends, width * height
    counts = np.diff(bounds).tolist()
    if counts[-1] == 0:  # the object holds the frame's last pixel: COCO writes no empty final run
        counts.pop()
    packed: bytes = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)["counts"]
    return packed.decode("ascii")


def decode_rle(rle: str, height: int, width: int) -> NDArray[np.bool_]:
    """The mask, height x width, true inside the object. ValueError where ``rle`` is no code of such a mask.

    Unpacked here and not by pycocotools, which returns uninitialised memory for a code that ends too early.
    """
    counts = _unpack(rle)
    if min(counts, default=-1) < 0 or sum(counts) != width * height:
        raise ValueError(f"not the run-length code of a mask of {width} x {height} pixels")
    columns = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height)
    return np.ascontiguousarray(columns.T)


def decode_rle_in(rle: str, height: int, width: int, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """The part of the mask in a box (x1, y1, x2, y2) that holds the whole object; the rest of the frame costs nothing.

    ValueError where ``rle`` is no code of a mask of ``width`` x ``height``, or the object passes the box.
    """
    counts = _unpack(rle)
    x1, y1, x2, y2 = box
    inside = 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
    if not inside or min(counts, default=-1) < 0 or sum(counts) != width * height:
        raise ValueError(f"not the run-length code of a mask of {width} x {height} pixels in the box {box}")
    ends = np.cumsum(np.array(counts, np.int64))[1::2]
    starts = ends - np.array(counts[1::2], np.int64)
    starts, ends = starts[ends > starts], ends[ends > starts]
    (first, top), (last, bottom) = np.divmod(starts, height), np.divmod(ends - 1, height)
    tall = y2 - y1
    begin, end = (first - x1) * tall + top - y1, (last - x1) * tall + bottom - y1 + 1
    # A run from one column into the next is right only where the box is as high as the frame.
    whole = (end - begin == ends - starts) & (first >= x1) & (last < x2) & (top >= y1) & (bottom < y2)
    if not whole.all():
        raise ValueError(f"the object passes the box {box}")
    steps = np.zeros((x2 - x1) * tall + 1, np.int8)
    steps[begin] += 1
    np.subtract.at(steps, end, 1)
    columns = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_).reshape(x2 - x1, tall)
    return np.ascontiguousarray(columns.T)


def box_of_rle(rle: str, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the extent (x1, y1, x2, y2) of the mask. ValueError where ``rle`` is no code of a mask with any pixel."""
    counts = _unpack(rle)
    if min(counts, default=-1) < 0 or sum(counts) != width * height or not any(counts[1::2]):
        raise ValueError(f"not the run-length code of an object in a mask of {width} x {height} pixels")
    ends = np.cumsum(np.array(counts, np.int64))[1::2]
    starts = ends - np.array(counts[1::2], np.int64)
    starts, ends = starts[ends > starts], ends[ends > starts]
    (first, top), (last, bottom) = np.divmod(starts, height), np.divmod(ends - 1, height)
    if (first < last).any():  # a run from one column into the next touches the bottom and the top of the frame
        return int(first.min()), 0, int(last.max()) + 1, height
    return int(first.min()), int(top.min()), int(last.max()) + 1, int(bottom.max()) + 1


def area_of_rle(rle: str) -> int:
    """The number of pixels inside the object of a sound code."""
    return sum(_unpack(rle)[1::2])


def _unpack(rle: str) -> list[int]:
    """The run lengths; [] where the text is no code. Source of the format: ``rleFrString`` of the COCO API.

    Each number is a series of 6-bit digits (+ 48 as ASCII), lowest first: 5 bits of value and, as bit 5, whether
    more follow; bit 4 of the last is the sign. From the fourth on, a number is the difference to the one two before.
    """
    counts: list[int] = []
    value = shift = 0
    for digit in (ord(character) - 48 for character in rle):
        if not 0 <= digit < 64:
            return []
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        signed = value - (1 << shift) if digit & 16 else value
        counts.append(signed + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return [] if shift else counts


def _runs(
    pixels: NDArray[np.uint8], left: int, top: int, frame_height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First positions and ends (exclusive) of the runs, in the frame's column-by-column order."""
    height, width = pixels.shape
    # A background cell before each column and one at the end: no run passes from one column into the next.
    cells = np.zeros(width * (height + 1) + 1, np.uint8)
    cells[:-1].reshape(width, height + 1)[:, 1:] = cv2.transpose(pixels).reshape(width, height)
    changes = np.flatnonzero(cells[1:] != cells[:-1]) + 1

    def in_frame(position: NDArray[np.int64]) -> NDArray[np.int64]:
        column, row = np.divmod(position, height + 1)
        return (left + column) * frame_height + top + row - 1

    starts, ends = in_frame(changes[0::2]), in_frame(changes[1::2] - 1) + 1
    apart = ends[:-1] != starts[1:]  # runs of full-height columns meet in the frame
    return starts[np.append(True, apart)], ends[np.append(apart, True)]
