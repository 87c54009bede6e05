"""What the audit says of the boxes of one image, rule by rule, on an image of 100 x 80 pixels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.audit.box_findings import Setting, check_alone, compare_boxes, largest_side_distance
from medmultipoints.transforms.audit.conventions import HALF_OPEN, Convention, state_box
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.matching import match_boxes

POLYP = Box(40, 30, 70, 60)
OTHER = Box(10, 60, 20, 70)
GROWN = Convention(-1, -1, 0, 0)
FRAME = Setting(100, 80, GROWN)


def grow(box: Box) -> Box:
    return state_box(box, GROWN)


def kinds(stated: list[Box], derived: list[Box]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity) for finding in compare_boxes(stated, derived, FRAME)]


@st.composite
def apart(draw: st.DrawFn) -> list[Box]:
    """Boxes of at least 3 px in cells of their own, none covering the frame."""
    cells = draw(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=8))
    side = st.integers(3, 18)
    return [Box(20 * x, 20 * y, 20 * x + draw(side), 20 * y + draw(side)) for x, y in sorted(cells)]


@given(apart(), st.data())
def test_grown_boxes_agree_with_the_components_they_come_from_in_any_order(
    boxes: list[Box], data: st.DataObject
) -> None:
    stated = data.draw(st.permutations([grow(box) for box in boxes]))
    assert kinds(stated, boxes) == []


@given(apart(), st.data())
def test_one_pixel_on_any_side_is_no_finding(boxes: list[Box], data: st.DataObject) -> None:
    step = st.integers(-1, 1)
    moved = [Box(*(max(side + data.draw(step), 0) for side in (b.x1, b.y1, b.x2, b.y2))) for b in boxes]
    assert kinds([grow(box) for box in moved], boxes) == []


@given(apart())
def test_boxes_without_components_are_extra_and_components_without_boxes_missing(boxes: list[Box]) -> None:
    assert kinds([grow(box) for box in boxes], []) == [("extra", "error")] * len(boxes)
    assert kinds([], boxes) == [("missing", "error")] * len(boxes)


@pytest.mark.parametrize(
    ("stated", "derived", "expected"),
    [
        pytest.param([Box(0, 0, 69, 59)], [POLYP], [("inflated_to_origin", "error")], id="from the origin"),
        pytest.param([Box(0, 0, 99, 79)], [Box(97, 77, 100, 80)], [("inflated_to_origin", "error")], id="a tiny one"),
        pytest.param([Box(0, 0, 60, 50)], [POLYP], [("inflated_to_origin", "error")], id="far corner wrong too"),
        pytest.param([Box(0, 0, 69, 69)], [POLYP, OTHER], [("inflated_to_origin", "error")], id="over all white"),
        pytest.param([Box(0, 0, 69, 59)], [Box(2, 0, 70, 60)], [("inflated_by_one_pixel", "info")], id="by one"),
        pytest.param([Box(0, 0, 69, 59)], [Box(1, 0, 70, 60)], [("inflated_by_one_pixel", "info")], id="ambiguous"),
        pytest.param([Box(0, 0, 70, 60)], [Box(1, 1, 70, 60)], [], id="rightly at the origin"),
        pytest.param([Box(0, 0, 69, 59)], [Box(0, 0, 70, 60)], [], id="at the origin, far corner one pixel off"),
        pytest.param([grow(POLYP), Box(50, 40, 52, 44)], [POLYP], [("phantom", "error")], id="a hole"),
        pytest.param([grow(POLYP), Box(68, 35, 70, 55)], [POLYP], [("phantom", "error")], id="a notch"),
        pytest.param([grow(POLYP), Box(5, 5, 9, 9)], [POLYP], [("extra", "error")], id="elsewhere"),
        pytest.param([grow(POLYP), grow(POLYP)], [POLYP], [("extra", "error")], id="the same box twice"),
        pytest.param([grow(POLYP)], [POLYP, OTHER], [("missing", "error")], id="one component without box"),
        pytest.param([Box(9, 29, 70, 70)], [POLYP, OTHER], [("merged", "error")], id="one box for two components"),
        pytest.param(
            [Box(39, 29, 55, 60), Box(55, 29, 70, 60)], [POLYP], [("split", "error")], id="two boxes for one component"
        ),
        pytest.param([Box(44, 29, 75, 60)], [POLYP], [("shifted", "warning")], id="five pixels to the right"),
        pytest.param([Box(39, 29, 70, 62)], [POLYP], [("shifted", "warning")], id="two pixels too high"),
        pytest.param([Box(9, 9, 12, 30)], [Box(10, 10, 12, 30)], [("sliver", "warning")], id="two pixels wide"),
        pytest.param([Box(0, 0, 100, 80)], [POLYP], [("covers_frame", "warning")], id="the whole frame"),
        pytest.param([Box(0, 0, 100, 80)], [Box(0, 0, 100, 80)], [("covers_frame", "info")], id="and so does the mask"),
    ],
)
def test_each_kind_of_disagreement_is_named_once(
    stated: list[Box], derived: list[Box], expected: list[tuple[str, str]]
) -> None:
    assert kinds(stated, derived) == expected
    assert kinds(stated[::-1], derived[::-1]) == expected


def test_a_finding_carries_both_boxes_their_overlap_and_the_distance_of_their_sides() -> None:
    (finding,) = compare_boxes([Box(44, 29, 75, 60)], [POLYP], FRAME)
    assert (finding.source_box, finding.derived_box) == (Box(45, 30, 75, 60), POLYP)
    assert finding.iou == pytest.approx(25 / 35)
    assert finding.side_px == 5


def test_without_a_mask_only_the_box_itself_is_judged() -> None:
    stated = [Box(0, 0, 100, 79), Box(9, 9, 12, 30), Box(39, 29, 70, 60)]
    assert [finding.kind for finding in check_alone(stated, FRAME)] == ["covers_frame", "sliver"]


def test_an_edge_at_0_agrees_with_the_first_and_the_second_pixel() -> None:
    distances = [largest_side_distance(Box(0, 9, 20, 20), Box(x, 10, 20, 20), GROWN) for x in (0, 1, 2, 3)]
    assert distances == [0, 0, 1, 2]


def test_boxes_of_another_convention_agree_once_it_is_undone() -> None:
    """Half-open boxes, and inclusive ones that count from 1."""
    for convention in (HALF_OPEN, Convention(1, 1, 0, 0)):
        setting = Setting(100, 80, convention)
        stated = Box(POLYP.x1 + convention.dx1, POLYP.y1 + convention.dy1, POLYP.x2, POLYP.y2)
        assert list(compare_boxes([stated], [POLYP], setting)) == []
        (finding,) = compare_boxes([Box(convention.dx1, convention.dy1, 70, 60)], [POLYP], setting)
        assert (finding.kind, finding.source_box) == ("inflated_to_origin", Box(0, 0, 70, 60))


def test_boxes_are_matched_by_overlap_not_by_position() -> None:
    boxes = [POLYP, OTHER, Box(41, 30, 70, 60)]
    assert match_boxes(boxes, [OTHER, POLYP]) == [(0, 1), (1, 0)]
    assert match_boxes(boxes, []) == []
