"""Images of one patient share a group, in one source and across sources."""

import polars as pl

from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.splits.groups import find_groups


def test_groups_of_one_person_in_several_sources_are_one() -> None:
    rows = [
        ("ct/1", "ct", "p-9", "x"),
        ("ct/2", "ct", "p-9", "x"),
        ("mr/1", "mr", "p-2", "x"),
        ("mr/2", "mr", "p-1", "y"),
    ]
    rows += [("us/1", "us", None, None), ("us/2", "us", "p-9", None)]
    given = pl.DataFrame(rows, schema=["sample_id", "source", "group", "person"], orient="row")
    found = find_groups(
        given.select("sample_id", "source"),
        pl.concat([empty_frame(load_table("samples")), given], how="diagonal"),
        pl.DataFrame(schema={"sample_id": pl.String, "kept_id": pl.String}),
    )
    assert dict(found.select("sample_id", "group_id").iter_rows()) == {
        "ct/1": "group:ct/p-9",
        "ct/2": "group:ct/p-9",
        "mr/1": "group:ct/p-9",
        "mr/2": "group:mr/p-1",
        "us/1": "image:us/1",
        "us/2": "group:us/p-9",
    }
