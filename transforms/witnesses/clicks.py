"""Simulate interactive segmentation: click into the error of the last prediction until the target IoU is reached.

Each round clicks the pixel deepest inside the largest error component; missed pixels (positive click) and wrong pixels
(negative click) form separate components. Ties go to missed pixels, then to the first component in reading order;
``transforms.masks.interior_points`` chooses among equally deep pixels exactly, since equal float distances can differ
in the last bit. The rule is "clicks to 90 %" (NoC@90) of RITM; IMed-361M evaluates in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.components import measure_mask
from medmultipoints.transforms.masks.mask_sets import dice, iou
from medmultipoints.transforms.witnesses.network import Click

TARGET: Final = 0.9
Mask = NDArray[np.bool_]
Predict = Callable[[Sequence[Click], Mask], Mask]
"""Function from all clicks so far and the last prediction to the next prediction."""


@dataclass(frozen=True, slots=True)
class Round:
    """The click of a round, with Dice and IoU of the prediction after it."""

    click: Click
    dice: float
    iou: float


@dataclass(frozen=True, slots=True)
class Session:
    """All rounds of one object. ``clicks``: rounds until the IoU is 0.9; None if not reached."""

    rounds: tuple[Round, ...]
    clicks: int | None


def click_object(truth: Mask, predict: Predict, rounds: int) -> Session:
    """Return the session for one object, which ends at the target IoU or after ``rounds`` clicks."""
    clicks: list[Click] = []
    done: list[Round] = []
    shown = np.zeros(truth.shape, np.bool_)
    while len(done) < rounds and (click := next_click(truth, shown)) is not None:
        clicks.append(click)
        shown = predict(tuple(clicks), shown)
        done.append(Round(click, dice(truth, shown), iou(truth, shown)))
        if done[-1].iou >= TARGET:
            return Session(tuple(done), len(done))
    return Session(tuple(done), None)


def next_click(truth: Mask, shown: Mask) -> Click | None:
    """Return the click that corrects the largest error; None if there is no error."""
    missed, wrong = _largest(truth & ~shown), _largest(shown & ~truth)
    if missed is None and wrong is None:
        return None
    positive = wrong is None or (missed is not None and bool(missed.sum() >= wrong.sum()))
    error = missed if positive else wrong
    assert error is not None
    deepest = measure_mask(error).interior
    assert deepest is not None
    return Click(int(deepest.x), int(deepest.y), positive)


def _largest(error: Mask) -> Mask | None:
    """Return the largest 8-connected component; among equal ones, the first in reading order."""
    count, parts, facts, _ = cv2.connectedComponentsWithStats(error.view(np.uint8), connectivity=8)
    if count < 2:
        return None
    areas = facts[1:, cv2.CC_STAT_AREA]
    chosen = [1 + int(place) for place in np.flatnonzero(areas == areas.max())]
    first = min(chosen, key=lambda part: int(np.argmax(parts.ravel() == part)))
    return np.asarray(parts == first, np.bool_)


def summarise(sessions: Sequence[Session], rounds: int) -> dict[str, object]:
    """Return mean Dice and IoU after each round, and mean clicks to 0.9; sessions that fail count all rounds."""
    reached = [one.clicks for one in sessions]
    return {
        "objects": len(sessions),
        "rounds": rounds,
        "dice": [_mean([_after(one, number).dice for one in sessions]) for number in range(1, rounds + 1)],
        "iou": [_mean([_after(one, number).iou for one in sessions]) for number in range(1, rounds + 1)],
        "clicks_to_90": _mean([float(rounds if count is None else count) for count in reached]),
        "not_reached": sum(count is None for count in reached),
    }


def _after(session: Session, number: int) -> Round:
    """Return the result after a round; an ended session keeps its last one."""
    return session.rounds[min(number, len(session.rounds)) - 1]


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
