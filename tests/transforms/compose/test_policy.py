"""Which evidence of an object a box policy takes."""

import polars as pl
import pytest

from medmultipoints.transforms.compose.policy import Policy, select_regions

ROWS = [
    ("a/1", "x#0", "box"),
    ("a/1", "x#0", "polygon"),
    ("a/1", "x#1", "box"),
    ("a/1", None, "source"),
    ("a/1", None, "mask"),
    ("b/1", "x#0", "box"),
    ("b/1", "x#0", "mask"),
    ("b/1", "x#2", "track"),
]
REGIONS = pl.DataFrame(ROWS, schema=["sample_id", "object_key", "evidence"], orient="row")


@pytest.mark.parametrize(
    ("policy", "own", "expected"),
    [
        ("audited", {}, {1, 2, 4, 6, 7}),
        ("published", {}, {0, 2, 3, 5, 7}),
        ("audited", {"b": "published"}, {1, 2, 4, 5, 7}),
        ("published", {"b": "audited"}, {0, 2, 3, 6, 7}),
    ],
)
def test_audited_takes_the_strongest_of_each_object_and_published_the_boxes(
    policy: Policy, own: dict[str, Policy], expected: set[int]
) -> None:
    assert {ROWS[place] for place in expected} == set(select_regions(REGIONS, policy, own).rows())
