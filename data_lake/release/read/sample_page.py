"""Render sampled rows as one self-contained HTML page: embedded pictures with the answers drawn over them."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from markupsafe import Markup

from medmultipoints.data_lake.release.read.sample import Sample, SampledRow, Shown
from medmultipoints.data_lake.report.html import Functions, load_template
from medmultipoints.transforms.reporting.drawing import STYLE, Shape, box_words, draw_point, draw_shape, legend, overlay

TEMPLATE: Final = Path(__file__).with_name("sample.html.jinja")
MOST_NUMBERED: Final = 12  # more numbers would hide the objects


def render_page(sample: Sample) -> str:
    """Return the page: the same sample gives the same text.

    Boxes and points of each answer are drawn over the released picture's own bytes.
    """
    functions: Functions = {
        "picture": _picture,
        "drawn": lambda row, place: Markup("".join(_drawn(row, place))),  # noqa: S704 (its words are escaped)
        "described": describe,
        "legend": lambda *kinds: Markup(legend(kinds)),  # noqa: S704 (its words are ours)
        "style": lambda: Markup(STYLE),  # noqa: S704
        "prompt": bare_prompt,
    }
    return load_template(TEMPLATE, functions=functions).render(sample=sample)


def describe(row: SampledRow) -> str:
    """Return the alternative text of a drawing."""
    stated = row.stated
    said = [] if stated.count is None else [f"count {stated.count}"]
    for name, places in (("box", stated.boxes), ("point", stated.points)):
        if places is not None:
            said.append(f"{len(places)} {name}{'' if len(places) == 1 else 'es' if name == 'box' else 's'}")
    shown = "".join(
        f"; image {place} is columns {crop.x1} to {crop.x2} and rows {crop.y1} to {crop.y2} of it"
        for place, crop in row.crops
    )
    answer = ", ".join(said) or "not of a kind that is drawn"
    return f"{row.label}, {row.width} by {row.height} pixels{shown}; answer: {answer}"


def bare_prompt(row: SampledRow) -> str:
    """Return the prompt without the placeholders of its pictures."""
    return row.prompt.replace("<image>", "").strip()


def _picture(shown: Shown) -> str:
    return f"data:{shown.mime};base64,{base64.b64encode(shown.picture).decode()}"


def _drawn(row: SampledRow, place: int) -> Iterator[str]:
    """Draw the prompt's places over the question's first image, and the answer over the record's image."""
    shown = row.pictures[place - 1]
    unit = max(shown.width, shown.height) / 100
    parts: list[str] = []
    if place == row.place:
        parts += _answer(row, unit)
    if place == 1:
        parts += _boxes("given", row.given.boxes, unit)
        parts += [part for point in row.given.points for part in draw_point(point, unit, "given")]
    yield overlay(shown.width, shown.height, parts)


def _answer(row: SampledRow, unit: float) -> Iterator[str]:
    stated = row.stated
    if row.outline:
        yield from draw_shape(Shape("mask", outlines=(tuple((x, y) for x, y in row.outline),)), unit)
    yield from _boxes("object", stated.boxes or (), unit)
    if not stated.boxes:
        yield from _boxes("record", row.boxes, unit)
    yield from _boxes("crop", [(crop.x1, crop.y1, crop.x2, crop.y2) for _, crop in row.crops], unit)
    for point in stated.points or ():
        yield from draw_point(point, unit)
    places = stated.boxes or stated.points or ()
    if 1 < len(places) <= MOST_NUMBERED:
        for number, (x, y, *_) in enumerate(places, 1):
            above = y - unit / 2 if y > 4 * unit else y + 3 * unit
            yield f'<text x="{x + unit / 2:.6g}" y="{above:.6g}" style="font-size: {2.6 * unit:.6g}px">{number}</text>'


def _boxes(kind: str, boxes: Iterable[Sequence[float]], unit: float) -> Iterator[str]:
    for x1, y1, x2, y2 in boxes:
        box = (x1, y1, x2, y2)
        yield from draw_shape(Shape(kind, box=box, words=box_words(kind, box)), unit)
