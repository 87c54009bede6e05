"""Sampled rows as one HTML page that needs nothing else: pictures inside, answers drawn over them."""

import base64
from pathlib import Path
from typing import Final

from medmultipoints.data_lake.release.read.sample import Sample, SampledRow, Shown
from medmultipoints.data_lake.report.html import Functions, load_template

TEMPLATE: Final = Path(__file__).with_name("sample.html.jinja")
MOST_NUMBERED: Final = 12  # more numbers than this hide what they number


def render_page(sample: Sample) -> str:
    """Return the page: same sample, same text.

    Boxes and points of each answer lie over the released picture's own bytes.
    """
    functions: Functions = {
        "picture": _picture,
        "outlined": _outlined,
        "described": describe,
        "numbered": _numbered,
        "prompt": bare_prompt,
    }
    return load_template(TEMPLATE, functions=functions).render(sample=sample)


def describe(row: SampledRow) -> str:
    """Return what the drawing shows, in words: the picture's alternative text."""
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


def _outlined(row: SampledRow) -> str:
    """Return the path of the outline in SVG."""
    return "M" + " L".join(f"{x} {y}" for x, y in row.outline) + " Z"


def _numbered(row: SampledRow) -> bool:
    return 1 < len(row.stated.boxes or row.stated.points or ()) <= MOST_NUMBERED
