"""Decide the form of boxes (two corners, corner and size, or centre and size) and their unit from all numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.reading.frame_evidence import FrameEvidence, decide_frame
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.shapes import Fault, Place, box_place, corners_to_box, finite, not_finite

Size = tuple[int, int] | None
_SLACK = 1.5


@dataclass
class FormEvidence:
    """Counts of boxes that are plausible in each form and unit."""

    boxes: int = 0
    sized: int = 0
    ordered: int = 0
    as_corners: int = 0
    as_sizes: int = 0
    as_centres: int = 0
    fractions: int = 0

    def add(self, numbers: Sequence[float], size: Size) -> None:
        """Add one box to the counts; ``size``: width and height of its picture, if known."""
        if not finite(numbers):
            return
        a, b, c, d = numbers
        self.boxes += 1
        self.fractions += all(-0.001 <= value <= 1.001 for value in numbers)
        self.ordered += c >= a and d >= b
        if size is None:
            return
        width, height = (1, 1) if max(numbers) <= 1.001 else size
        slack = 0.002 if max(numbers) <= 1.001 else _SLACK
        self.sized += 1
        self.as_corners += c >= a and d >= b and c <= width + slack and d <= height + slack
        self.as_sizes += a >= -slack and b >= -slack and a + c <= width + slack and b + d <= height + slack
        half = (
            a - c / 2 >= -slack and b - d / 2 >= -slack and a + c / 2 <= width + slack and b + d / 2 <= height + slack
        )
        self.as_centres += half


def decide_form(draft: Draft, seen: FormEvidence, named: str | None, corners: FrameEvidence) -> None:
    """Propose or ask ``boxes.form``, ``boxes.unit`` and, for corners in pixels, ``boxes.frame``.

    ``named``: the form according to column names, which the numbers must not contradict.
    """
    if not seen.boxes:
        return
    said = f"{plural(seen.boxes, 'box', 'boxes')}: {seen.as_corners} lie in the picture as corners, {seen.as_sizes} as "
    said += f"corner and size, {seen.as_centres} as centre and size (of {seen.sized} with a picture)"
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
    fits = {"xyxy": seen.as_corners, "xywh": seen.as_sizes, "cxcywh": seen.as_centres}
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
    draft.ask("boxes.form", f"What are the four numbers of a box? {said}", choices, best)
    return str(draft.states("boxes.form") or best)


def declared_place(declaration: Declaration, numbers: Sequence[float], size: Size) -> Place | Fault:
    """Return the place of four numbers in the declared form, unit and frame, or the fault."""
    keys = declaration.boxes
    if not finite(numbers):
        return not_finite(f"the box {', '.join(map(str, numbers))}")
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
