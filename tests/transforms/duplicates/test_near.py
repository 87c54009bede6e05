"""Near-duplicates: edited copies are found, other pictures are not."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.duplicates.near import (
    PAIRS_OF_GROUPS,
    choose_threshold,
    count_distances,
    find_near,
    near_tables,
    near_threshold,
)
from tests.transforms.planted import CHANGES, brighten, encode, picture_table, scene

SCENES = 40


def pairs_of(pictures: pl.DataFrame, threshold: float) -> set[tuple[str, str]]:
    near = find_near(pictures).pairs.filter(pl.col("distance") < threshold)
    return set(near.select("sample_id", "other_id").iter_rows())


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_each_changed_picture_is_found_and_no_other_pair(change: str) -> None:
    """Every scene with its changed copy; the threshold is the one that the histogram gives."""
    pictures = {f"{seed}": scene(seed) for seed in range(SCENES)}
    changed = {f"{name}'": CHANGES[change](pixels) for name, pixels in pictures.items()}
    table = picture_table(pictures | changed)
    threshold = choose_threshold(count_distances(find_near(table).pairs))
    assert pairs_of(table, threshold) == {(name, f"{name}'") for name in pictures}


@pytest.mark.parametrize(
    ("change", "evidence"),
    [("re-encoded", "copy"), ("cropped by 3 % a side", "crop"), ("mirrored", "mirrored")],
)
def test_the_evidence_says_what_was_done(change: str, evidence: str) -> None:
    """Of one scene and its changed copy."""
    found = find_near(picture_table({"a": scene(1), "b": CHANGES[change](scene(1))})).pairs
    assert found.select("sample_id", "other_id", "evidence").rows() == [("a", "b", evidence)]


@pytest.mark.slow
def test_the_order_of_the_rows_does_not_matter() -> None:
    """Nor does it which name the copy has."""
    table = picture_table({"a": scene(1), "b": scene(2), "c": encode(scene(1), 60), "d": encode(scene(2), 60)})
    assert find_near(table).pairs.equals(find_near(table[::-1]).pairs)
    assert pairs_of(table, 0.1) == {("a", "c"), ("b", "d")}


def test_pictures_of_one_group_are_not_compared() -> None:
    """Frames of a video all look alike; a copy in another video is still found."""
    frames = {f"v{number}": encode(scene(1), 60 + number) for number in range(30)}
    groups = dict.fromkeys(frames, "v")
    assert find_near(picture_table(frames, groups)).pairs.is_empty()
    found = find_near(picture_table(frames | {"still": scene(1)}, groups)).pairs
    assert 0 < found.height <= PAIRS_OF_GROUPS
    assert set(found["sample_id"]) == {"still"}


def frame(seed: int) -> NDArray[np.uint8]:
    """A still background with a few cells somewhere: the hashes of all frames are equal or nearly so."""
    pixels = np.repeat(np.linspace(60, 200, 320).astype(np.uint8)[None, :, None], 256, axis=0)
    pixels = np.ascontiguousarray(np.repeat(pixels, 3, axis=2))
    rng = np.random.default_rng(seed)
    for x, y in zip(rng.integers(10, 300, 14), rng.integers(10, 236, 14), strict=True):
        pixels[y : y + 12, x : x + 12] = 40
    return pixels


@pytest.mark.slow
def test_a_copied_frame_is_found_among_frames_with_the_same_hash() -> None:
    """Two videos of one scene, 60 frames each; frame 50 of the first is, brighter, frame 7 of the second."""
    first = {f"a{number:02}": frame(number) for number in range(60)}
    second = {f"b{number:02}": frame(1000 + number) for number in range(60)}
    second["b07"] = encode(brighten(first["a50"], 1.1), 80)
    groups = {name: name[0] for name in first | second}
    found = find_near(picture_table(first | second, groups)).pairs
    assert found.row(0)[:2] == ("a50", "b07")
    assert found["distance"][0] < 0.02
    assert found["distance"][1] > 0.2
    assert found.height == PAIRS_OF_GROUPS


def test_flat_pictures_are_counted_and_not_compared() -> None:
    """Two black pictures are no evidence of anything."""
    black = np.zeros((50, 60, 3), np.uint8)
    search = find_near(picture_table({"a": black, "b": black + 3, "c": scene(1)}))
    assert (search.pairs.height, search.flat, search.compared) == (0, 2, 1)


def test_no_pictures_give_no_pairs() -> None:
    """With the columns that a search has."""
    search = find_near(picture_table({"a": scene(1)}).clear())
    assert search.pairs.is_empty()
    assert search.pairs.columns == find_near(picture_table({"a": scene(1), "b": scene(1)})).pairs.columns


@pytest.mark.parametrize(
    ("distances", "threshold"),
    [
        ([], 0.09),
        ([0.0, 0.01, 0.3, 0.4], 0.09),
        ([0.0, 0.095, 0.099, 0.3], 0.07),
        ([0.06, 0.065, 0.3], 0.09),
        ([0.055, 0.085, 0.3], 0.11),
    ],
)
def test_the_threshold_lies_where_the_histogram_is_emptiest(distances: list[float], threshold: float) -> None:
    """Near 0.09 without other evidence, never below 0.05 or above 0.13."""
    pairs = pl.DataFrame(
        {
            "group_id": [f"a{number}" for number in range(len(distances))],
            "other_group": [f"b{number}" for number in range(len(distances))],
            "distance": distances,
        },
        schema={"group_id": pl.String, "other_group": pl.String, "distance": pl.Float64},
    )
    histogram = count_distances(pairs)
    assert histogram["pairs"].sum() == len(distances)
    assert choose_threshold(histogram) == threshold


def test_the_tables_state_pairs_and_histogram() -> None:
    """A given threshold overrules the rule; the histogram shows which bins are near."""
    pictures = {"a/1": scene(1), "b/1": encode(scene(1), 50), "a/2": scene(2)}
    thumbnails = picture_table(pictures).drop("group_id")
    members = picture_table(pictures).select("sample_id", "group_id", source=pl.col("sample_id").str.head(1))
    near, histogram = near_tables(members, thumbnails, None)
    assert near.select("pair_id", "source", "other_source", "same_source").rows() == [("a/1|b/1", "a", "b", False)]
    assert near_threshold(histogram) == 0.09
    near, histogram = near_tables(members, thumbnails, 0.0)
    assert (near.height, histogram["near"].sum()) == (0, 0)
