"""Burned-in text: reading with templates and a second reader, and classifying lines."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmultipoints.data_lake.ocr import open_ocr
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.text.kinds import find_places
from medmultipoints.transforms.text.layouts import Layout, TextLine, load_fonts
from medmultipoints.transforms.text.raster import RasterLine, RasterText, read_raster
from medmultipoints.transforms.text.readings import OcrLine, combine

FONTS = load_fonts()
NEWER, OLDER = FONTS.layouts
TIMES = st.integers(0, 24 * 3600 - 1)


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def draw(canvas: np.ndarray, line: TextLine, text: str, x: int, y: int) -> None:
    """Add the glyphs of a text at its place; what lies left of the picture is cut."""
    for glyph, offset in zip(text, line.offsets, strict=True):
        template = FONTS.glyphs[line.font][glyph]
        left = x + line.left + offset
        if left < 0:
            continue
        place = canvas[y + line.below : y + line.below + template.shape[0], left : left + template.shape[1]]
        np.maximum(place, template[:, : place.shape[1]] * 10, out=place)


def picture(layout: Layout, texts: dict[str, str], x: int = 6, y: int = 183) -> np.ndarray:
    canvas = np.random.default_rng(1).uniform(0, 20, (530, 622)).astype(np.float32)
    for line in layout.lines:
        if line.role in texts:
            draw(canvas, line, texts[line.role], x, y)
    return np.repeat((40 + canvas).astype(np.uint8)[:, :, None], 3, axis=2)


@settings(max_examples=25)
@given(st.dates(), TIMES, TIMES)
def test_what_is_drawn_in_the_newer_font_is_read(day, now, since) -> None:
    day = day.replace(year=2010 + day.year % 20)
    texts = {"date": day.strftime("%d/%m/%Y"), "clock": clock(now), "timer": clock(since % 36000)}
    found = combine(read_raster(picture(NEWER, texts), FONTS), [])
    assert (day.isoformat(), now, since % 36000, "read") == (found.date, found.clock, found.timer, found.state)


def test_the_older_font_needs_a_second_reader() -> None:
    texts = {"date": "04/05/2012", "bracketed_timer": "<00:15:57>"}
    raster = read_raster(picture(OLDER, texts), FONTS)
    assert (None, None) == (combine(raster, []).date, combine(raster, []).timer)
    lines = [OcrLine("04/05/2012", 0.9, (4, 181, 102, 203)), OcrLine("<00:15:57>", 0.9, (4, 204, 90, 226))]
    found = combine(raster, lines)
    assert ("2012-05-04", None, 957) == (found.date, found.clock, found.timer)


def test_a_timer_is_never_taken_for_the_clock() -> None:
    timer_alone = read_raster(picture(NEWER, {"date": "04/05/2015", "timer": "00:15:57"}), FONTS)
    found = combine(timer_alone, [OcrLine("00:15:57", 0.9, (6, 240, 80, 260))])
    assert (None, 957, None) == (found.clock, found.timer, found.start)


def test_cut_digits_are_never_guessed() -> None:
    cut = read_raster(picture(NEWER, {"date": "04/05/2015", "clock": "13:10:26"}, x=-14), FONTS)
    assert cut is not None
    assert "__/05/2015" == cut.lines[0].text
    found = combine(cut, [OcrLine("04/05/2015", 0.99, (0, 181, 102, 203))])
    assert (None, None, "cut") == (found.date, found.clock, found.state)


def test_a_second_reader_never_completes_the_newer_font() -> None:
    """Glare over the last digit of a real picture: both readers take the 5 for a 3."""
    line = RasterLine(role="date", text="04/03/201?", best="04/03/2013", score=0.85, box=(6, 183, 101, 197))
    seen = [OcrLine("04/03/2013", 0.92, (1, 176, 109, 200))]
    found = combine(RasterText(NEWER, (line,)), seen)
    assert (None, "unclear") == (found.date, found.state)
    assert "2013-03-04" == combine(RasterText(OLDER, (line,)), seen).date


def test_a_second_reader_does_not_correct_the_newer_font() -> None:
    raster = read_raster(picture(NEWER, {"date": "12/02/2015"}), FONTS)
    assert "2015-02-12" == combine(raster, [OcrLine("17/07/2015", 0.99, (4, 181, 102, 203))]).date


def test_a_day_that_no_calendar_has_is_unknown() -> None:
    raster = read_raster(picture(NEWER, {"date": "31/02/2015"}), FONTS)
    assert (None, "unclear") == (combine(raster, []).date, combine(raster, []).state)


def test_other_fonts_give_the_day_alone() -> None:
    lines = [OcrLine("11/09/2015", 1.0, (102, 191, 260, 221)), OcrLine("10:07:57", 1.0, (101, 219, 220, 250))]
    found = combine(None, lines)
    assert ("other", "2015-09-11", None) == (found.layout, found.date, found.clock)
    assert None is combine(None, [*lines, OcrLine("12/10/2015", 1.0, (102, 391, 260, 421))]).date
    assert None is combine(None, [OcrLine("17/07/2015", 1.0, (6, 181, 102, 203))]).date


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("08/05/2015", "date"),
        ("2670572015", "date"),
        ("10:07:57", "clock"),
        ("Name: Berg", "name"),
        ("Name:", "other"),
        ("000005", "number"),
        ("CVP:12", "other"),
    ],
)
def test_kinds_of_lines(text: str, kind: str) -> None:
    assert [kind] == [place.kind for place in find_places(None, [OcrLine(text, 0.9, (5, 5, 90, 25))], 622, 530)]


def test_a_value_right_of_its_label_is_a_name() -> None:
    lines = [OcrLine("ID:", 0.9, (5, 5, 30, 25)), OcrLine("77 12", 0.9, (40, 6, 90, 26))]
    assert ["name", "other"] == [place.kind for place in find_places(None, lines, 622, 530)]


def test_boxes_reach_past_the_line_and_stay_in_the_picture() -> None:
    (place,) = find_places(None, [OcrLine("10:07:57", 0.9, (2, 5, 90, 25))], 92, 530)
    assert (0, 1, 92, 29) == place.box


def test_plain_pictures_hold_no_text() -> None:
    assert None is read_raster(picture(NEWER, {}), FONTS)


def open_second_reader() -> Callable[[np.ndarray], list[OcrLine]]:
    pytest.importorskip("rapidocr", reason="rapidocr, of the extra `ocr`, is not installed")
    return open_ocr()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("second", "every", "least"),
    [(False, 1, 60), (True, 5, 12), pytest.param(True, 1, 85, marks=pytest.mark.accept)],
)
def test_no_wrong_reading_in_real_pictures(real: Path, second: bool, every: int, least: int) -> None:
    """Date, clock and timer of 50 pictures that were read by eye; with a second reader, which takes a second, of 10."""
    ocr = open_second_reader() if second else lambda _: []
    facts = real.parent / "facts" / "pixels.md"
    if not facts.is_file():
        pytest.skip("no readings by eye beside the real data")
    rows = re.findall(r"([0-9a-f]{8}) [ABC] (\S+) (\S+) ([^`\s]+)", facts.read_text("utf-8").split("## Truth")[1])
    assert 50 == len(rows)
    right = wrong = 0
    with zipfile.ZipFile(real / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip") as archive:
        names = {Path(name).stem[:8]: name for name in archive.namelist() if "/images/" in name}
        for stem, *truth in rows[::every]:
            pixels = decode_image(archive.read(names[stem])).pixels
            found = combine(read_raster(pixels, FONTS), ocr(pixels))
            day = "/".join(reversed(found.date.split("-"))) if found.date else None
            times = (None if value is None else clock(value) for value in (found.clock, found.timer))
            for stated, read in zip(truth, (day, *times), strict=True):
                right += read is not None and read == stated
                wrong += read is not None and read != stated
    assert (0, True) == (wrong, right >= least), right
