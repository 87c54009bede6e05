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
