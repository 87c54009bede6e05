"""What was drawn becomes the smallest entries that say it: untouched objects get none and keep their masks."""

import numpy as np
import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.review.entries import Drawn, Entry, Seen, Signed, accept_entry, edit_entries, tidy_box

BY = Signed(image="s/a", image_sha256="a" * 64, reviewer="A. B.", date="2026-11-30", reason="seen")
ONE = Seen(object_id=f"{'a' * 64}:polyps:0", label="polyps", box=Box(10, 10, 30, 30))
TWO = Seen(object_id=f"{'a' * 64}:polyps:1", label="polyps", box=Box(50, 40, 70.5, 60))
PART = Drawn(label="polyps", box=Box(1, 1, 2, 2), origin=ONE.object_id)
MASK = encode_rle(np.ones((4, 4), np.uint8), 3, 2, 100, 80)


def same(seen: Seen) -> Drawn:
    return Drawn(label=seen.label, box=seen.box, origin=seen.object_id, changed=False)


def edited(*drawn: Drawn) -> list[Entry]:
    entries, _ = edit_entries(BY, [ONE, TWO], drawn, (100, 80), "s-a")
    return [
        {k: v for k, v in entry.items() if k not in ("image", "image_sha256", "reason", "reviewer", "date")}
        for entry in entries
    ]


def test_nothing_changed_gives_no_entry() -> None:
    assert edited(same(ONE), same(TWO)) == []


def test_a_moved_box_replaces_its_object_alone() -> None:
    assert edited(Drawn(label="polyps", box=Box(11, 10, 31, 30), origin=ONE.object_id), same(TWO)) == [
        {
            "action": "replace_boxes",
            "object": ONE.object_id,
            "box": [10, 10, 30, 30],
            "label": "polyps",
            "boxes": [[11, 10, 31, 30]],
        }
    ]


def test_a_deleted_object_is_excluded_a_new_one_is_added_a_relabelled_one_is_renamed() -> None:
    new = Drawn(label="polyps", box=Box(1, 1, 5, 5))
    renamed = Drawn(label="instrument", box=TWO.box, origin=TWO.object_id, changed=False)
    assert edited(renamed, new) == [
        {"action": "exclude", "object": ONE.object_id, "box": [10, 10, 30, 30]},
        {"action": "set_label", "object": TWO.object_id, "box": [50, 40, 70.5, 60], "label": "instrument"},
        {"action": "add_boxes", "label": "polyps", "boxes": [[1, 1, 5, 5]]},
    ]


def test_an_object_cut_in_two_is_replaced_by_two_masks_in_one_file() -> None:
    parts = [Drawn(label="polyps", rle=MASK, origin=ONE.object_id)] * 2
    entries, files = edit_entries(BY, [ONE, TWO], [*parts, same(TWO)], (100, 80), "s-a")
    ((name, masks),) = files.items()
    assert (masks.width, masks.height, masks.rles) == (100, 80, (MASK, MASK))
    assert [(entry["action"], entry["masks"]) for entry in entries] == [("replace_masks", name)]
    assert name.startswith("s-a-")
    assert name.endswith(".rle.json")


def test_joined_objects_replace_the_first_and_exclude_the_other() -> None:
    joined = Drawn(label="polyps", box=Box(10, 10, 71, 60), origin=ONE.object_id)
    assert [entry["action"] for entry in edited(joined)] == ["replace_boxes", "exclude"]


@pytest.mark.parametrize(
    "drawn",
    [
        [PART, Drawn(label="x", box=Box(1, 1, 2, 2), origin=ONE.object_id)],
        [PART, Drawn(label="polyps", rle=MASK, origin=ONE.object_id)],
        [Drawn(label="polyps", box=Box(1, 1, 2, 2), origin="somebody else's")],
    ],
)
def test_what_no_entry_can_say_is_refused(drawn: list[Drawn]) -> None:
    with pytest.raises(UsageError):
        edited(*drawn)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((10.4, 10.6, 20.5, 19.5), Box(10, 11, 20, 20)),
        ((-193.0, 5, 20, 30), Box(0, 5, 20, 30)),
        ((20, 30, 5, 6), Box(5, 6, 20, 30)),
        ((90, 70, 400, 300), Box(90, 70, 100, 80)),
    ],
)
def test_a_drawn_box_is_rounded_turned_and_kept_inside(sides: tuple[float, ...], expected: Box) -> None:
    assert tidy_box(sides, 100, 80) == expected


@pytest.mark.parametrize(
    "sides", [(1, 1, 1.2, 9), (200, 1, 300, 9), (1, 2, 3), (1, 2, float("nan"), 4), ("a", 1, 2, 3)]
)
def test_a_box_without_a_pixel_is_refused(sides: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        tidy_box(sides, 100, 80)


def test_keys_have_a_fixed_order() -> None:
    assert list(accept_entry(BY, "phantom", (1, 2, 3, 4))) == [
        "image", "image_sha256", "action", "kind", "box", "reason", "reviewer", "date",
    ]  # fmt: skip
