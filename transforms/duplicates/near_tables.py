"""Build the tables of near-duplicates: the pairs, and the histogram for choosing the threshold."""

import polars as pl

from medmultipoints.transforms.duplicates.near import choose_threshold, count_distances, find_near


def near_tables(
    members: pl.DataFrame, thumbnails: pl.DataFrame, threshold: float | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables ``near_duplicates`` and ``near_distances``.

    ``members``: sample_id, source and group_id of the images; ``threshold``: the distance below which pictures are
    near-duplicates; None chooses it from the histogram.
    """
    pairs = find_near(members.select("sample_id", "group_id").join(thumbnails, on="sample_id", validate="1:1")).pairs
    histogram = count_distances(pairs)
    limit = choose_threshold(histogram) if threshold is None else threshold
    sources = members.select("sample_id", "source")
    near = (
        pairs.filter(pl.col("distance") < limit)
        .join(sources, on="sample_id")
        .join(sources.rename({"sample_id": "other_id", "source": "other_source"}), on="other_id")
        .with_columns(
            pair_id=pl.format("{}|{}", "sample_id", "other_id"), same_source=pl.col("source") == pl.col("other_source")
        )
    )
    return near, histogram.with_columns(near=pl.col("at_least") < limit)


def near_threshold(histogram: pl.DataFrame) -> float:
    """Return the threshold recorded in ``near_distances``: the upper edge of its last near bin."""
    return int(histogram["near"].sum()) / 100
