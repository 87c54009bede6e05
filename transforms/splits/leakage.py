"""Certify leakage: list the pictures that splits share, and what could not be checked.

The certificate depends only on the released pictures and their rows, so that anyone can recompute it. Near-duplicates
are searched between all videos and single pictures, not between the groups of the release, because it must show that
the groups keep them together.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from medmultipoints.transforms.columns.ranges import key_parts
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.duplicates.candidates import RADIUS
from medmultipoints.transforms.duplicates.near import NearSearch, count_distances, find_near
from medmultipoints.transforms.pictures.thumbnails import Album, album_of
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.groups import ALONE
from medmultipoints.transforms.splits.joined import KINDS, count_pairs, describe_joins
from medmultipoints.transforms.splits.official import official_of

SHOWN = 20
LARGEST = 10
HASHES = ("image_sha256", "stored_sha256", "luma_blake3")
COLUMNS = column_names("released_images", "certified")
SHARED = {
    "groups": ("group_id",),
    "videos": ("source", "video_id"),
    "files": ("image_sha256",),
    "stored_files": ("stored_sha256",),
    "pixels": ("luma_blake3",),
    "images": ("sample_id",),
}
"""What splits must not share, with the columns that identify it."""

Certificate = dict[str, Any]


def certify(
    images: pl.DataFrame | pl.LazyFrame,
    thumbnails: pl.DataFrame | Album,
    threshold: float,
    joins: pl.DataFrame,
    text: Mapping[str, int],
) -> Certificate:
    """Return the certificate as plain values, independent of the row order.

    ``images`` has the ``COLUMNS``, one row per image and split; ``thumbnails``: sample_id and thumbnail;
    ``threshold``: the distance below which pictures are near-duplicates; ``joins``: pairs of one examination, frame
    or day; ``text``: number of pictures by state of their text.
    """
    table = images.lazy().select(COLUMNS)
    rows = _distinct(table)
    search = find_near(_pictures(rows), album_of(thumbnails))
    pairs = _place(search.pairs, table)
    near = pairs.filter(pl.col("distance") < threshold)
    duplicates, joined = _near_duplicates(near), describe_joins(rows, joins, text)
    return {
        "format": 1,
        "leaks": count_shared(table) | {"near_duplicates": duplicates["across_splits"]} | joined["across_splits"],
        "splits": _splits(rows),
        "groups": _groups(rows),
        "near_duplicates": duplicates,
        "examinations": joined,
        "official_splits": _official(table, near),
        "nearest_across_splits": _nearest(pairs),
        "distances": [list(row) for row in count_distances(search.pairs).filter(pl.col("pairs") > 0).iter_rows()],
        "search": _describe(search, threshold),
        "checked": _checked(rows, any(joined["pairs"].values())),
        "not_checked": _not_checked(rows, search),
    }


def count_places(images: pl.DataFrame) -> dict[str, Any]:
    """Return the part of the certificate that needs no pictures: images and groups per split, sizes of groups."""
    rows = _distinct(images.lazy().select(COLUMNS))
    return {"splits": _splits(rows), "groups": _groups(rows)}


def _distinct(table: pl.LazyFrame) -> pl.DataFrame:
    """Return the distinct rows by sample_id and split; 64 bits represent the hashes, which would take gigabytes."""
    rows = table.with_columns(files=pl.struct(HASHES).hash()).drop(HASHES).collect(engine="streaming")
    return rows if _increases(rows["sample_id"]) else rows.unique().sort("sample_id", "split")


def _increases(names: pl.Series) -> bool:
    """Return whether each name is larger than the one before: none occurs twice."""
    return bool((names > names.shift(1)).all())


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the first row of each sample_id."""
    return rows if _increases(rows["sample_id"]) else rows.unique("sample_id", keep="first", maintain_order=True)


def find_leaks(certificate: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each kind of leak in a certificate; empty if splits share nothing."""
    nearest = certificate["nearest_across_splits"]
    example = f", such as {nearest[0]['sample_id']} and {nearest[0]['other_id']}" if nearest else ""
    pairs = {kind: f"of the {kind.replace('_', ' ')}" for kind in KINDS} | {"near_duplicates": "of near-duplicates"}
    found = []
    for name, count in certificate["leaks"].items():
        verb = "is" if count == 1 else "are"
        if count and name in pairs:
            end = example if name == "near_duplicates" else ""
            found.append(
                f"{plural(count, f'pair {pairs[name]}', f'pairs {pairs[name]}')} {verb} in different splits{end}"
            )
        elif count:
            noun = "decoded picture" if name == "pixels" else name.replace("_", " ").removesuffix("s")
            found.append(f"{plural(count, noun)} {verb} in more than one split")
    return found


def _pictures(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct sample_ids, each with its video or picture."""
    own = pl.format("image:{}", "sample_id")
    video = pl.format("video:{}/{}", "source", "video_id")
    base = pl.when(pl.col("video_id").is_null()).then(own).otherwise(video)
    return _once(rows).select("sample_id", group_id=base)


def _place(pairs: pl.DataFrame, table: pl.LazyFrame) -> pl.DataFrame:
    """Return the pairs with the splits and groups of both images, the nearest first."""
    named = pl.concat([pairs.select("sample_id"), pairs.select(sample_id="other_id")]).lazy()
    own = table.join(named, on="sample_id", how="semi").collect(engine="streaming").unique()
    facts = own.select("sample_id", "image_sha256", "split", group="group_id")
    other = facts.rename({name: f"other_{name}" for name in facts.columns}).rename({"other_sample_id": "other_id"})
    placed = pairs.select("sample_id", "other_id", "hash_distance", "distance", "evidence")
    return (
        placed.join(facts, on="sample_id")
        .join(other, on="other_id")
        .with_columns(apart=pl.col("split") != pl.col("other_split"))
        .with_columns(one_group=pl.col("group") == pl.col("other_group"))
        .sort("distance", "sample_id", "other_id", "split", "other_split")
    )


def count_shared(images: pl.DataFrame | pl.LazyFrame) -> dict[str, int]:
    """Return the numbers of groups, videos, files, pixels and images in more than one split."""
    return {name: _spread(images.lazy(), columns) for name, columns in SHARED.items()}


def _spread(rows: pl.LazyFrame, columns: tuple[str, ...]) -> int:
    """Return the number of values in more than one split."""
    given = rows.drop_nulls(columns).select("split", key=pl.struct(columns) if len(columns) > 1 else pl.col(*columns))
    parts = key_parts(given.select(pl.len()).collect(engine="streaming").item())
    pairs = (given.filter(own).unique().group_by("key").len() for own in parts)
    return sum(part.filter(pl.col("len") > 1).collect(engine="streaming").height for part in pairs)


def _official(table: pl.LazyFrame, near: pl.DataFrame) -> list[dict[str, Any]]:
    """Return, by source, what the authors' official splits would share, even if they are not used."""
    given = _once(table.drop_nulls("official_split").collect(engine="streaming").sort("sample_id", "split"))
    stated = given.select("sample_id", "source", "official_split")
    other = stated.select(other_id="sample_id", other_source="source", other_official="official_split")
    pairs = near.join(stated, on="sample_id").join(other, on="other_id")
    apart = pairs.filter(
        pl.col("source") == pl.col("other_source"), pl.col("official_split") != pl.col("other_official")
    )
    found = []
    for (source,), own in sorted(given.partition_by("source", as_dict=True).items()):
        assigned = own.with_columns(split="official_split").lazy()
        found.append(
            {
                "source": source,
                "images": own.height,
                "images_elsewhere": own.filter(official_of("split") != pl.col("official_split")).height,
                "leaks": {name: _spread(assigned, SHARED[name]) for name in ("groups", "videos", "pixels")}
                | {"near_duplicates": count_pairs(apart.filter(pl.col("source") == source))},
            }
        )
    return found


def _splits(rows: pl.DataFrame) -> list[dict[str, Any]]:
    counted = rows.group_by("split").agg(images=pl.len(), groups=pl.col("group_id").n_unique())
    return counted.sort("split").to_dicts()


def _groups(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the number of groups, their sizes in doubling bins, and the largest ones."""
    sizes = rows.group_by("group_id", "split").len("images").sort(["images", "group_id"], descending=[True, False])
    power = (pl.col("images").cast(pl.Float64).log(2) + 1e-9).floor().cast(pl.Int64)
    bins = sizes.group_by(power.alias("power")).len("groups").sort("power")
    return {
        "count": sizes["group_id"].n_unique(),
        "sizes": [
            {"images_from": 2**power, "images_to": 2 ** (power + 1) - 1, "groups": count}
            for power, count in bins.iter_rows()
        ],
        "largest": sizes.filter(pl.col("images") > 1).head(LARGEST).to_dicts(),
    }


def _nearest(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the nearest pairs of pictures in different splits."""
    names = ("sample_id", "other_id", "image_sha256", "other_image_sha256", "split", "other_split")
    measures = ("hash_distance", "distance", "evidence")
    return pairs.filter(pl.col("apart")).head(SHOWN).select(*names, *measures).to_dicts()


def _near_duplicates(near: pl.DataFrame) -> dict[str, int]:
    within, across = near.filter(pl.col("one_group")), near.filter(pl.col("apart"))
    return {"pairs": count_pairs(near), "in_one_group": count_pairs(within), "across_splits": count_pairs(across)}


def _describe(search: NearSearch, threshold: float) -> dict[str, Any]:
    return {
        "threshold": threshold,
        "radius_bits": RADIUS,
        "pictures_compared": search.compared,
        "pictures_too_even_to_compare": search.flat,
        "complete": search.method != "capped",
    }


def _checked(rows: pl.DataFrame, joined: bool) -> list[str]:
    """Return phrases for everything that was checked."""
    checked = []
    for source, videos, without in _videos(rows):
        if videos:
            verb = "is" if without == 1 else "are"
            still = f"; {without:,} of its images {verb} of no video" if without else ""
            whose = "its" if videos == 1 else "their"
            checked.append(f"{source}: {plural(videos, 'video')}, and so {whose} participants{still}")
    pictures = (
        "pictures that are copies but for encoding, size, brightness, a crop of some per cent or left and right: all "
        f"whose 64-bit hashes come within {RADIUS} bits of another's were compared with it"
    )
    joins = "pairs of one examination, frame or day that burned-in text or keypoints prove" if joined else None
    plain = "groups of images, source files, stored files and decoded pixels"
    return [*checked, plain, pictures, *filter(None, [joins])]


def _not_checked(rows: pl.DataFrame, search: NearSearch) -> list[str]:
    """Return phrases for everything that could not be checked."""
    alone = _once(rows).group_by("source").agg(ALONE.sum())
    missing = [
        f"{source}: {plural(without, 'image carries', 'images carry')} no patient and no video id, so each picture "
        "is its own group; pictures of one patient that do not look alike may be in different splits"
        for source, without in alone.sort("source").iter_rows()
        if without
    ]
    if search.flat:
        missing.append(f"{plural(search.flat, 'picture is', 'pictures are')} too even to be compared with others")
    if search.method == "capped":
        missing.append("so many pictures look alike that not every pair was compared")
    return [*missing, "larger crops, rotated pictures, and other views of the same finding are not recognised"]


def _videos(rows: pl.DataFrame) -> list[tuple[str, int, int]]:
    """Return, for each source, the number of videos and of images without a video."""
    counted = (
        _once(rows)
        .group_by("source")
        .agg(videos=pl.col("video_id").drop_nulls().n_unique(), without=pl.col("video_id").is_null().sum())
    )
    return list(counted.sort("source").iter_rows())
