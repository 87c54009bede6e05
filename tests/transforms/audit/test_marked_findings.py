"""What reviewers did, marked on the findings that it is about and on no others."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.audit.corrections import CorrectionProblem, match_corrections
from medmultipoints.transforms.audit.decisions import Correction
from medmultipoints.transforms.audit.findings import FINDINGS
from medmultipoints.transforms.audit.marked_findings import mark_findings

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
SHA = b"a".hex().ljust(64, "0")
ONE, TWO = (10.0, 10.0, 30.0, 30.0), (50.0, 40.0, 70.0, 60.0)
INSTRUMENT = (0.0, 0.0, 20.0, 9.0)
WHO = {"where": "a.toml, [[corrections]] 1", "reason": "seen", "reviewer": "A. B.", "date": "2026-11-21"}
PINNED = {"object": f"{SHA}:polyps:0", "box": ONE}
GIVEN = (
    ("shifted", "warning", "polyps", ONE, (13.0, 13.0, 30.0, 30.0)),
    ("phantom", "error", "polyps", TWO, (52.0, 44.0, 55.0, 50.0)),
    ("extra", "error", "polyps", None, (9.0, 9.0, 30.0, 30.0)),
    ("missing", "error", "instrument", INSTRUMENT, None),
    ("dark", "warning", "", None, None),
    ("speck", "info", "polyps", ONE, None),
)


def marked(make_table: MakeTable, action: Any, **changes: Any) -> pl.DataFrame:
    """The findings of an image with two polyps and an instrument, and of another image, after one decision."""
    boxes = [("polyps", 0, ONE), ("polyps", 1, TWO), ("instrument", 0, INSTRUMENT)]
    regions = make_table(
        "regions",
        [
            {"sample_id": "s/a", "evidence": "mask", "label": label, "index": index}
            | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
            for label, index, box in boxes
        ],
    )
    entry = Correction(**{"image": "s/a", "image_sha256": SHA, "action": action} | WHO | changes)
    labels = {"polyps": "polyps", "instrument": "instrument"}
    images = make_table("images", [{"sample_id": "s/a"}, {"sample_id": "s/b"}])
    corrections = match_corrections([entry], images, regions, policy="audited", labels=labels)
    rows = [
        dict.fromkeys(FINDINGS)
        | {"sample_id": name, "kind": kind, "severity": severity, "label": label, "action": "x"}
        | {"derived_box": derived, "source_box": stated}
        for name in ("s/a", "s/b")
        for kind, severity, label, derived, stated in GIVEN
    ]
    found = mark_findings(pl.DataFrame(rows, schema=FINDINGS), corrections, regions)
    assert set(found.filter(sample_id="s/b")["action"]) == {"x"}
    return found.filter(pl.col("action") != "x")


@pytest.mark.parametrize(
    ("action", "changes", "kinds"),
    [
        ("exclude", {}, ["shifted", "phantom", "extra", "missing", "dark"]),
        ("exclude", PINNED, ["shifted", "extra"]),
        ("set_label", PINNED | {"label": "instrument"}, ["shifted", "extra"]),
        ("set_label", {"label": "instrument"}, ["shifted", "phantom", "extra", "missing"]),
        ("replace_boxes", PINNED | {"label": "polyps", "boxes": (TWO,)}, ["shifted", "extra"]),
        ("replace_boxes", {"label": "polyps", "boxes": (TWO,)}, ["shifted", "phantom", "extra"]),
        ("replace_boxes", {"label": "instrument", "boxes": (TWO,)}, ["missing"]),
    ],
)
def test_only_what_a_correction_is_about_is_corrected(
    make_table: MakeTable, action: str, changes: dict[str, Any], kinds: list[str]
) -> None:
    found = marked(make_table, action, **changes)
    assert found["kind"].to_list() == kinds
    assert set(found["severity"]) == {"info"}
    assert set(found["action"]) == {f"corrected: {action} by A. B., 2026-11-21: seen"}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"kind": "phantom"}, ["phantom"]),
        ({}, [row[0] for row in GIVEN]),
        ({"label": "instrument"}, ["missing"]),
        ({"kind": "phantom", "label": "polyps"}, ["phantom"]),
    ],
)
def test_an_accepted_finding_is_harmless_and_says_who_accepted_it(
    make_table: MakeTable, changes: dict[str, str], kinds: list[str]
) -> None:
    found = marked(make_table, "accept", **changes)
    assert found["kind"].to_list() == kinds
    assert set(found["severity"]) == {"info"}
    assert set(found["action"]) == {"accepted by A. B., 2026-11-21: seen"}


def test_an_accept_without_a_finding_is_refused(make_table: MakeTable) -> None:
    with pytest.raises(CorrectionProblem, match="s/a has no finding teleport"):
        marked(make_table, "accept", kind="teleport")
    with pytest.raises(CorrectionProblem, match="s/a has no finding phantom of instrument"):
        marked(make_table, "accept", kind="phantom", label="instrument")
