"""A sheet of pictures: boxes and points stay where they are in their picture, however large it was."""

import io

import numpy as np
from PIL import Image

from medmultipoints.transforms.pictures.contact_sheet import BOX, CELL_PX, Cell, draw_sheet, drawn


def picture(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 90, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def coloured(image: Image.Image) -> tuple[int, int, int, int]:
    """The box around everything drawn in the colour of boxes."""
    rows, columns = np.nonzero((np.asarray(image) == BOX).all(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_box_of_a_small_picture_is_drawn_on_its_own_pixels() -> None:
    """Half-open: the right and the lower line lie on the last pixels of the box."""
    assert coloured(drawn(Cell(picture(100, 80), [(10, 20, 50, 60)], [], ""))) == (10, 20, 50, 60)


def test_a_box_of_a_large_picture_is_scaled_with_it() -> None:
    found = drawn(Cell(picture(2160, 1080), [(0, 0, 2160, 1080)], [], ""))
    assert found.size == (CELL_PX - 4, (CELL_PX - 4) // 2)
    assert coloured(found) == (0, 0, *found.size)


def test_the_sheet_has_rows_of_four() -> None:
    cells = [Cell(picture(30, 30), [(1, 1, 9, 9)], [(5, 5)], "polyps 1")] * 5
    width, height = Image.open(io.BytesIO(draw_sheet(cells))).size
    assert (width // CELL_PX, height // CELL_PX) == (4, 2)
    assert draw_sheet(cells) == draw_sheet(cells)
