"""Entries are gathered to decisions about findings; two reviewers agree or are in conflict."""

from typing import Any

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.review.agreement import agreements, cohens_kappa
from medmultipoints.transforms.review.decisions import (
    concerns,
    decisions_about,
    first_of_equals,
    is_conflict,
    outcome,
    pair_boxes,
)
from medmultipoints.transforms.review.entries import Entry, Seen

SHA = "a" * 64
BOXES = [Box(10, 10, 30, 30), Box(50, 40, 70, 60)]
SEEN = [Seen(object_id=f"{SHA}:polyps:{n}", label="polyps", box=box) for n, box in enumerate(BOXES)]
FINDING: dict[str, Any] = {
    "sample_id": "s/a", "kind": "phantom", "label": "polyps", "source_box": [10, 10, 30, 30], "derived_box": None,
}  # fmt: skip


def entry(action: str, reviewer: str = "A", **more: Any) -> Entry:
    return {"image": "s/a", "action": action, "reviewer": reviewer, "date": "2026-11-30", "reason": "seen", **more}


def test_an_acceptance_is_about_its_kind_its_label_and_its_box() -> None:
    assert concerns(entry("accept", kind="phantom"), FINDING)
    assert concerns(entry("accept", kind="phantom", box=[10, 10, 30, 30.5]), FINDING)
    assert not concerns(entry("accept", kind="phantom", box=[50, 40, 70, 60]), FINDING)
    assert not concerns(entry("accept", kind="missing"), FINDING)
    assert concerns(entry("accept", kind="phantom", label=FINDING["label"]), FINDING)
    assert not concerns(entry("accept", kind="phantom", label="another"), FINDING)
    assert not concerns({**entry("accept"), "image": "s/b"}, FINDING)


def test_a_correction_is_about_its_label_or_the_whole_image() -> None:
    assert concerns(entry("exclude"), FINDING)
    assert concerns(entry("exclude", object=f"{SHA}:polyps:1", box=[50, 40, 70, 60]), FINDING)
    assert not concerns(entry("add_boxes", label="instrument", boxes=[[1, 1, 2, 2]]), FINDING)


def test_the_outcome_of_entries_is_what_a_build_makes_of_them() -> None:
    first = {"object": SEEN[0].object_id, "box": [10, 10, 30, 30]}
    assert outcome(SEEN, [entry("exclude")]) is None
    assert outcome(SEEN, [entry("accept")]) == [("polyps", Box(10, 10, 30, 30)), ("polyps", Box(50, 40, 70, 60))]
    assert outcome(SEEN, [entry("exclude", **first)]) == [("polyps", Box(50, 40, 70, 60))]
    changed = [entry("set_label", label="x", **first), entry("add_boxes", label="x", boxes=[[1, 2, 3, 4]])]
    assert outcome(SEEN, changed) == [
        ("x", Box(10, 10, 30, 30)),
        ("polyps", Box(50, 40, 70, 60)),
        ("x", Box(1, 2, 3, 4)),
    ]
    assert outcome(SEEN, [entry("replace_boxes", label="polyps", boxes=[[0, 0, 9, 9]])]) == [
        ("polyps", Box(0, 0, 9, 9))
    ]


def test_an_object_is_found_by_its_box_when_it_has_another_number() -> None:
    moved = entry("exclude", object=f"{SHA}:polyps:7", box=[50, 40, 70, 60])
    assert outcome(SEEN, [moved]) == [("polyps", Box(10, 10, 30, 30))]


def test_boxes_are_paired_by_label_and_overlap_and_what_is_left_counts_as_zero() -> None:
    one = [("a", Box(0, 0, 10, 10)), ("a", Box(20, 0, 30, 10))]
    assert pair_boxes(one, [("a", Box(0, 0, 10, 5))]) == [0.5, 0.0]
    assert pair_boxes(one, [("b", Box(0, 0, 10, 10))]) == [0.0, 0.0]


def test_two_reviewers_are_in_conflict_until_one_settles_it() -> None:
    accepted = [entry("accept", kind="phantom")]
    other = [entry("exclude", "B", object=SEEN[0].object_id, box=[10, 10, 30, 30])]
    both = decisions_about(FINDING, accepted, other)
    assert [(one.reviewer, one.verdict, one.in_force) for one in both] == [
        ("A", "accept", True),
        ("B", "exclude", False),
    ]
    assert is_conflict(SEEN, both)
    same = decisions_about(FINDING, accepted, [entry("accept", "B", kind="phantom")])
    assert not is_conflict(SEEN, same)
    settled = decisions_about(FINDING, [{**accepted[0], "settles": True}], other)
    assert not is_conflict(SEEN, settled)


def test_agreement_is_kappa_count_and_overlap() -> None:
    first, second = [10, 10, 30, 30], [10, 10, 30, 28]
    pin = {"object": SEEN[0].object_id, "box": [10, 10, 30, 30], "label": "polyps"}
    pairs = [
        (entry("accept", kind="phantom"), entry("accept", "B", kind="phantom")),
        (entry("replace_boxes", boxes=[first], **pin), entry("replace_boxes", "B", boxes=[second], **pin)),
    ]
    (found,) = agreements((SEEN, decisions_about(FINDING, [one], [other])) for one, other in pairs)
    assert (found.reviewers, found.cases, found.same_verdict, found.kappa, found.same_count) == (
        ("A", "B"),
        2,
        2,
        1.0,
        2,
    )
    assert found.boxes == 4
    assert found.mean_iou == (1 + 1 + 1 + 0.9) / 4
    assert "kappa 1.00" in found.words


def test_one_edit_that_settles_many_findings_of_a_picture_is_one_case() -> None:
    """Findings without a label, such as text in a picture, are settled by every edit of its objects."""
    pin = {"object": SEEN[0].object_id, "box": [10, 10, 30, 30], "label": "polyps"}
    one, other = (entry("replace_boxes", who, boxes=[[10, 10, 30, 28]], **pin) for who in ("A", "B"))
    findings = [FINDING, *({**FINDING, "kind": kind, "label": ""} for kind in ("shows_date", "shows_clock"))]
    (found,) = agreements((SEEN, decisions_about(finding, [one], [other])) for finding in findings)
    assert (found.cases, found.same_verdict, found.same_count) == (1, 1, 1)
    assert found.boxes == 2


def test_findings_that_the_same_entries_settle_are_one_dispute_named_by_the_first() -> None:
    one, other, beside = entry("exclude"), entry("accept", "B"), entry("accept", "B", kind="phantom")
    cases = {
        "grave": decisions_about(FINDING, [one], [other]),
        "date": decisions_about({**FINDING, "kind": "shows_date", "label": ""}, [one], [other]),
        "wide": decisions_about(FINDING, [one], [other, beside]),
    }
    assert dict.fromkeys(cases, "grave") == first_of_equals(cases)
    alone = {"a": decisions_about(FINDING, [one], []), "b": decisions_about(FINDING, [other], [])}
    assert {"a": "a", "b": "b"} == first_of_equals(alone)


def test_kappa_of_known_tables() -> None:
    """20 + 15 of 50 agree, the example of Cohen's kappa that textbooks use: 0.4."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert round(cohens_kappa(pairs) or 0, 3) == 0.4
    assert cohens_kappa([("yes", "yes")] * 3) is None
