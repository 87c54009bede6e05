"""Draw the pictures of a card: examples of rows, and records by their number of objects, one panel per label.

Examples show no personal data, unless a curator names them: nothing is chosen unless text was read in whole pictures
(reader ``ocr``), which finds what the other readers miss. The histogram is drawn with Pillow and its own font, so that
equal counts give equal bytes with the locked packages.
"""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

import polars as pl
from PIL import Image, ImageDraw, ImageFont

from medmultipoints.data_lake.report.figures import count_of, record_figure
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.licences.combine import find_terms
from medmultipoints.transforms.pictures.contact_sheet import COLUMNS, Cell, draw_sheet
from medmultipoints.transforms.reporting.choices import choose_records

HISTOGRAM = "assets/objects-per-record.png"
PANEL, PANELS_A_LINE = (460, 240), 2
MARGIN, TITLE, AXIS = 16, 30, 22
BACKGROUND, INK, PALE, BAR = (255, 255, 255), (40, 44, 52), (120, 126, 138), (58, 110, 165)
SIZES = {"title": 16, "text": 12}

EXAMPLES: Final = "assets/examples.jpg"
MOST: Final = 2 * COLUMNS
WHOLE_PICTURES: Final = "ocr"
PERSONAL: Final = "^(shows_.*|carries_.*|overlay_text)$"
"""Kinds of findings that keep a picture off the card under every privacy policy."""


def bin_counts(histogram: pl.DataFrame) -> list[dict[str, Any]]:
    """Return records by label in bins of doubling counts: 0, 1, 2-3, 4-7, ...; columns label, low, records, bin."""
    power = pl.col("count").clip(1).log(2).floor().cast(pl.Int64)
    low = pl.when(pl.col("count") == 0).then(0).otherwise(2**power)
    binned = histogram.with_columns(low.cast(pl.Int64).alias("low"))
    rows = binned.group_by("label", "low").agg(pl.col("records").sum()).sort("label", "low").to_dicts()
    return [row | {"bin": _name(row["low"])} for row in rows]


def _name(low: int) -> str:
    return str(low) if low < 2 else f"{low}-{2 * low - 1}"


def histogram_png(histogram: pl.DataFrame) -> bytes:
    """Return a PNG; ``histogram`` has label, count and records. All panels have the same bins."""
    rows = bin_counts(histogram)
    labels = sorted({row["label"] for row in rows})
    bins = _axis([row["low"] for row in rows])
    lines = max(1, -(-len(labels) // PANELS_A_LINE))
    image = Image.new("RGB", (PANEL[0] * min(PANELS_A_LINE, max(1, len(labels))), PANEL[1] * lines), BACKGROUND)
    for place, label in enumerate(labels):
        values = {row["low"]: row["records"] for row in rows if row["label"] == label}
        corner = (PANEL[0] * (place % PANELS_A_LINE), PANEL[1] * (place // PANELS_A_LINE))
        _draw_panel(ImageDraw.Draw(image), corner, label, bins, values)
    buffer = BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=False, compress_level=9)
    return buffer.getvalue()


def _axis(found: Sequence[int]) -> dict[int, str]:
    """Return every bin from the first to the last, including empty ones."""
    least, most = min(found, default=1), max(found, default=1)
    lows = [low for low in (0, *(2**power for power in range(max(1, most).bit_length()))) if least <= low <= most]
    return {low: _name(low) for low in lows}


def _draw_panel(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], label: str, bins: Mapping[int, str], values: Mapping[int, int]
) -> None:
    left, top = corner[0] + MARGIN, corner[1] + MARGIN
    right, bottom = corner[0] + PANEL[0] - MARGIN, corner[1] + PANEL[1] - MARGIN - AXIS
    draw.text((left, top - 4), f"{label}: objects per record", INK, _font("title"))
    draw.line((left, bottom, right, bottom), PALE)
    width, height = (right - left) / max(1, len(bins)), bottom - top - TITLE - 2 * SIZES["text"]
    most = max([1, *values.values()])
    for place, (low, name) in enumerate(bins.items()):
        middle = left + width * (place + 0.5)
        count = values.get(low, 0)
        _centred(draw, (middle, bottom + 4), name, PALE)
        if count:
            peak = bottom - max(1.0, height * count / most)
            draw.rectangle((round(middle - width * 0.36), round(peak), round(middle + width * 0.36), bottom - 1), BAR)
            _centred(draw, (middle, peak - SIZES["text"] - 5), f"{count:,}", INK)


def _centred(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: Sequence[int]) -> None:
    font = _font("text")
    draw.text((round(place[0] - draw.textlength(text, font) / 2), round(place[1])), text, tuple(colour), font)


def _font(name: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(SIZES[name])


def find_examples(records: pl.DataFrame, named: Sequence[str]) -> list[dict[str, Any]]:
    """Return the record with the most objects of each image that a curator names; DataError if one is not released."""
    own = records.filter(pl.col("sample_id").is_in([*named])).sort(["count", "record_id"], descending=[False, True])
    fullest = {row["sample_id"]: row for row in own.to_dicts()}
    if missing := [name for name in named if name not in fullest]:
        raise DataError(f"[card] examples: {', '.join(missing)}: not in this release. Remove it from the list.")
    return [fullest[name] for name in named]


def choose_examples(records: pl.DataFrame, findings: pl.DataFrame, readers: Sequence[str]) -> list[dict[str, Any]]:
    """Return at most eight records of different images, labels in turn; none if no text was read in whole pictures.

    Images with errors, warnings or any sign of personal data are left out, and those of an unknown licence.
    """
    if WHOLE_PICTURES not in readers:
        return []
    doubtful = findings.filter((pl.col("severity") != "info") | pl.col("kind").str.contains(PERSONAL))
    licences = [name for name in records["licence"].unique() if find_terms(name) is not None]
    plain = records.filter(pl.col("count") > 0, pl.col("licence").is_in(licences))
    shown = choose_records(plain.join(doubtful, on="sample_id", how="anti"), MOST)
    once: dict[str, dict[str, Any]] = {}
    for record in (own[place] for place in range(MOST) for own in shown.values() if place < len(own)):
        once.setdefault(record["sample_id"], record)
    return [*once.values()][:MOST]


def draw_examples(records: list[dict[str, Any]], objects: pl.DataFrame, read: Callable[[str], bytes]) -> bytes:
    """Return the sheet as JPEG; ``read`` returns the released bytes of an image by its sample_id."""
    cells = []
    for record in records:
        own = objects.filter(record_id=record["record_id"]).sort("object_id").to_dicts()
        caption = count_of(record["count"], record["label"])
        cells.append(Cell(read(record["sample_id"]), record_figure(record, own), caption))
    return draw_sheet(cells)
