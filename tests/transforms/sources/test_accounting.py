"""The check that no reader loses a member."""

import pytest

from medmultipoints.transforms.records import Exclusion, Indexed, Sample
from medmultipoints.transforms.sources.accounting import AccountingError, assemble, check_members
from tests.members import MemoryMembers

MEMBERS = MemoryMembers({"a.jpg": b"", "b.jpg": b"", "boxes.json": b""})
SAMPLE = Sample(source="s", stem="a", image_member="a.jpg", organ="o", finding="f", classification="c")


def gone(key: str) -> Exclusion:
    return Exclusion(source="s", key=key, verdict="dropped", reason="r", detail="d")


def test_used_members_exclusions_and_annotation_entries_add_up() -> None:
    check_members(MEMBERS, assemble([SAMPLE], ["boxes.json"], [gone("b.jpg"), gone("boxes.json#c")]))


@pytest.mark.parametrize(
    ("indexed", "fault"),
    [
        (Indexed((), frozenset({"a.jpg", "boxes.json"}), ()), "neither used nor excluded: b.jpg"),
        (Indexed((), frozenset(MEMBERS.files), (gone("b.jpg"),)), "both used and excluded: b.jpg"),
        (Indexed((), frozenset({"a.jpg", "boxes.json"}), (gone("b.jpg"),) * 2), "excluded twice: b.jpg"),
        (Indexed((), frozenset(MEMBERS.files) | {"c"}, ()), "do not exist: c"),
        (Indexed((), frozenset(MEMBERS.files), (gone("x#y"),)), "do not exist: x#y"),
        (Indexed((SAMPLE,), frozenset({"boxes.json"}), (gone("a.jpg"), gone("b.jpg"))), "not counted as used: a.jpg"),
        (Indexed((SAMPLE,) * 2, frozenset(MEMBERS.files), ()), "occur twice: s/a"),
    ],
)
def test_each_gap_is_named(indexed: Indexed, fault: str) -> None:
    with pytest.raises(AccountingError, match=fault):
        check_members(MEMBERS, indexed)
