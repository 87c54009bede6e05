"""What lies over a picture: every kind with its pattern and casing, in the pixels of the frame, safe as HTML."""

import re

import numpy as np

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.reporting.drawing import LINES, STYLE, Figure, draw, legend, mask_shape

BOX = (10.0, 20.0, 40.0, 60.0)


def figure(**more: object) -> Figure:
    return Figure("a" * 64, "s/a", 200, 100, "", **more)  # type: ignore[arg-type]


def test_a_box_is_drawn_in_its_pixels_over_a_dark_casing() -> None:
    drawn = draw(figure(boxes=(("source", BOX),)))
    place = 'x="10.0" y="20.0" width="30.0" height="40.0"'
    assert drawn.index(f'<rect class="casing" {place}/>') < drawn.index(f'<rect class="source" {place}>')
    assert 'viewBox="0 0 200 100"' in drawn
    assert "x 10 to 40, y 20 to 60 (30 x 40 px)" in drawn


def test_a_mask_is_tinted_and_outlined_at_its_scale() -> None:
    shape = mask_shape(encode_rle(np.ones((4, 6), np.uint8), 2, 1, 20, 10), (20, 10), 0.5, words="<b>")
    assert {(1.0, 0.5), (4.0, 0.5), (4.0, 2.5), (1.0, 2.5)} == set(shape.outlines[0])
    drawn = draw(figure(masks=(shape,)))
    assert re.findall(r'<path class="([a-z ]+)"', drawn) == ["tint mask", "casing", "mask"]
    assert "&lt;b&gt;" in drawn
    assert "<b>" not in drawn


def test_a_thin_box_gets_a_ring_and_a_released_one_does_not() -> None:
    thin = (10.0, 20.0, 11.0, 60.0)
    assert "<circle" in draw(figure(boxes=(("source", thin),)))
    assert "<circle" not in draw(figure(boxes=(("object", thin),)))


def test_kinds_that_are_compared_differ_in_their_pattern_and_not_by_colour_alone() -> None:
    assert len({LINES[kind].dashes for kind in ("derived", "source", "corrected")}) == 3
    assert LINES["before"].dashes != LINES["after"].dashes
    for kind, line in LINES.items():
        assert f".drawn .{kind} {{ stroke: {line.colour};" in STYLE
        assert line.words in legend([kind])
