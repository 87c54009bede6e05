"""Which findings wait for a decision."""

import polars as pl

from medmultipoints.transforms.audit.findings import note_elsewhere, to_decide

FINDINGS = pl.DataFrame(
    [("s/a", "error"), ("s/b", "error"), ("s/a", "info"), ("s/a", "warning"), ("s/b", "info")],
    schema=["sample_id", "severity"],
    orient="row",
)


def test_only_doubts_about_released_images_can_be_decided() -> None:
    """The others are counted apart: no reviewer is shown them."""
    released = pl.DataFrame({"sample_id": ["s/a", "s/a", "s/c"]})
    assert to_decide(FINDINGS, released).rows() == [("s/a", "error"), ("s/a", "warning")]
    assert note_elsewhere(FINDINGS, released) == " (1 more about pictures that are not released: see the quarantine)"
    everything = pl.DataFrame({"sample_id": ["s/a", "s/b"]})
    assert to_decide(FINDINGS, everything).height == 3
    assert note_elsewhere(FINDINGS, everything) == ""
