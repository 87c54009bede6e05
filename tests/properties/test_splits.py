"""Splits for any mix of sources, videos and shares."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.split import assign_splits

SAMPLES = {
    "sample_id": pl.String, "source": pl.String, "video_id": pl.String, "official_split": pl.String,
}  # fmt: skip
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
        (f"{source}/{video}_{frame}", source, None if size == 1 else str(video), None)
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
