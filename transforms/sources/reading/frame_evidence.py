"""Decide from the numbers of all boxes whether they are edges, or first and last pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.shapes import finite

LEAST: Final = 3
"""Number of boxes that can contradict a stated frame, form or unit."""


@dataclass
class FrameEvidence:
    """Counts over all boxes that reveal their coordinate frame."""

    boxes: int = 0
    decimals: int = 0
    zeros: int = 0
    ones: int = 0
    at_far_edge: int = 0
    at_last_pixel: int = 0
    beyond: int = 0
    no_extent: int = 0

    def add(self, corners: Sequence[float], width: float = 0, height: float = 0) -> None:
        """Add one box of two corners to the counts; ``width`` and ``height`` of its picture, 0 if unknown."""
        if not finite(corners):
            return
        self.boxes += 1
        self.decimals += any(not float(value).is_integer() for value in corners)
        self.zeros += min(corners[:2]) == 0
        self.ones += 1 in corners[:2]
        if width and height:
            self.at_far_edge += corners[2] == width or corners[3] == height
            self.at_last_pixel += corners[2] == width - 1 or corners[3] == height - 1
            self.beyond += corners[2] > width or corners[3] > height or min(corners[:2]) < 0
        self.no_extent += corners[0] == corners[2] or corners[1] == corners[3]


def refuse_frame(draft: Draft, seen: FrameEvidence) -> None:
    """Raise UsageError if the boxes contradict the stated frame; a few odd boxes do not."""
    key, all_boxes = "boxes.frame", plural(seen.boxes, "box", "boxes")
    if seen.zeros >= LEAST and seen.zeros > seen.ones:
        draft.refuse(key, "inclusive-1", f"{seen.zeros:,} of {all_boxes} begin at 0, which is not counted from 1")
    if seen.at_far_edge >= LEAST and seen.at_far_edge > seen.at_last_pixel:
        said = "end at the width or height, one pixel beyond the last that is counted from 0"
        draft.refuse(key, "inclusive-0", f"{seen.at_far_edge:,} of {all_boxes} {said}")
    if seen.decimals >= LEAST and seen.decimals * 2 > seen.boxes:
        for frame in ("inclusive-0", "inclusive-1"):
            draft.refuse(key, frame, f"{seen.decimals:,} of {all_boxes} have decimals, which pixels have not")


def decide_frame(draft: Draft, seen: FrameEvidence) -> None:
    """Propose edges if any number has decimals, or 0 and the far edge both occur; else ask."""
    key = "boxes.frame"
    if seen.no_extent:
        draft.hint("zero_extent", f"{plural(seen.no_extent, 'box', 'boxes')} of zero extent; rejected unless kept")
    if seen.beyond:
        draft.hint("beyond_frame", f"{plural(seen.beyond, 'box', 'boxes')} reach beyond the picture's frame")
    if not seen.boxes:
        return
    refuse_frame(draft, seen)
    said = f"{plural(seen.boxes, 'box', 'boxes')}: {seen.decimals} with decimals, {seen.zeros} at 0, {seen.ones} at 1"
    said += f", {seen.at_far_edge} end at the width or height"
    if seen.decimals:
        draft.line(key, "edges", f"{said}; decimals are edges")
    elif seen.zeros and seen.at_far_edge:
        draft.line(key, "edges", f"{said}; only edges reach both 0 and the size")
    elif seen.zeros:
        likely = "inclusive-0" if seen.at_last_pixel else "edges"
        other = "edges" if likely == "inclusive-0" else "inclusive-0"
        draft.ask(key, f"Are the numbers edges or first and last pixels from 0? {said}", [likely, other], likely)
    else:
        choices = ["inclusive-1", "edges", "inclusive-0"]
        draft.ask(key, f"Are the numbers pixels counted from 1, or edges? {said}; none is 0", choices, "inclusive-1")
