"""Draw boxes, points, masks and paths over a picture as SVG, with one style for all pages.

Shapes are in pixels of the figure's frame. Each line has a dark casing, so that it is visible on light and dark
tissue; kinds differ by colour and by dash pattern.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, NamedTuple

from medmultipoints.transforms.masks.outlines import Polygon, simplify_outlines, trace_outlines
from medmultipoints.transforms.masks.run_lengths import decode_rle

Corners = tuple[float, float, float, float]


class Line(NamedTuple):
    """How a kind of shape is drawn; ``dashes`` is an SVG dash array, empty for a solid line."""

    colour: str
    dashes: str
    words: str


LINES: Final[Mapping[str, Line]] = {
    "object": Line("#ffb000", "", "box"),
    "mask": Line("#4cc9ff", "", "mask"),
    "derived": Line("#4cc9ff", "", "box derived from the mask"),
    "source": Line("#ffffff", "7 5", "box of the source"),
    "corrected": Line("#f0e442", "12 4 3 4", "box of a reviewer"),
    "second": Line("#ff9de0", "2 4", "box of another reviewer"),
    "text": Line("#5dff6b", "2 4", "line of text"),
    "before": Line("#ffffff", "7 5", "before"),
    "after": Line("#4cc9ff", "", "after"),
    "point": Line("#4cc9ff", "", "point"),
    "path": Line("#ffb000", "", "path of a track"),
    "given": Line("#5dff6b", "2 4", "given in the question"),
    "record": Line("#ffffff", "7 5", "box of the record"),
    "crop": Line("#c9a7ff", "10 4 2 4 2 4", "piece shown as an image of its own"),
}
"""Sky blue, amber, yellow and white are distinguishable with all common colour blindness, on red tissue and on gray."""

WIDTH_PX: Final = 2.2
CASING_PX: Final = 5.0
TINT: Final = 0.28
DRAWN_PX: Final = 640
THIN: Final = 3
"""Width below which a box gets a ring around it, in hundredths of the longer side."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape to draw; ``kind`` is a key of LINES, ``words`` is its tooltip."""

    kind: str
    box: Corners | None = None
    outlines: tuple[Polygon, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in a frame of ``width`` by ``height`` pixels with shapes over it; later shapes lie on top.

    ``image_sha256`` identifies the picture, since two releases can have different ones for a ``sample_id``.
    ``alt`` describes the drawing in words.
    """

    image_sha256: str
    sample_id: str
    width: float
    height: float
    alt: str
    boxes: tuple[tuple[str, Corners], ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    paths: tuple[tuple[tuple[float, float], ...], ...] = ()
    masks: tuple[Shape, ...] = field(default=())

    @property
    def unit(self) -> float:
        """A hundredth of the longer side."""
        return max(self.width, self.height) / 100


def mask_shape(rle: str, size: tuple[int, int], scale: float = 1.0, *, words: str = "") -> Shape:
    """Return a mask as a shape, in pixels of the original picture times ``scale``.

    ``size``: width and height of the original. The outline is exact to half a pixel of a drawing whose longer side is
    ``DRAWN_PX``. Raise ValueError if ``rle`` is not a mask of that size.
    """
    width, height = size
    outlines = trace_outlines(decode_rle(rle, height, width))
    near = simplify_outlines(outlines, max(width, height) / DRAWN_PX / 2)
    return Shape("mask", outlines=tuple(tuple((x * scale, y * scale) for x, y in one) for one in near), words=words)


def draw(figure: Figure) -> str:
    """Return the SVG element that overlays the picture; it needs STYLE and a positioned parent."""
    shapes = [*figure.masks, *(Shape(kind, box=box, words=box_words(kind, box)) for kind, box in figure.boxes)]
    paths = [" ".join(f"{x:.6g},{y:.6g}" for x, y in path) for path in figure.paths]
    parts = [
        *(part for shape in shapes for part in draw_shape(shape, figure.unit)),
        *(part for path in paths for part in _lines("path", "polyline", f'points="{path}"')),
        *(part for point in figure.points for part in draw_point(point, figure.unit)),
    ]
    return overlay(figure.width, figure.height, parts)


def overlay(width: float, height: float, parts: Iterable[str]) -> str:
    """Return the SVG element that overlays a picture of this size, with the given elements."""
    size = f"{width:g} {height:g}"
    return (
        f'<svg class="drawn" viewBox="0 0 {size}" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )


def draw_shape(shape: Shape, unit: float) -> Iterable[str]:
    """Return the elements of a box or mask: casing, line and, for a thin box, a ring."""
    if shape.outlines:
        path = " ".join("M" + " L".join(f"{x:.6g} {y:.6g}" for x, y in one) + "Z" for one in shape.outlines)
        tint = f'<path class="tint {shape.kind}" d="{path}">{_title(shape.words)}</path>'
        yield from (tint, *_lines(shape.kind, "path", f'd="{path}"', shape.words))
    if shape.box:
        x1, y1, x2, y2 = shape.box
        place = f'x="{x1}" y="{y1}" width="{x2 - x1}" height="{y2 - y1}"'
        yield from _lines(shape.kind, "rect", place, shape.words)
        if shape.kind != "object" and min(x2 - x1, y2 - y1) < THIN * unit:
            radius = max(x2 - x1, y2 - y1) / 2 + THIN * unit
            yield from _lines(shape.kind, "circle", f'cx="{(x1 + x2) / 2}" cy="{(y1 + y2) / 2}" r="{radius:.6g}"')


def draw_point(point: Sequence[float], unit: float, kind: str = "point") -> Iterable[str]:
    """Return the elements of a point: a ring and its centre."""
    x, y = point
    yield from _lines(kind, "circle", f'cx="{x}" cy="{y}" r="{1.2 * unit:.6g}"', f"point {x:g}, {y:g}")
    yield f'<circle class="{kind} dot" cx="{x}" cy="{y}" r="{unit / 4:.6g}"/>'


def legend(kinds: Iterable[str]) -> str:
    """Return the legend of these kinds as one line of HTML."""
    return "".join(
        f'<span class="sign"><svg class="drawn" viewBox="0 0 34 12" aria-hidden="true">{_sign(kind)}</svg>'
        f"{escape(LINES[kind].words)}</span> "
        for kind in kinds
    )


def box_words(kind: str, box: Corners) -> str:
    """Return the position and size of a box in words."""
    x1, y1, x2, y2 = box
    name = LINES[kind].words if kind in LINES else kind
    size = f"{number(x2 - x1)} x {number(y2 - y1)} px"
    return f"{name}: x {number(x1)} to {number(x2)}, y {number(y1)} to {number(y2)} ({size})"


def number(value: float) -> str:
    """Return a coordinate with one decimal, or none if it is whole."""
    return f"{value:.1f}".removesuffix(".0")


def _sign(kind: str) -> str:
    if kind == "mask":
        place = 'd="M2 2H32V10H2Z"'
        return f'<path class="tint mask" {place}/>{"".join(_lines(kind, "path", place))}'
    if kind == "point":
        return "".join(draw_point((17, 6), 4))
    return "".join(_lines(kind, "path", 'd="M1 6H33"'))


def _lines(kind: str, element: str, place: str, words: str = "") -> tuple[str, str]:
    """Return the casing and the line on top of it."""
    return (
        f'<{element} class="casing" {place}/>',
        f'<{element} class="{kind}" {place}>{_title(words)}</{element}>'
        if words
        else f'<{element} class="{kind}" {place}/>',
    )


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""


def _style() -> str:
    rules = [
        ".drawn * { fill: none; stroke-linejoin: round; vector-effect: non-scaling-stroke; }",
        f".drawn .casing {{ stroke: #000; stroke-opacity: .62; stroke-width: {CASING_PX}px; }}",
        f".drawn .tint {{ stroke: none; fill-opacity: {TINT}; fill-rule: evenodd; }}",
        ".drawn rect, .drawn path, .drawn circle { pointer-events: all; } .drawn .casing { pointer-events: none; }",
        ".sign { display: inline-flex; align-items: center; gap: .4em; margin-right: 1em; }",
        ".sign svg { position: static; width: 2.4em; height: .85em; background: #7d3b34; border-radius: 2px; }",
    ]
    for kind, line in LINES.items():
        dashes = f" stroke-dasharray: {line.dashes};" if line.dashes else ""
        rules.append(f".drawn .{kind} {{ stroke: {line.colour}; stroke-width: {WIDTH_PX}px;{dashes} }}")
        rules.append(f".drawn .{kind}.dot, .drawn .tint.{kind} {{ fill: {line.colour}; }}")
        rules.append(f".drawn .tint.{kind} {{ stroke: none; }}")
    return "\n".join(rules)


STYLE: Final = _style()
"""The CSS of all drawings, for a page's own style element."""
