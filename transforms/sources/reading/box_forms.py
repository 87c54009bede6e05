"""Decide the form of boxes (two corners, corner and size, or centre and size) and their unit from all numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.reading.frame_evidence import LEAST, FrameEvidence, decide_frame
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, box_place, corners_to_box, finite, not_finite

Size = tuple[int, int] | None
_SLACK = 1.5
FORMS: Final = ("xyxy", "xywh", "cxcywh")
SWAPPED: Final = " with x and y swapped"


@dataclass
class FormEvidence:
    """Counts of boxes that are plausible in each form and unit.

    ``fits``: boxes inside of their pictures by form, and by form and ``SWAPPED``.
    """

    boxes: int = 0
    sized: int = 0
    ordered: int = 0
    fractions: int = 0
    percents: int = 0
    fits: Counter[str] = field(default_factory=Counter)

    def add(self, numbers: Sequence[float], size: Size) -> None:
        """Add one box to the counts; ``size``: width and height of its picture, if known."""
        if not finite(numbers):
            return
        a, b, c, d = numbers
        self.boxes += 1
        self.fractions += all(-0.001 <= value <= 1.001 for value in numbers)
        self.percents += all(-0.1 <= value <= 100.1 for value in numbers)
        self.ordered += c >= a and d >= b
        if size is None:
            return
        self.sized += 1
        small = max(numbers) <= 1.001
        width, height = (1, 1) if small else size
        slack = 0.002 if small else _SLACK
        for after, (x, y, right, below) in (("", numbers), (SWAPPED, (b, a, d, c))):
            for form, (x1, y1, x2, y2) in (
                ("xyxy", (x, y, right, below)),
                ("xywh", (x, y, x + right, y + below)),
                ("cxcywh", (x - right / 2, y - below / 2, x + right / 2, y + below / 2)),
            ):
                inside = x1 >= -slack and y1 >= -slack and x2 <= width + slack and y2 <= height + slack
                self.fits[form + after] += inside and x2 >= x1 and y2 >= y1

    def better(self, form: str, forms: Sequence[str]) -> str | None:
        """Return the one of ``forms`` of nearly all boxes if a tenth of them is outside of the pictures in ``form``.

        None for fewer boxes than can contradict a declaration.
        """
        if self.sized < LEAST or self.fits[form] * 10 >= self.sized * 9:
            return None
        tried = (other for other in forms if other != form)
        return next((other for other in tried if self.fits[other] * 50 >= self.sized * 49), None)


def refuse_form(draft: Draft, seen: FormEvidence, forms: Sequence[str] = FORMS) -> None:
    """Raise UsageError if the boxes contradict the stated form, order or unit."""
    form, unit = str(draft.states("boxes.form") or ""), draft.states("boxes.unit")
    few = seen.boxes < LEAST
    above = f"have numbers above {'100' if unit == 'percent' else '1'}"
    large = seen.boxes - (seen.percents if unit == "percent" else seen.fractions)
    if unit in ("fraction", "percent") and not few and large * 10 > seen.boxes:
        draft.refuse("boxes.unit", unit, f"{large:,} of {plural(seen.boxes, 'box', 'boxes')} {above}")
    if seen.fractions == seen.boxes and not few and unit != "fraction":
        draft.refuse("boxes.unit", unit, f"all numbers of {plural(seen.boxes, 'box', 'boxes')} are 0 to 1")
    swapped = [other + SWAPPED for other in forms]
    if unit != "percent" and form in FORMS and (better := seen.better(form, (*forms, *swapped))):
        said = f"{seen.sized - seen.fits[form]:,} of {plural(seen.sized, 'box', 'boxes')} would pass the picture's edge"
        draft.refuse("boxes.form", form, f"{said}, and {seen.fits[better]:,} lie in the picture as {better}")


def decide_form(draft: Draft, seen: FormEvidence, named: str | None, corners: FrameEvidence) -> None:
    """Propose or ask ``boxes.form``, ``boxes.unit`` and, for corners in pixels, ``boxes.frame``.

    ``named``: the form according to column names, which the numbers must not contradict.
    """
    if not seen.boxes:
        return
    refuse_form(draft, seen)
    corner, size, centre = (seen.fits[form] for form in FORMS)
    said = f"{plural(seen.boxes, 'box', 'boxes')}: {corner} lie in the picture as corners, {size} as corner and size, "
    said += f"{centre} as centre and size (of {seen.sized} with a picture)"
    form = _decide(draft, seen, named, said)
    if seen.fractions == seen.boxes:
        draft.line("boxes.unit", "fraction", f"all numbers of {plural(seen.boxes, 'box', 'boxes')} are 0 to 1")
    else:
        draft.line(
            "boxes.unit", "pixels", f"{plural(seen.boxes - seen.fractions, 'box', 'boxes')} with numbers above 1"
        )
        if form == "xyxy":
            decide_frame(draft, corners)


def _decide(draft: Draft, seen: FormEvidence, named: str | None, said: str) -> str | None:
    fits = {form: seen.fits[form] for form in FORMS}
    if not seen.sized:
        fits = {"xyxy": seen.ordered, "xywh": seen.boxes, "cxcywh": seen.boxes}
    total = seen.sized or seen.boxes
    likely = [form for form, count in fits.items() if count * 50 >= total * 49]
    if named is not None and named in likely:
        draft.line("boxes.form", named, f"the names of the columns; {said}")
        return named
    if len(likely) == 1 and named is None and seen.sized >= 3:
        draft.line("boxes.form", likely[0], said)
        return likely[0]
    ranked = sorted(fits, key=lambda form: (form != named, -fits[form]))
    best = max(ranked, key=lambda form: fits[form])
    choices = [best, *(form for form in ranked if form != best)]
    if seen.better(best, [form + SWAPPED for form in FORMS]):
        text = "With x and y swapped nearly all boxes lie in their pictures: correct the file or `fields`, or say "
        draft.ask("boxes.form", f'{text}pictures.exif = "displayed" if tags turn these. {said}', choices)
        return str(draft.states("boxes.form") or best)
    draft.ask("boxes.form", f"What are the four numbers of a box? {said}", choices, best)
    return str(draft.states("boxes.form") or best)


def declared_place(
    declaration: Declaration, numbers: Sequence[float], size: Size, cells: Sequence[str] = ()
) -> Place | Fault:
    """Return the place of four numbers in the declared form, unit and frame, or the fault.

    ``cells``: the numbers as they are written.
    """
    keys = declaration.boxes
    if not finite(numbers):
        return not_finite(f"the box {', '.join(map(repr, cells or numbers))}")
    a, b, c, d = numbers
    if keys.unit in ("fraction", "percent"):
        if size is None:
            return Fault("size_missing", "fractions need the size of the picture")
        parts = 1 if keys.unit == "fraction" else 100
        a, b, c, d = a * size[0] / parts, b * size[1] / parts, c * size[0] / parts, d * size[1] / parts
    if keys.form == "xyxy":
        if a == c or b == d:
            return box_place(Box(a, b, c, d), numbers, size, keys.degenerate)
        return box_place(corners_to_box((a, b, c, d), keys.frame or "edges"), numbers, size, keys.degenerate)
    return box_place(place_numbers(keys.form or "xywh", (a, b, c, d)), numbers, size, keys.degenerate)


def place_numbers(form: str, numbers: Sequence[float]) -> Box:
    """Return the box of four numbers of a form, as pixel edges."""
    a, b, c, d = numbers
    if form == "xyxy":
        return Box(a, b, c, d)
    return Box(a - c / 2, b - d / 2, a + c / 2, b + d / 2) if form == "cxcywh" else Box(a, b, a + c, b + d)
