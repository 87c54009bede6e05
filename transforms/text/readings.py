"""Combine the readers of a picture's text into date, clock and timer, each proved or unknown.

A layout that templates read well is proved by clear digits alone: a second reader takes the same smeared digit for
the same wrong one. Other layouts need a second reader that reads the same in that row. A timer is recognised by its
row or its brackets, so it is never mistaken for the clock. Text in an unknown font proves at most the day.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from medmultipoints.transforms.text.raster import RasterLine, RasterText

FORMS = {"date": r"(\d\d)/(\d\d)/(\d{4})", "clock": r"(\d\d):(\d\d):(\d\d)", "timer": r"(\d\d):(\d\d):(\d\d)"}
ROW_PX = 10
"""Greatest distance between the middles of two boxes in the same row."""
TALLEST_KNOWN_PX = 28
"""Greatest height of a second reader's box of a line in a known font, which only templates read."""
LEAST_SCORE = 0.6
"""Least score of a second reader's line; lower ones are noise."""
YEARS = range(1990, 2100)
DAY_S = 24 * 60 * 60

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A line of text found by OCR; ``box``: (x1, y1, x2, y2) in pixels."""

    text: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Reading:
    """Proved date, clock and timer of one picture; unproved parts are None.

    ``date``: ISO day; ``clock`` and ``timer``: seconds; ``state``: ``read`` (day proved), ``cut`` (the edge cuts the
    date), ``unclear`` (text, but no proved day) or ``none`` (no text).
    """

    layout: str | None
    date: str | None
    clock: int | None
    timer: int | None
    state: str

    @property
    def start(self) -> int | None:
        """Start of the examination (``start_second``), None where it is not proved."""
        if self.date is None or self.clock is None or self.timer is None:
            return None
        return start_second(self.date, self.clock, self.timer)


def start_second(day: str, clock_s: int, timer_s: int) -> int:
    """Return the start, clock minus timer, in seconds since the year 1: examinations may pass midnight."""
    return date.fromisoformat(day).toordinal() * DAY_S + clock_s - timer_s


def combine(raster: RasterText | None, ocr: Sequence[OcrLine]) -> Reading:
    """Return the date, clock and timer proved by templates and a second reader together."""
    lines = [line for line in ocr if line.score >= LEAST_SCORE]
    if raster is None:
        day = _only_day(lines)
        return Reading("other" if lines else None, day, None, None, "read" if day else "unclear" if lines else "none")
    proved = _proved_lines(raster, lines)
    day = _as_day(proved.get("date"))
    state = "read" if day else "cut" if "_" in raster.lines[0].text else "unclear"
    return Reading(raster.layout.name, day, _as_seconds(proved.get("clock")), _as_seconds(proved.get("timer")), state)


def _proved_lines(raster: RasterText, ocr: Iterable[OcrLine]) -> Mapping[str, str]:
    """Return the text of each proved line by role."""
    lines = tuple(ocr)
    proved = {}
    for line in raster.lines:
        role, text = line.role.removeprefix("bracketed_"), line.text.strip("<>")
        if raster.layout.alone and not set(line.text) & {"?", "_"}:
            proved[role] = text
        elif not raster.layout.alone and "_" not in line.text:
            best = line.best.strip("<>")
            proved |= {role: best} if best in _second_readings(line, role, lines) else {}
    return proved


def _second_readings(line: RasterLine, role: str, ocr: Iterable[OcrLine]) -> set[str]:
    """Return the second reader's readings in the row of a line that have the form of its role."""
    middle = line.box[1] + line.box[3]
    near = (one for one in ocr if abs(one.box[1] + one.box[3] - middle) <= 2 * ROW_PX and one.box[0] < line.box[2])
    return {found.group() for one in near for found in re.finditer(FORMS[role], one.text)}


def _only_day(ocr: Iterable[OcrLine]) -> str | None:
    """Return the day of a picture in an unknown font: its only date that is taller than the known fonts, or None."""
    tall = (line for line in ocr if line.box[3] - line.box[1] > TALLEST_KNOWN_PX)
    dates = {line.text.strip() for line in tall if re.fullmatch(FORMS["date"], line.text.strip())}
    return _as_day(dates.pop()) if len(dates) == 1 else None


def _as_day(text: str | None) -> str | None:
    """Return DD/MM/YYYY as an ISO day, or None for an impossible date."""
    if text is None:
        return None
    day, month, year = map(int, text.split("/"))
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found.isoformat() if year in YEARS else None


def _as_seconds(text: str | None) -> int | None:
    """Return HH:MM:SS in seconds, or None for an impossible time."""
    if text is None:
        return None
    hours, minutes, seconds = map(int, text.split(":"))
    return 3600 * hours + 60 * minutes + seconds if hours < 24 else None
