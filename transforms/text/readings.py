"""What the readers of a picture say together: date, clock and timer, each proved or unknown.

A reading counts where its layout is read by templates alone and every digit is clear, or where a second reader reads
the same in that row. The timer is known by its row or its brackets, never by its form: it is never taken for the clock.
Text in no known font gives at most the day.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from medmultipoints.transforms.text.raster import RasterLine, RasterText

FORMS = {"date": r"(\d\d)/(\d\d)/(\d{4})", "clock": r"(\d\d):(\d\d):(\d\d)", "timer": r"(\d\d):(\d\d):(\d\d)"}
ROW_PX = 10
"""Two readers mean the same row if the middles of their boxes are so near."""
TALLEST_KNOWN_PX = 28
"""A second reader's box of a line in a known font is not taller: such lines are for the templates to read."""
LEAST_SCORE = 0.6
"""Lines of a second reader with a lower score are noise."""
YEARS = range(1990, 2100)

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class OcrLine:
    """One line of text as a general reader found it; ``box``: edges in pixels (x1, y1, x2, y2)."""

    text: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one picture; a part that is not proved is None.

    ``date``: ISO day; ``clock`` and ``timer``: seconds; ``state``: ``read`` (a day), ``cut`` (a date that the edge
    cuts), ``unclear`` (text is there, no day is proved) or ``none`` (no text was found).
    """

    layout: str | None
    date: str | None
    clock: int | None
    timer: int | None
    state: str

    @property
    def start(self) -> int | None:
        """Second of the day at which the examination began: clock minus timer."""
        return None if self.clock is None or self.timer is None else self.clock - self.timer


def combine(raster: RasterText | None, ocr: Sequence[OcrLine]) -> Reading:
    """Return what templates and a second reader prove together."""
    lines = [line for line in ocr if line.score >= LEAST_SCORE]
    if raster is None:
        day = _only_day(lines)
        return Reading("other" if lines else None, day, None, None, "read" if day else "unclear" if lines else "none")
    proved = _proved_lines(raster, lines)
    day = _as_day(proved.get("date"))
    state = "read" if day else "cut" if "_" in raster.lines[0].text else "unclear"
    return Reading(raster.layout.name, day, _as_seconds(proved.get("clock")), _as_seconds(proved.get("timer")), state)


def _proved_lines(raster: RasterText, ocr: Iterable[OcrLine]) -> Mapping[str, str]:
    """Return the text of each line that is proved, by role."""
    lines = tuple(ocr)
    proved = {}
    for line in raster.lines:
        role, text = line.role.removeprefix("bracketed_"), line.text.strip("<>")
        if raster.layout.alone and not set(line.text) & {"?", "_"}:
            proved[role] = text
        elif "_" not in line.text and line.best.strip("<>") in _second_readings(line, role, lines):
            proved[role] = line.best.strip("<>")
    return proved


def _second_readings(line: RasterLine, role: str, ocr: Iterable[OcrLine]) -> set[str]:
    """Return what a second reader reads in the row of a line, in the form of its role."""
    middle = line.box[1] + line.box[3]
    near = (one for one in ocr if abs(one.box[1] + one.box[3] - middle) <= 2 * ROW_PX and one.box[0] < line.box[2])
    return {found.group() for one in near for found in re.finditer(FORMS[role], one.text)}


def _only_day(ocr: Iterable[OcrLine]) -> str | None:
    """Return the day of a picture in no known font: of its only date, taller than the known fonts write."""
    tall = (line for line in ocr if line.box[3] - line.box[1] > TALLEST_KNOWN_PX)
    dates = {line.text.strip() for line in tall if re.fullmatch(FORMS["date"], line.text.strip())}
    return _as_day(dates.pop()) if len(dates) == 1 else None


def _as_day(text: str | None) -> str | None:
    """Return DD/MM/YYYY as an ISO day; None for a day that no calendar has."""
    if text is None:
        return None
    day, month, year = map(int, text.split("/"))
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found.isoformat() if year in YEARS else None


def _as_seconds(text: str | None) -> int | None:
    """Return HH:MM:SS in seconds; None for a time that no clock shows."""
    if text is None:
        return None
    hours, minutes, seconds = map(int, text.split(":"))
    return 3600 * hours + 60 * minutes + seconds if hours < 24 else None
