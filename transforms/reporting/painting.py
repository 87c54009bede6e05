"""Paint a figure's shapes on the pixels of a picture, in the style of ``drawing``."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, pairwise
from typing import Final

from PIL import Image, ImageColor, ImageDraw

from medmultipoints.transforms.reporting.drawing import LINES, TINT, Figure, Shape

Place = tuple[float, float]
FINE: Final = 2
"""Factor of supersampling, for smooth edges of lines."""
LINE_PX, CASING_PX, DOT_PX = 2.0, 4.0, 3.0


def paint(picture: Image.Image, figure: Figure) -> Image.Image:
    """Return the picture with tinted masks, and boxes, paths and points with a dark casing.

    The picture may have another size than the figure's frame; shapes are scaled to it.
    """
    by = (FINE * picture.width / figure.width, FINE * picture.height / figure.height)
    layer = Image.new("RGBA", (FINE * picture.width, FINE * picture.height))
    pen = ImageDraw.Draw(layer)
    shapes = [*figure.masks, *(Shape(kind, box=box) for kind, box in figure.boxes)]
    for shape in shapes:
        if shape.outlines:
            _tint(layer, shape, by)
    for shape in shapes:
        for line in _outlines(shape):
            _line(pen, shape.kind, _scaled(line, by))
    for path in figure.paths:
        _line(pen, "path", _scaled(path, by))
    for point in _scaled(figure.points, by):
        _dot(pen, point)
    small = layer.resize(picture.size, Image.Resampling.BOX)
    return Image.alpha_composite(picture.convert("RGBA"), small).convert("RGB")


def _outlines(shape: Shape) -> Iterator[Sequence[Place]]:
    """Yield the closed outlines of a shape."""
    for outline in shape.outlines:
        yield (*outline, outline[0])
    if shape.box:
        x1, y1, x2, y2 = shape.box
        yield ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))


def _tint(layer: Image.Image, shape: Shape, by: Place) -> None:
    """Fill the inside of outlines; a ring inside another is a hole."""
    inside = Image.new("1", layer.size)
    for outline in shape.outlines:
        ring = Image.new("1", layer.size)
        ImageDraw.Draw(ring).polygon(_scaled(outline, by), fill=1)
        inside = Image.composite(inside.point(lambda value: not value), inside, ring)
    colour = (*ImageColor.getrgb(LINES[shape.kind].colour), round(255 * TINT))
    layer.paste(colour, mask=inside)


def _line(pen: ImageDraw.ImageDraw, kind: str, places: Sequence[Place]) -> None:
    line = LINES[kind]
    pen.line(places, fill=(0, 0, 0, 158), width=round(FINE * CASING_PX), joint="curve")
    for dash in _dashed(places, [FINE * float(one) for one in line.dashes.split()]):
        pen.line(dash, fill=line.colour, width=round(FINE * LINE_PX), joint="curve")


def _dashed(places: Sequence[Place], pattern: Sequence[float]) -> Iterator[Sequence[Place]]:
    """Yield the drawn pieces of a line; the whole line if there is no pattern."""
    if not pattern:
        yield places
        return
    lengths = cycle(pattern)
    left, drawn = next(lengths), True
    for start, end in pairwise(places):
        whole, at = math.dist(start, end), 0.0
        while at < whole:
            step = min(left, whole - at)
            if drawn:
                yield (_between(start, end, at / whole), _between(start, end, (at + step) / whole))
            at, left = at + step, left - step
            if left <= 0:
                left, drawn = next(lengths), not drawn


def _between(start: Place, end: Place, part: float) -> Place:
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _dot(pen: ImageDraw.ImageDraw, point: Place) -> None:
    for radius, colour in ((DOT_PX + 1, (0, 0, 0, 158)), (DOT_PX, LINES["point"].colour)):
        x, y, r = *point, FINE * radius
        pen.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=FINE)


def _scaled(places: Iterable[Sequence[float]], by: Place) -> list[Place]:
    return [(x * by[0], y * by[1]) for x, y in places]
