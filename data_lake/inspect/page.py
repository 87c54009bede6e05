"""Render the page of an inspection: declaration, evidence, open questions, and pictures with annotations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.data_lake.report.html import load_template
from medmultipoints.data_lake.report.page_pictures import webp_uri
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.rasters.volumes import render_plane
from medmultipoints.transforms.records import Annotation, Box, MaskLayer, Point
from medmultipoints.transforms.regions.layers import find_layer_objects, label_values
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files
from medmultipoints.transforms.sources.inspecting.inspection import Inspection

TEMPLATE: Final = Path(__file__).with_name("inspect.html.jinja")
SIDE: Final = 720
QUALITY: Final = 70
COLOURS: Final = ("#ffb000", "#2ee6ff", "#ff7ad9", "#5dff6b", "#c9a7ff", "#ff6b5d", "#e8ff5d", "#7aa2ff")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One object to draw in SVG: its outlines, else its box, else its point."""

    label: str
    colour: str
    box: Box | None
    polygons: tuple[tuple[Point, ...], ...]
    point: Point | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a data URI, its size in pixels and its objects; no URI if it cannot be read."""

    name: str
    uri: str | None
    width: int
    height: int
    objects: tuple[Drawn, ...]
    problem: str = ""


def render_page(title: str, found: Inspection, declaration: str, files: Files) -> str:
    """Return the self-contained page: the same inspection gives the same text."""
    colours = {label: COLOURS[at % len(COLOURS)] for at, label in enumerate(found.objects)}
    shown = [_show(picture, files, colours) for picture in found.shown]
    page = load_template(TEMPLATE, functions={"path": _path})
    return page.render(title=title, found=found, declaration=declaration, shown=shown, colours=colours)


def _path(polygon: Sequence[Point]) -> str:
    return "M" + " L".join(f"{point.x:.2f} {point.y:.2f}" for point in polygon) + " Z"


def _show(picture: AnnotatedPicture, files: Files, colours: dict[str, str]) -> Shown:
    name = picture.member if not picture.plane else f"{picture.member}, {picture.plane}"
    try:
        pixels = _pixels(picture, files)
    except MemberProblem as problem:
        return Shown(name, None, 1, 1, (), str(problem))
    height, width = pixels.shape[:2]
    objects = tuple(_drawn(picture, files, colours, (width, height)))
    small = Image.fromarray(pixels)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return Shown(name, webp_uri(small, QUALITY), width, height, objects)


def _pixels(picture: AnnotatedPicture, files: Files) -> NDArray[Any]:
    member = picture.member.lower()
    if picture.plane or picture.rendering or not member.endswith((".jpg", ".jpeg", ".png")):
        return render_plane(files.read, picture.member, picture.plane, picture.rendering)
    return decode_image(files.read(picture.member)).pixels


def _drawn(picture: AnnotatedPicture, files: Files, colours: dict[str, str], size: tuple[int, int]) -> Iterator[Drawn]:
    for annotation in picture.annotations:
        colour = "#9a9a94" if annotation.crowd or annotation.ignore else colours.get(annotation.label, COLOURS[0])
        yield Drawn(annotation.label, colour, annotation.box, _outlines(annotation, size), annotation.point)
    for layer in picture.layers:
        yield from _drawn_layer(layer, files, colours, size)


def _outlines(annotation: Annotation, size: tuple[int, int]) -> tuple[tuple[Point, ...], ...]:
    if annotation.rle is None:
        return annotation.polygons
    try:
        return contours(decode_rle(annotation.rle, size[1], size[0]))
    except ValueError:
        return ()


def _drawn_layer(layer: MaskLayer, files: Files, colours: dict[str, str], size: tuple[int, int]) -> Iterator[Drawn]:
    try:
        values = read_codes(layer, files.read)
        objects = find_layer_objects(label_values(layer, values), values).objects
    except MemberProblem:
        return
    for region in objects:
        fits = values.shape == (size[1], size[0])
        polygons = contours(decode_rle(region.rle, size[1], size[0])) if region.rle and fits else ()
        yield Drawn(region.label, colours.get(region.label, COLOURS[0]), region.box, polygons, None)


def contours(mask: NDArray[Any]) -> tuple[tuple[Point, ...], ...]:
    """Return the outer contours of a mask's areas, close enough to the pixel edges for a drawing."""
    import cv2

    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return tuple(tuple(Point(float(x) + 0.5, float(y) + 0.5) for x, y in line[:, 0, :]) for line in found)
