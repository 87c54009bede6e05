"""Select the regions that a box policy uses.

Policy ``published`` uses the source's boxes, in the source's convention, and tracks. Policy ``audited`` uses the
strongest evidence of each object: a mask or an outline before a box in a declared frame, and tracks. A box without a
declared frame (``source``) is not used. Every policy uses boxes from reviewers (``correction``).
"""

from collections.abc import Mapping
from typing import Literal

import polars as pl

Policy = Literal["published", "audited"]
EVIDENCE: dict[Policy, tuple[str, ...]] = {
    "published": ("source", "box", "track", "correction"),
    "audited": ("correction", "mask", "polygon", "track", "box"),
}
"""The evidence that each policy uses; for ``audited`` the strongest first."""

STRENGTH = {"correction": 0, "mask": 0, "polygon": 0, "track": 0, "box": 1, "source": 1}
"""How the evidence of an image compares with that of its copy: shapes and tracks (0) are stronger than boxes (1)."""


def select_regions(regions: pl.DataFrame, policy: Policy, own: Mapping[str, Policy] | None = None) -> pl.DataFrame:
    """Return the regions whose evidence the policy uses; under ``audited`` the strongest of each object.

    ``own``: policies by source that override the recipe's policy.
    """
    if not own:
        return _select(regions, policy)
    source = pl.col("sample_id").str.split("/").list.first()
    parts = [_select(regions.filter(source == name), chosen) for name, chosen in sorted(own.items())]
    return pl.concat([_select(regions.filter(~source.is_in(sorted(own))), policy), *parts])


def _select(regions: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    chosen = regions.filter(pl.col("evidence").is_in(EVIDENCE[policy]))
    if policy == "published":
        return chosen
    order = {evidence: place for place, evidence in enumerate(EVIDENCE[policy])}
    rank = pl.col("evidence").replace_strict(order, return_dtype=pl.Int64)
    strongest = rank == rank.min().over("sample_id", "object_key")
    return chosen.filter(pl.col("object_key").is_null() | strongest)
