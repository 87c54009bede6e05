"""Draw a sheet of pictures with their boxes and points."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

Box = tuple[float, float, float, float]
Point = tuple[float, float]

CELL_PX, COLUMNS, CAPTION_PX, DOT_PX = 220, 4, 16, 3
PAPER, INK, BOX, POINT = (250, 250, 250), (40, 40, 40), (255, 196, 0), (0, 224, 255)
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture as its file's bytes, with boxes and points in its pixels, and its caption."""

    picture: bytes
    boxes: Sequence[Box]
    points: Sequence[Point]
    caption: str


def draw_sheet(cells: Sequence[Cell]) -> bytes:
    """A JPEG of the cells in rows of four; each picture fits its cell, what is drawn keeps its place in it."""
    rows = -(-len(cells) // COLUMNS)
    columns = min(len(cells), COLUMNS)
    sheet = Image.new("RGB", (columns * CELL_PX, rows * (CELL_PX + CAPTION_PX)), PAPER)
    for place, cell in enumerate(cells):
        left, top = place % COLUMNS * CELL_PX, place // COLUMNS * (CELL_PX + CAPTION_PX)
        sheet.paste(drawn(cell), (left + 2, top + 2))
        ImageDraw.Draw(sheet).text((left + 4, top + CELL_PX), cell.caption[:38], fill=INK)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def drawn(cell: Cell) -> Image.Image:
    """The picture, made to fit a cell, with its boxes and points."""
    picture = Image.open(io.BytesIO(cell.picture)).convert("RGB")
    width = picture.width
    picture.thumbnail((CELL_PX - 4, CELL_PX - 4))
    scale = picture.width / width
    pen = ImageDraw.Draw(picture)
    for box in cell.boxes:
        left, top, right, bottom = (edge * scale for edge in box)
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=BOX)
    for x, y in cell.points:
        pen.ellipse((x * scale - DOT_PX, y * scale - DOT_PX, x * scale + DOT_PX, y * scale + DOT_PX), outline=POINT)
    return picture
