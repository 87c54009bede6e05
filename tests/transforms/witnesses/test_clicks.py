"""Corrective clicks against an independent computation: breadth-first components, brute-force distances."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medmultipoints.transforms.masks.mask_sets import dice, iou
from medmultipoints.transforms.witnesses.clicks import click_object, next_click, summarise
from medmultipoints.transforms.witnesses.network import Click

Mask = NDArray[np.bool_]
masks = arrays(np.bool_, (12, 9))


def components(mask: Mask) -> list[set[tuple[int, int]]]:
    """The 8-connected components, found pixel by pixel, in reading order of their first pixel."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = []
    for start in sorted(left):
        if start not in left:
            continue
        part, edge = set[tuple[int, int]](), [start]
        while edge:
            y, x = edge.pop()
            if (y, x) in left:
                left.remove((y, x))
                part.add((y, x))
                edge += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        found.append(part)
    return found


def depth(part: set[tuple[int, int]], pixel: tuple[int, int], shape: tuple[int, ...]) -> float:
    """The distance from a pixel to the nearest one that is not of the part; outside the picture nothing is."""
    others = [(y, x) for y in range(-1, shape[0] + 1) for x in range(-1, shape[1] + 1) if (y, x) not in part]
    return min(float(np.hypot(pixel[0] - y, pixel[1] - x)) for y, x in others)


@given(masks, masks)
@settings(max_examples=150, deadline=None)
def test_the_click_is_the_deepest_pixel_of_the_largest_error(truth: Mask, shown: Mask) -> None:
    click = next_click(truth, shown)
    missed, wrong = components(truth & ~shown), components(shown & ~truth)
    if not missed and not wrong:
        assert click is None
        return
    assert click is not None
    most = max(map(len, (*missed, *wrong)))
    positive = bool(missed) and max(map(len, missed)) == most
    assert positive is click.positive
    part = next(one for one in (missed if positive else wrong) if len(one) == most)
    assert (click.y, click.x) in part
    deepest = max(depth(part, pixel, truth.shape) for pixel in part)
    assert abs(deepest - depth(part, (click.y, click.x), truth.shape)) < 1e-4


@given(masks, masks)
def test_dice_and_iou_are_those_of_counted_pixels(truth: Mask, shown: Mask) -> None:
    one, two = ({tuple(pixel) for pixel in np.argwhere(mask)} for mask in (truth, shown))
    assert dice(truth, shown) == (2 * len(one & two) / (len(one) + len(two)) if one or two else 1.0)
    assert iou(truth, shown) == (len(one & two) / len(one | two) if one or two else 1.0)


def test_a_session_ends_at_the_target_and_counts_its_clicks() -> None:
    truth = np.zeros((40, 40), np.bool_)
    truth[5:15, 5:15] = truth[25:35, 25:35] = True

    def grow(clicks: Sequence[Click], before: Mask) -> Mask:
        shown = before.copy()
        y, x = clicks[-1].y, clicks[-1].x
        shown[5:15, 5:15] |= y < 20
        shown[25:35, 25:35] |= y >= 20 and x >= 20
        return shown

    session = click_object(truth, grow, 5)
    assert 2 == session.clicks
    assert [0.5, 1.0] == [one.iou for one in session.rounds]
    stuck = click_object(truth, lambda _clicks, before: before, 3)
    assert (None, 3) == (stuck.clicks, len(stuck.rounds))
    found = summarise([session, stuck], 3)
    assert [0.25, 0.5, 0.5] == found["iou"]
    assert 2.5 == found["clicks_to_90"]
    assert 1 == found["not_reached"]
