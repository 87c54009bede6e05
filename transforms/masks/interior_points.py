"""Find the pixel that lies deepest inside a component.

The deepest pixel is the one whose centre is farthest from the centre of the nearest pixel outside the component.
Pixels beyond the component's bounding box, and so beyond the image, are outside. Distances are compared as exact
integers (squared pixels). Ties go to the pixel nearest to the centroid, then the smallest row, then the smallest
column.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.records import Point

Pixels = NDArray[np.int64]  # one (row, column) each
Pixels32 = NDArray[np.int32]  # the same in int32: squares still fit, and comparing is faster

_CELL = 4  # side of the coarse cells in pixels
_SQUARE = np.ones((_CELL, _CELL), np.uint8)
_IN_CELL = np.indices((_CELL, _CELL)).reshape(2, -1).T
_FARTHEST_IN_CELL = 2.83  # from the second pixel of the second row to the last of the last, 2 * sqrt(2) px
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
# With cells of 4 pixels, a pixel is at most 1.5 * sqrt(2) from its cell's centre and the best pixel of a cell
# 0.5 * sqrt(2). A cell at coarse distance d (in cells) holds pixels of distance at most 4 d + 3 sqrt(2), and the
# deepest cell holds one of at least 4 d - 2 sqrt(2): cells more than 5 sqrt(2) / 4 = 1.768 below it are ruled out.
_MARGIN = 1.77
# Up to about this many pairs per pixel, comparing candidates with every outline pixel beats the full transform.
_PAIRS_PER_PIXEL = 4
_EXACTLY_UP_TO = 64


def find_interior_point(pixels: NDArray[np.uint8], sum_x: int, sum_y: int) -> Point:
    """Return the centre of the deepest pixel, in the frame of the component's bounding box.

    ``pixels``: rows x columns of that box, 1 inside the component, at least one pixel;
    ``sum_x``, ``sum_y``: sums of the columns and rows of its pixels.
    """
    padded = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0).astype(np.uint8, copy=False)
    deepest = _deepest_by_cells(padded)
    if deepest is None:
        deepest = _deepest_by_transform(padded)
    row, column = _nearest_to_centroid(deepest - 1, cv2.countNonZero(pixels), sum_x, sum_y)
    return Point(column + 0.5, row + 0.5)


def _deepest_by_transform(padded: NDArray[np.uint8]) -> Pixels:
    """Return all deepest pixels by the distance transform; exact up to a distance of 2,000 pixels."""
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Equal distances can differ in the last bit of their float32 square roots: compare the squares as integers.
    near_top = np.argwhere(distance >= distance.max() - np.float32(0.01))
    squared = np.rint(distance[near_top[:, 0], near_top[:, 1]].astype(np.float64) ** 2)
    deepest: Pixels = near_top[squared == squared.max()]
    return deepest


def _deepest_by_cells(padded: NDArray[np.uint8]) -> Pixels | None:
    """Return all deepest pixels by a coarse transform that leaves few candidates, or None if it would be slower."""
    corners = _candidate_cells(padded)
    if corners is None:
        return None
    # The nearest pixel outside always has a neighbour inside, so this ring suffices for distances.
    outline = cv2.findNonZero(cv2.dilate(padded, _CROSS) - padded).reshape(-1, 2)[:, ::-1].astype(np.int32)
    most = _PAIRS_PER_PIXEL * padded.size
    if len(corners) * len(outline) > most:
        return None
    near_cells, near_outline = _within_reach(corners, outline)
    candidates = (corners[near_cells][:, None, :] + _IN_CELL).reshape(-1, 2)
    if len(candidates) * np.count_nonzero(near_outline) > most:
        return None
    squared = _squared_distances(candidates, outline[near_outline]).min(axis=1)
    deepest: Pixels = candidates[squared == squared.max()]
    return deepest


def _candidate_cells(padded: NDArray[np.uint8]) -> Pixels | None:
    """Return the first pixels of the cells that may hold a deepest pixel, or None if the component is too thin."""
    rows, columns = -(-padded.shape[0] // _CELL), -(-padded.shape[1] // _CELL)
    grid = np.zeros((rows * _CELL, columns * _CELL), np.uint8)
    grid[: padded.shape[0], : padded.shape[1]] = padded
    whole = cv2.erode(grid, _SQUARE, anchor=(0, 0))[::_CELL, ::_CELL]
    # Add a ring of outside cells: the last row and column of cells can be whole.
    cells = cv2.copyMakeBorder(np.ascontiguousarray(whole), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(cells, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    top = float(distance.max())
    if top < 2:  # a deepest pixel could be in a cell that is not whole
        return None
    return np.argwhere(distance >= top - _MARGIN) * _CELL


def _within_reach(corners: Pixels, outline: Pixels32) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the cells that can hold a deepest pixel, and the outline pixels that can be nearest to one of them.

    Bounds follow from the exact distances of one pixel per cell and the cell's size.
    """
    distances = np.sqrt(_squared_distances(corners + 1, outline))
    nearest = distances.min(axis=1)
    cells = nearest + _FARTHEST_IN_CELL >= nearest.max()
    reach = nearest[cells, None] + 2 * _FARTHEST_IN_CELL
    return np.asarray(cells), (distances[cells] <= reach).any(axis=0)


def _squared_distances(pixels: Pixels, outline: Pixels32) -> NDArray[np.int32]:
    """Return squared distances: one row per pixel, one column per outline pixel."""
    down = pixels[:, :1].astype(np.int32) - outline[:, 0]
    across = pixels[:, 1:].astype(np.int32) - outline[:, 1]
    down *= down
    across *= across
    down += across
    return down


def _nearest_to_centroid(pixels: Pixels, area: int, sum_x: int, sum_y: int) -> tuple[int, int]:
    """Return the (row, column) chosen by the tie rule, comparing exact integers scaled by the area.

    A float comparison first narrows the candidates: in a thin component every pixel is one.
    """
    if len(pixels) > _EXACTLY_UP_TO:
        off = (pixels[:, 1] - sum_x / area) ** 2 + (pixels[:, 0] - sum_y / area) ** 2
        pixels = pixels[off <= off.min() * (1 + 1e-9) + 1e-6]

    def rank(pixel: list[int]) -> tuple[int, int, int]:
        row, column = pixel
        return (column * area - sum_x) ** 2 + (row * area - sum_y) ** 2, row, column

    _, row, column = min(map(rank, pixels.tolist()))
    return row, column
