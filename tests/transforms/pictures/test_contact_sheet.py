"""A sheet of pictures: boxes and points stay where they are in their picture, however large it was."""

import io

import numpy as np
from PIL import Image

from medmultipoints.transforms.pictures.contact_sheet import CELL_PX, Cell, draw_sheet, drawn
from medmultipoints.transforms.reporting.drawing import Corners, Figure

SIDE = CELL_PX - 4


def cell(width: int, height: int, box: Corners) -> Cell:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 90, 90)).save(buffer, "PNG")
    figure = Figure("", "one", width, height, "", (("object", box),), ((5.0, 5.0),))
    return Cell(buffer.getvalue(), figure, "polyps 1")


def test_a_large_picture_is_reduced_to_its_cell_with_its_shape() -> None:
    assert drawn(cell(2160, 1080, (0, 0, 2160, 1080))).size == (SIDE, SIDE // 2)


def test_what_is_drawn_is_reduced_with_the_picture() -> None:
    found = np.asarray(drawn(cell(4 * SIDE, 4 * SIDE, (400, 400, 800, 800)))).astype(int)
    yellow = (found[..., 0] - found[..., 2]) > 100
    rows, columns = np.nonzero(yellow)
    edges = [int(value) for value in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]
    assert np.allclose(edges, (99, 99, 201, 201), atol=1)


def test_the_sheet_has_rows_of_four() -> None:
    cells = [cell(30, 30, (1, 1, 9, 9))] * 5
    width, height = Image.open(io.BytesIO(draw_sheet(cells))).size
    assert (width // CELL_PX, height // CELL_PX) == (4, 2)
    assert draw_sheet(cells) == draw_sheet(cells)
