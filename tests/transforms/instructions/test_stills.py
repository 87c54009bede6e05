"""Referring over unrelated stills: one image is named, and the object is in it."""

import json

import polars as pl
import pytest

from medmultipoints.transforms.instructions.answers.fences import write_fenced
from medmultipoints.transforms.instructions.phrases import ORDINALS
from tests.transforms.instructions.stage import ask, frame, picture, reasons

CERTAIN = {"labels_exhaustive": ["polyps"], "organ": "Lower GI", "finding": "polyps"}


def still(digit: str, x: int, **facts: object) -> dict[str, object]:
    """A still whose hash begins with "a": those of one set."""
    given = picture("a", {"polyps": {"1": (x, 20, x + 50, 90)}}, **CERTAIN)
    name = f"a{digit * 63}"
    return given | {"image_sha256": name, "sample_id": f"a_source/{name}", "image_file": f"images/{name}.jpg"} | facts


STILLS = [still("1", 10), still("2", 100, width=500), still("3", 200), still("4", 300, split="test")]


def _answered(row: pl.DataFrame, box: list[float]) -> pl.DataFrame:
    return row.with_columns(answer=pl.lit(write_fenced(json.dumps({"bbox_2d": box, "label": "polyp"}))))


def test_each_still_is_asked_with_two_others_of_its_split() -> None:
    """Of any size; each question is proved, and its home is the image that is named."""
    orders = set()
    for seed in range(12):
        written = ask(STILLS, "stills_referring", seed=seed)
        assert written.height == 3
        assert reasons(STILLS, written) == [""] * 3
        for row in written.iter_rows(named=True):
            named = [place for place, word in enumerate(ORDINALS) if f"{word} image" in row["prompt"]]
            assert [row["image_files"][place] for place in named] == [row["image_file"]]
            assert row["prompt"].startswith("<image><image><image> ")
            orders.add(tuple(named))
    assert len(orders) == 3


def test_frames_and_lone_stills_are_not_asked() -> None:
    """A set of two is too small, and frames of a video are related."""
    frames = [frame("a", index, {"polyps": {"1": (10, 20, 60, 90)}}, **CERTAIN) for index in range(1)]
    assert ask([*STILLS[:2], *frames], "stills_referring").height == 0


def test_an_image_that_is_added_changes_its_own_set_alone() -> None:
    """Sets are made by the hash of each image."""
    other = [
        one
        | {"image_sha256": "b" + str(one["image_sha256"])[1:], "sample_id": f"b_source/{place}"}
        | {"image_file": f"images/b{str(one['image_sha256'])[1:]}.jpg"}
        for place, one in enumerate(STILLS[:3])
    ]
    before = ask([*STILLS[:3], *other], "stills_referring", seed=1)
    after = ask([*STILLS[:3], *other, still("5", 77)], "stills_referring", seed=1)
    ours = pl.col("record_id").str.starts_with("b")
    assert before.filter(ours).equals(after.filter(ours))
    assert not before.filter(~ours).equals(after.filter(~ours))


@pytest.mark.parametrize("seed", range(4))
def test_the_object_of_another_image_is_no_answer(seed: int) -> None:
    """Neither its box, nor its place in the order."""
    row = ask(STILLS, "stills_referring", seed=seed)[:1]
    own = json.loads(row["answer"].item()[8:-4])["bbox_2d"]
    boxes = [[x, 20.0, x + 50, 90.0] for x in (10.0, 100.0, 200.0)]
    assert own in boxes
    for box in boxes:
        found = reasons(STILLS, _answered(row, box))
        assert found == ([""] if box == own else ["boxes_differ"])
    files = row["image_files"].item().to_list()
    turned = row.with_columns(image_files=pl.Series([files[1:] + files[:1]]))
    assert reasons(STILLS, turned) == ["boxes_differ"]


def test_a_row_under_the_record_of_another_image_is_found() -> None:
    """The object must be of the record that the row is filed under."""
    rows = ask(STILLS, "stills_referring", seed=0)
    first, second = rows[:1], rows[1:2]
    copied = ("record_id", "image_sha256", "image_file")
    moved = first.with_columns(*(second[name] for name in copied)).with_columns(
        instruction_id=pl.format("{}:stills_referring", "record_id")
    )
    assert reasons(STILLS, moved) == ["record_differs"]
