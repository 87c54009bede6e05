"""Geometry that must hold for any box and any mask, against definitions written out the slow way."""

import math
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pycocotools import mask as coco  # type: ignore[import-untyped]

from medmultipoints.transforms.audit.conventions import Convention, state_box, undo_convention
from medmultipoints.transforms.masks.components import decode_rle, find_regions
from medmultipoints.transforms.records import Box, Point, Region
from medmultipoints.transforms.regions.boxes import (
    clip_box,
    iou,
    released_size,
    to_coco,
    to_mot,
    to_yolo,
)
from tests.transforms.regions.box_inverses import from_coco, from_mot, from_yolo

GROWN = Convention(-1, -1, 0, 0)
Mask = NDArray[np.uint8]
Pixels = frozenset[tuple[int, int]]  # (column, row)


@st.composite
def pixel_boxes(draw: st.DrawFn, side: int = 2000) -> Box:
    """A box on whole pixels, not empty."""
    x1, y1 = draw(st.integers(0, side - 1)), draw(st.integers(0, side - 1))
    return Box(x1, y1, draw(st.integers(x1 + 1, side)), draw(st.integers(y1 + 1, side)))


@st.composite
def drawn_masks(draw: st.DrawFn) -> Mask:
    """A mask of a few overlapping discs, bars and holes, large enough for the coarse search of deep pixels."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    mask = np.zeros((height, width), np.uint8)
    rows, columns = np.indices(mask.shape)
    for _ in range(draw(st.integers(1, 5))):
        x, y, value = draw(st.integers(0, width)), draw(st.integers(0, height)), draw(st.sampled_from([255, 255, 0]))
        if draw(st.booleans()):
            mask[(columns - x) ** 2 + (rows - y) ** 2 <= draw(st.integers(0, 900))] = value
        else:
            mask[y : y + draw(st.integers(1, 60)), x : x + draw(st.integers(1, 60))] = value
    return mask


tiny_masks = arrays.arrays(
    np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.sampled_from([0, 255])
)
any_masks = st.one_of(tiny_masks, drawn_masks())


@given(pixel_boxes())
def test_conversions_come_back_exactly_for_boxes_on_pixels(box: Box) -> None:
    assert box == from_coco(to_coco(box)) == from_mot(to_mot(box))


@given(pixel_boxes(), st.integers(1, 5000), st.integers(1, 5000))
def test_yolo_comes_back_within_float_rounding(box: Box, width: int, height: int) -> None:
    back = from_yolo(to_yolo(box, width, height), width, height)
    assert all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(edges(back), edges(box), strict=True))


@given(pixel_boxes())
def test_undoing_grown_boxes_gives_them_back_but_for_the_first_pixel(box: Box) -> None:
    back = Box(0 if box.x1 == 1 else box.x1, 0 if box.y1 == 1 else box.y1, box.x2, box.y2)
    assert back == undo_convention(state_box(box, GROWN), GROWN)


@given(pixel_boxes())
def test_growing_gives_the_undone_box_back(box: Box) -> None:
    """But where there is no room for it: the box is one pixel wide at least."""
    if min(box.width, box.height) > 1:
        assert box == state_box(undo_convention(box, GROWN), GROWN)


@given(pixel_boxes(12), pixel_boxes(12))
def test_iou_counts_pixels(a: Box, b: Box) -> None:
    inside_a, inside_b = set(pixels_of(a)), set(pixels_of(b))
    assert iou(a, b) == iou(b, a) == len(inside_a & inside_b) / len(inside_a | inside_b)


@given(pixel_boxes(12), st.integers(1, 12), st.integers(1, 12))
def test_clipping_keeps_the_pixels_of_the_image(box: Box, width: int, height: int) -> None:
    clipped = clip_box(box, width, height)
    kept = set(pixels_of(box)) & set(pixels_of(Box(0, 0, width, height)))
    assert kept == (set(pixels_of(clipped)) if clipped else set())


@given(st.integers(1, 20000), st.integers(1, 20000), st.integers(1, 2000))
def test_released_sizes_have_the_largest_side_and_the_integer_part(width: int, height: int, side: int) -> None:
    released = released_size(width, height, side)
    longer = max(width, height)
    assert max(released) == min(side, longer)
    if longer > side:
        assert all(
            r == 1 or r <= s * side / longer < r + 1 + 1e-9 for r, s in zip(released, (width, height), strict=True)
        )


@given(any_masks)
def test_regions_are_the_components_of_a_naive_flood_fill(mask: Mask) -> None:
    components = flood_fill(mask)
    regions = find_regions(mask, min_area_px=1).regions
    assert sorted(map(sorted, components)) == sorted(sorted(inside(region, mask)) for region in regions)
    assert len({edges(region.box) for region in regions}) == len(regions)


@given(any_masks)
def test_boxes_are_tight_and_areas_count_pixels(mask: Mask) -> None:
    for region in find_regions(mask, min_area_px=1).regions:
        pixels = inside(region, mask)
        columns, rows = [x for x, _ in pixels], [y for _, y in pixels]
        assert Box(min(columns), min(rows), max(columns) + 1, max(rows) + 1) == region.box
        assert len(pixels) == region.area_px
        height, width = mask.shape
        assert region.truncated == any(x in (0, width - 1) or y in (0, height - 1) for x, y in pixels)


@given(any_masks)
def test_centroids_are_the_mean_of_pixel_centres(mask: Mask) -> None:
    for region in find_regions(mask, min_area_px=1).regions:
        pixels = inside(region, mask)
        twice_x, twice_y = sum(2 * x + 1 for x, _ in pixels), sum(2 * y + 1 for _, y in pixels)
        assert Point(twice_x / (2 * len(pixels)), twice_y / (2 * len(pixels))) == region.centroid
        assert region.centroid_inside == (pixel_at(region.centroid) in pixels)


@settings(deadline=None)
@given(any_masks)
def test_interior_points_are_the_deepest_pixel_nearest_to_the_centroid(mask: Mask) -> None:
    for region in find_regions(mask, min_area_px=1).regions:
        pixels = inside(region, mask)
        assert region.interior == deepest_pixel(pixels)
        assert pixel_at(region.interior) in pixels


@given(any_masks)
def test_run_lengths_are_cocos_and_come_back(mask: Mask) -> None:
    for region in find_regions(mask, min_area_px=1).regions:
        whole = decode_rle(region.rle, *mask.shape)
        assert whole.shape == mask.shape
        assert coco.encode(np.asfortranarray(whole.astype(np.uint8)))["counts"].decode() == region.rle
        assert whole.sum() == region.area_px


@given(any_masks, st.integers(2, 30))
def test_every_component_is_a_region_or_a_speck(mask: Mask, min_area_px: int) -> None:
    every = find_regions(mask, min_area_px=1).regions
    found = find_regions(mask, min_area_px=min_area_px)
    assert tuple(region for region in every if region.area_px >= min_area_px) == found.regions
    small = [(region.box, region.area_px) for region in every if region.area_px < min_area_px]
    assert small == [(speck.box, speck.area_px) for speck in found.specks]
    for speck in found.specks:
        assert (speck.reason == "stray_pixel") == (speck.box == Box(0, 0, 1, 1))


@given(any_masks)
def test_turning_the_mask_turns_boxes_and_centroids_with_it(mask: Mask) -> None:
    """The result does not depend on the order in which components are met."""
    height, width = mask.shape
    turned = find_regions(np.ascontiguousarray(mask[::-1, ::-1]), min_area_px=1).regions
    back = {Box(width - r.box.x2, height - r.box.y2, width - r.box.x1, height - r.box.y1): r.area_px for r in turned}
    assert {region.box: region.area_px for region in find_regions(mask, min_area_px=1).regions} == back


@given(any_masks)
def test_memory_layout_does_not_matter(mask: Mask) -> None:
    assert find_regions(mask) == find_regions(np.asfortranarray(mask)) == find_regions(np.pad(mask, 3)[3:-3, 3:-3])


def edges(box: Box) -> tuple[float, float, float, float]:
    return box.x1, box.y1, box.x2, box.y2


def pixels_of(box: Box) -> Iterator[tuple[int, int]]:
    return ((x, y) for x in range(int(box.x1), int(box.x2)) for y in range(int(box.y1), int(box.y2)))


def pixel_at(point: Point) -> tuple[int, int]:
    return math.floor(point.x), math.floor(point.y)


def inside(region: Region, mask: Mask) -> Pixels:
    assert region.rle is not None
    return frozenset((x, y) for y, x in np.argwhere(decode_rle(region.rle, *mask.shape)).tolist())


def flood_fill(mask: Mask) -> list[Pixels]:
    left = {(x, y) for y, x in np.argwhere(mask).tolist()}
    components = []
    while left:
        found, open_ends = set(), [left.pop()]
        while open_ends:
            x, y = open_ends.pop()
            found.add((x, y))
            near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & left
            left -= near
            open_ends.extend(near)
        components.append(frozenset(found))
    return components


def deepest_pixel(pixels: Pixels) -> Point:
    """By the definition: every pixel against every pixel outside that touches the component, in whole numbers."""
    grid = np.array(sorted(pixels))
    ring = {(x + dx, y + dy) for x, y in pixels for dx, dy in ((0, 1), (1, 0), (0, -1), (-1, 0))} - pixels
    outside = np.array(sorted(ring))
    depth = ((grid[:, None, :] - outside[None, :, :]) ** 2).sum(axis=2).min(axis=1)
    total_x, total_y = grid.sum(axis=0).tolist()
    tied = grid[depth == depth.max()].tolist()
    area = len(pixels)
    column, row = min(tied, key=lambda p: ((p[0] * area - total_x) ** 2 + (p[1] * area - total_y) ** 2, p[1], p[0]))
    return Point(column + 0.5, row + 0.5)
