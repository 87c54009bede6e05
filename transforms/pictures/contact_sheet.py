"""Arrange pictures with overlays on a contact sheet."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from medmultipoints.transforms.reporting.drawing import Figure
from medmultipoints.transforms.reporting.painting import paint

CELL_PX, COLUMNS, CAPTION_PX, MARGIN_PX = 260, 4, 16, 2
PAPER, INK = (250, 250, 250), (40, 40, 40)
QUALITY = 85


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the sheet: a picture's file bytes, its overlay and its caption."""

    picture: bytes
    figure: Figure
    caption: str


def draw_sheet(cells: Sequence[Cell]) -> bytes:
    """Return a JPEG of the cells in rows of four, with pictures and overlays scaled to fit."""
    rows = -(-len(cells) // COLUMNS)
    columns = min(len(cells), COLUMNS)
    sheet = Image.new("RGB", (columns * CELL_PX, rows * (CELL_PX + CAPTION_PX)), PAPER)
    for place, cell in enumerate(cells):
        left, top = place % COLUMNS * CELL_PX, place // COLUMNS * (CELL_PX + CAPTION_PX)
        sheet.paste(drawn(cell), (left + MARGIN_PX, top + MARGIN_PX))
        ImageDraw.Draw(sheet).text((left + 2 * MARGIN_PX, top + CELL_PX), cell.caption[:42], fill=INK)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def drawn(cell: Cell) -> Image.Image:
    """Return the picture scaled to fit a cell, with its overlay."""
    side = CELL_PX - 2 * MARGIN_PX
    with Image.open(io.BytesIO(cell.picture)) as image:
        image.draft("RGB", (2 * side, 2 * side))
        picture = image.convert("RGB")
    picture.thumbnail((side, side))
    return paint(picture, cell.figure)
