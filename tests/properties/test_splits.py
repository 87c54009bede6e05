"""Splits for any mix of sources, videos and shares."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.splits.assign import PRECEDENCE, assign_splits

SAMPLES = dict.fromkeys(("sample_id", "source", "group", "video_id", "official_split", "person"), pl.String)
NO_COPIES = pl.DataFrame(schema={"sample_id": pl.String, "kept_id": pl.String})
SPLITS = ("train", "validation", "test")

group_sizes = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(st.integers(1, 12), min_size=1, max_size=25), min_size=1
)
shares = st.lists(st.integers(1, 20), min_size=1, max_size=3).map(
    lambda weights: {split: weight / sum(weights) for split, weight in zip(SPLITS, weights, strict=False)}
)
seeds = st.integers(0, 2**32)


def corpus(sizes: dict[str, list[int]]) -> pl.DataFrame:
    """One video per size; videos of one frame are pictures."""
    rows = [
        (f"{source}/{video}_{frame}", source, None, None if size == 1 else str(video), None, None)
        for source, videos in sizes.items()
        for video, size in enumerate(videos)
        for frame in range(size)
    ]
    return pl.DataFrame(rows, schema=SAMPLES, orient="row")


def split(samples: pl.DataFrame, fractions: dict[str, float], seed: int) -> pl.DataFrame:
    return assign_splits(samples, samples, NO_COPIES, fractions=fractions, seed=seed)


@given(group_sizes, shares, seeds)
def test_every_image_is_in_one_split_with_its_whole_group(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int
) -> None:
    samples = corpus(sizes)
    found = split(samples, fractions, seed)
    assert found["sample_id"].to_list() == samples["sample_id"].sort().to_list()
    assert found.group_by("group_id").agg(pl.col("split").n_unique())["split"].eq(1).all()
    assert set(found["split"]) <= set(fractions)


@given(group_sizes, shares, seeds, st.integers(0, 1000))
def test_neither_row_order_nor_the_order_of_shares_matters(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int, shuffle: int
) -> None:
    samples = corpus(sizes)
    shuffled = samples.sample(fraction=1, shuffle=True, seed=shuffle)
    backwards = dict(reversed(fractions.items()))
    assert split(shuffled, backwards, seed).equals(split(samples, fractions, seed))


@given(group_sizes, shares, seeds)
def test_shares_of_each_source_are_met_within_one_group(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int
) -> None:
    """Never more than one group too much; never more than one too little where each share is at least one group."""
    found = split(corpus(sizes), fractions, seed)
    for source, videos in sizes.items():
        own = found.filter(pl.col("sample_id").str.starts_with(f"{source}/"))
        largest, total = max(videos), sum(videos)
        for name, fraction in fractions.items():
            excess = own.filter(pl.col("split") == name).height - fraction * total
            assert excess <= largest + 1e-6
            if min(fractions.values()) * total >= largest:
                assert excess >= -largest - 1e-6


@given(group_sizes, shares, seeds)
def test_a_source_with_enough_groups_is_in_every_split(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int
) -> None:
    found = split(corpus(sizes), fractions, seed)
    for source, videos in sizes.items():
        own = found.filter(pl.col("sample_id").str.starts_with(f"{source}/"))
        assert own["split"].n_unique() >= min(len(videos), len(fractions))


@given(group_sizes, shares, seeds)
def test_one_source_does_not_move_the_images_of_another(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int
) -> None:
    found = split(corpus(sizes), fractions, seed)
    alone = [split(corpus({source: videos}), fractions, seed) for source, videos in sizes.items()]
    assert pl.concat(alone).sort("sample_id").equals(found)


links = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=12)


def join(samples: pl.DataFrame, pairs: list[tuple[int, int]]) -> pl.DataFrame:
    """Near-duplicate pairs among the samples."""
    ids = samples["sample_id"].to_list()
    rows = [(ids[one % len(ids)], ids[other % len(ids)]) for one, other in pairs]
    return pl.DataFrame(rows, schema={"sample_id": pl.String, "other_id": pl.String}, orient="row")


def strata_of(samples: pl.DataFrame, labels: int) -> pl.DataFrame:
    """Each image has one of some labels, by its place."""
    return samples.select("sample_id", stratum=pl.format("label {}", pl.int_range(pl.len()) % labels))


@given(group_sizes, shares, seeds, links, st.integers(1, 4))
def test_whatever_is_joined_is_in_one_split(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int, pairs: list[tuple[int, int]], labels: int
) -> None:
    """Videos, and near-duplicates of any source."""
    samples = corpus(sizes)
    near, strata = join(samples, pairs), strata_of(samples, labels)
    found = assign_splits(
        samples, samples, NO_COPIES, fractions=fractions, seed=seed, near=near, strata=lambda _: strata
    )
    place = dict(found.select("sample_id", "split").iter_rows())
    assert all(place[one] == place[other] for one, other in near.iter_rows())
    videos = found.join(samples, on="sample_id").drop_nulls("video_id").group_by("source", "video_id")
    assert videos.agg(pl.col("split").n_unique())["split"].eq(1).all()


@given(group_sizes, shares, seeds, st.integers(1, 4))
def test_strata_do_not_spoil_the_shares(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int, labels: int
) -> None:
    """No split has more than its share and one group, none less than its share without one group."""
    samples = corpus(sizes)
    found = assign_splits(
        samples, samples, NO_COPIES, fractions=fractions, seed=seed, strata=lambda _: strata_of(samples, labels)
    )
    for source, videos in sizes.items():
        own = found.filter(pl.col("sample_id").str.starts_with(f"{source}/"))
        for name, fraction in fractions.items():
            excess = own.filter(pl.col("split") == name).height - fraction * sum(videos)
            assert excess <= max(videos) + 1e-6
            if min(fractions.values()) * sum(videos) >= max(videos):
                assert excess >= -max(videos) - 1e-6


@given(group_sizes, group_sizes, shares, seeds, links)
def test_known_images_move_only_to_join_others_and_then_to_the_safer_split(
    sizes: dict[str, list[int]],
    more: dict[str, list[int]],
    fractions: dict[str, float],
    seed: int,
    pairs: list[tuple[int, int]],
) -> None:
    """A first release, then more images and new near-duplicates."""
    first = split(corpus(sizes), fractions, seed)
    grown = {source: sizes.get(source, []) + more.get(source, []) for source in sizes.keys() | more.keys()}
    samples = corpus(grown)
    near = join(samples, pairs)
    found = assign_splits(samples, samples, NO_COPIES, fractions=fractions, seed=seed, near=near, previous=first)
    both = found.join(first.select("sample_id", before="split"), on="sample_id")
    order = {name: place for place, name in enumerate(PRECEDENCE)}
    for _, group in both.group_by("group_id"):
        assert group["split"].unique().to_list() == [min(group["before"], key=lambda name: order[name])]


@given(group_sizes, shares, seeds)
def test_the_same_images_with_their_own_splits_as_previous_stay(
    sizes: dict[str, list[int]], fractions: dict[str, float], seed: int
) -> None:
    """Whatever the seed of the second build."""
    samples = corpus(sizes)
    first = split(samples, fractions, seed)
    again = assign_splits(samples, samples, NO_COPIES, fractions=fractions, seed=seed + 1, previous=first)
    assert again.equals(first)
