"""Scenes are recognised from another viewpoint, and frames within another frame."""

import zipfile
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from medmultipoints.transforms.examinations.keypoints import find_scene, pack_scene, unpack_scene
from medmultipoints.transforms.examinations.nearest import find_candidates
from medmultipoints.transforms.examinations.same_frame import find_shared_frame, may_share_frame, shared_area
from medmultipoints.transforms.examinations.scene_pairs import match_descriptors, match_scenes
from medmultipoints.transforms.pictures.decode import decode_image


def tissue(seed: int, height: int = 360, width: int = 420) -> np.ndarray:
    """A smooth pattern with edges of many sizes, as no two seeds share."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.uniform(0, 1, (height // size, width // size)).astype(np.float32), (width, height))
        for size in (4, 12, 40)
    ]
    gray = 60 + 120 * sum(layers) / 3
    return np.stack([gray, gray * 0.6, gray * 0.5], axis=2).astype(np.uint8)


def test_one_scene_is_recognised_turned_and_nearer() -> None:
    picture = tissue(1)
    turn = cv2.getRotationMatrix2D((210, 180), 20, 1.2)
    other = cv2.warpAffine(picture, turn, (420, 360), borderMode=cv2.BORDER_REFLECT)
    match = match_scenes(find_scene(picture), find_scene(other))
    assert match is not None
    assert match.inliers >= 30
    assert 1.2 == pytest.approx(match.scale, abs=0.05)
    assert not may_share_frame(match)


def test_two_scenes_do_not_match() -> None:
    assert None is match_scenes(find_scene(tissue(1)), find_scene(tissue(2)))


def test_burned_in_text_alone_does_not_join_pictures() -> None:
    first, second = tissue(3), tissue(4)
    for picture in (first, second):
        for row in range(10):
            cv2.putText(picture, "Name: 11/04/2014", (5, 30 + 25 * row), cv2.FONT_HERSHEY_PLAIN, 1, (255, 255, 255), 1)
    assert None is match_scenes(find_scene(first), find_scene(second))


def test_a_cut_frame_is_found_in_the_uncut_one() -> None:
    whole = tissue(5)
    part = np.ascontiguousarray(whole[24:340, 48:400])
    match = match_scenes(find_scene(part), find_scene(whole))
    assert match is not None
    assert may_share_frame(match)
    found = find_shared_frame(part, whole, match)
    assert found is not None
    assert (48, 24, 1.0) == (found.dx, found.dy, found.correlation)
    assert None is find_shared_frame(part, tissue(6), match)


def test_shared_area_is_the_same_size_in_both() -> None:
    own, others = shared_area((10, 20), (8, 30), -3, 4)
    assert ((slice(0, 4), slice(3, 20)), (slice(4, 8), slice(0, 17))) == (own, others)


def test_a_scene_survives_packing() -> None:
    scene = find_scene(tissue(7))
    again = unpack_scene(pack_scene(scene))
    assert np.array_equal(scene.points, again.points)
    assert np.array_equal(scene.descriptors, again.descriptors)


def test_an_even_picture_has_no_scene() -> None:
    even = find_scene(np.full((300, 300, 3), 90, np.uint8))
    assert 0 == len(even.points)
    assert None is match_scenes(even, even)
    assert [] == find_candidates([even.descriptors, even.descriptors])


def test_matches_do_not_depend_on_which_picture_is_first() -> None:
    one, two = find_scene(tissue(8)).descriptors, find_scene(tissue(8)[:, 20:]).descriptors
    forward = set(zip(*(part.tolist() for part in match_descriptors(one, two)), strict=True))
    backward = set(zip(*(part.tolist() for part in reversed(match_descriptors(two, one))), strict=True))
    assert len(forward & backward) >= 0.9 * len(forward | backward)


def test_candidates_hold_the_two_views_of_one_scene() -> None:
    pictures = [tissue(seed) for seed in range(10, 16)] + [tissue(12)[10:, 30:]]
    pairs = find_candidates([find_scene(picture).descriptors for picture in pictures], nearest=1)
    assert (2, 6) in pairs
    assert pairs == sorted(set(pairs))
    assert all(one < two for one, two in pairs)


@pytest.mark.slow
def test_real_pictures_are_joined_as_the_eye_does(real: Path) -> None:
    with zipfile.ZipFile(real / "hyper-kvasir" / "hyper-kvasir-segmented-images.zip") as archive:
        names = sorted(name for name in archive.namelist() if "/images/" in name)[:25]
        scenes = {Path(name).stem[:8]: find_scene(decode_image(archive.read(name)).pixels) for name in names}
    joined = {pair for pair in combinations(scenes, 2) if match_scenes(scenes[pair[0]], scenes[pair[1]])}
    assert set() == joined
