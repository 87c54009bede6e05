"""The search finds what comparing everything finds, within its caps."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.duplicates import hash_search
from medmultipoints.transforms.duplicates.all_pairs import NEAREST, Hashes, Numbers
from medmultipoints.transforms.duplicates.hash_search import HashPairs, join_hashes, plan_bands

radii = st.integers(0, 10)


def find_pairs(hashes: Hashes, groups: Numbers, radius: int) -> HashPairs:
    """The pairs within one table."""
    return join_hashes(hashes, groups, hashes, groups, radius, itself=True)


@pytest.fixture(scope="module", autouse=True, params=[hash_search.FEW_COMPARISONS, 0], ids=["few", "many"])
def _rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test holds for few rows, all pairs of which are compared, and for many, which are looked up by bands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hash_search, "FEW_COMPARISONS", request.param)
        yield


def expected(
    queries: Hashes, query_groups: Numbers, index: Hashes, index_groups: Numbers, radius: int
) -> set[tuple[int, int, int]]:
    bits = np.bitwise_count(queries[:, None] ^ index[None])
    near = (bits <= radius) & (query_groups[:, None] != index_groups[None])
    return {(int(i), int(j), int(bits[i, j])) for i, j in zip(*np.nonzero(near), strict=True)}


def found(pairs: hash_search.HashPairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.query.tolist(), pairs.index.tolist(), pairs.bits.tolist(), strict=True))


def clustered(seed: int, clusters: int, size: int, flips: int) -> Hashes:
    """Hashes that differ from the centre of their cluster in up to ``flips`` bits."""
    rng = np.random.default_rng(seed)
    hashes = np.repeat(rng.integers(0, 2**64, clusters, dtype=np.uint64), size)
    for _ in range(flips):
        hashes ^= np.uint64(1) << rng.integers(0, 64, len(hashes)).astype(np.uint64)
    return hashes


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(0, 8), radii)
def test_every_near_pair_is_found_once(seed: int, clusters: int, flips: int, radius: int) -> None:
    """Each hash a group of its own; clusters are smaller than the cap."""
    hashes = clustered(seed, clusters, 5, flips)
    groups = np.arange(len(hashes))
    pairs = found(find_pairs(hashes, groups, radius))
    assert pairs == sorted(pair for pair in expected(hashes, groups, hashes, groups, radius) if pair[0] < pair[1])


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(0, 8), radii)
def test_two_tables_are_joined(seed: int, clusters: int, flips: int, radius: int) -> None:
    """Groups of two rows; the pairs of equal groups are left out."""
    queries, index = clustered(seed, clusters, 4, flips), clustered(seed, clusters, 4, flips + 1)
    groups = np.arange(len(queries)) // 2
    pairs = found(join_hashes(queries, groups, index, groups, radius))
    assert pairs == sorted(expected(queries, groups, index, groups, radius))


@pytest.mark.parametrize("radius", [0, 3, 6, 8])
@pytest.mark.parametrize("size", [100, 100_000, 3_000_000])
def test_bands_can_miss_nothing(radius: int, size: int) -> None:
    """They cut all 64 bits, and more differences than their flips allow are more than the radius."""
    bands = plan_bands(size, size, radius)
    assert sum(band.width for band in bands) == 64
    assert [band.shift for band in bands] == [
        sum(other.width for other in bands[:place]) for place in range(len(bands))
    ]
    assert sum(band.flips + 1 for band in bands) > radius


def test_frames_of_a_video_are_one_group() -> None:
    """Twenty videos of 300 frames within 4 bits of each other, and one frame that another video shares."""
    hashes, groups = clustered(3, 20, 300, 2), np.repeat(np.arange(20), 300)
    assert found(find_pairs(hashes, groups, 6)) == []
    hashes[301] = hashes[5 * 300 + 7]
    pairs = find_pairs(hashes, groups, 6)
    assert (301, 1507, 0) in found(pairs)
    assert {(1, 5)} == {(int(groups[i]), int(groups[j])) for i, j in zip(pairs.query, pairs.index, strict=True)}


@pytest.mark.slow
def test_of_two_videos_that_look_alike_the_nearest_pairs_are_kept() -> None:
    """By bits, then by row: the same as sorting all pairs."""
    hashes, groups = clustered(4, 1, 600, 3), np.repeat(np.arange(3), 200)
    pairs = find_pairs(hashes, groups, 6)
    every = expected(hashes, groups, hashes, groups, 6)
    for own, other in ((0, 1), (0, 2), (1, 2)):
        between = [p for p in every if (groups[p[0]], groups[p[1]]) == (own, other)]
        nearest = sorted(sorted(between, key=lambda pair: (pair[2], pair))[:NEAREST])
        assert nearest == [p for p in found(pairs) if (groups[p[0]], groups[p[1]]) == (own, other)]


def test_single_pictures_that_all_look_alike_are_each_linked_to_some() -> None:
    """3,000 equal hashes: every row is linked, no row to all."""
    hashes = np.full(3000, 7, np.uint64)
    pairs = find_pairs(hashes, np.arange(3000), 6)
    assert set(pairs.query.tolist()) | set(pairs.index.tolist()) == set(range(3000))
    assert np.bincount(pairs.query).max() == NEAREST


def test_where_there_are_too_many_alike_rows_representatives_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is lowered here; the search says that it was cut, and each video is still linked to another."""
    monkeypatch.setattr(hash_search, "MOST_COMPARISONS", 0)
    monkeypatch.setattr(hash_search, "LOOKUP_COST", 10**9)
    monkeypatch.setattr(hash_search, "AT_ONCE", 1000)
    hashes, groups = clustered(4, 1, 2000, 2), np.repeat(np.arange(20), 100)
    pairs = find_pairs(hashes, groups, 6)
    assert pairs.method == "capped"
    assert {int(groups[row]) for row in (*pairs.query, *pairs.index)} == set(range(20))


def test_no_hashes_give_no_pairs() -> None:
    none = np.empty(0, np.uint64)
    assert found(find_pairs(none, np.empty(0, np.int64), 6)) == []
