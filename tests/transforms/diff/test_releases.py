"""Differences of releases in the words of the field, and the version that each asks for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.diff.changes import LINE, RANK, WORDS, Change, Example
from medmultipoints.transforms.diff.releases import ReleaseDiff, Tables, describe, diff_releases, next_version

Boxes = list[tuple[float, float, float, float]]
A, B = [(0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0)], [(1.0, 1.0, 5.0, 5.0)]
LABELLED: dict[tuple[str, str], Boxes] = {("a", "polyps"): A, ("b", "polyps"): B}


def tables(labelled: dict[tuple[str, str], Boxes] = LABELLED, scale: float = 1.0, **names: str) -> Tables:
    """A release of images ``a`` (train) and ``b`` (test); ``names`` are other stems."""
    images = [
        {
            "image_sha256": sha256,
            "sample_id": f"hyperkvasir/{names.get(sha256, sha256)}",
            "source": "hyperkvasir",
            "stem": names.get(sha256, sha256),
            "member": f"images/{names.get(sha256, sha256)}.jpg",
            "group_id": f"image:hyperkvasir/{names.get(sha256, sha256)}",
            "split": {"a": "train"}.get(sha256, "test"),
            "stored_sha256": sha256,
            "luma_blake3": sha256,
            "width": int(100 * scale),
            "height": int(80 * scale),
            "scale": scale,
            "organ": "Lower GI",
        }
        for sha256 in sorted({sha256 for sha256, _ in labelled})
    ]
    records, objects, instructions = [], [], []
    for (sha256, label), boxes in labelled.items():
        record_id = f"{sha256}:{label}"
        own = next(image for image in images if image["image_sha256"] == sha256)
        shared = {name: own[name] for name in ("image_sha256", "sample_id", "split")} | {"label": label}
        scaled = [[side * scale for side in box] for box in boxes]
        records.append(
            shared
            | {"record_id": record_id, "count": len(boxes), "bbox": scaled, "organ": "Lower GI"}
            | {"scale": scale, "stored_sha256": own["stored_sha256"]}
        )
        for index, box in enumerate(scaled):
            sides = dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
            own_id = {"object_id": f"{record_id}:{index}", "record_id": record_id, "index": index}
            objects.append(shared | own_id | sides | {"cx": box[0], "track_id": None, "evidence": "mask"})
        instructions.append(
            {
                "instruction_id": f"{record_id}:counting",
                "record_id": record_id,
                "image_file": f"images/{sha256}.jpg",
                "image_files": [f"images/{sha256}.jpg"],
                "object_ids": [""],
                "classification": "x",
                "task": "counting",
                "prompt": "How many polyps?",
                "answer": str(len(boxes)),
                "split": own["split"],
            }
        )
    typed = {"track_id": pl.String, "bbox": pl.List(pl.List(pl.Float64))}
    return Tables(*(_frame(rows, typed) for rows in (records, objects, images, instructions)))


def _frame(rows: list[dict[str, Any]], typed: dict[str, Any]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.with_columns(pl.col(name).cast(kind) for name, kind in typed.items() if name in frame.columns)


OLD = tables()


def set_all(table: str, **values: object) -> Tables:
    named = {name: pl.lit(value) if isinstance(value, str) else value for name, value in values.items()}
    return replace(OLD, **{table: getattr(OLD, table).with_columns(**named)})


def without(table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Tables:
    return replace(OLD, **{table: change(getattr(OLD, table))})


def found(new: Tables, old: Tables = OLD) -> dict[str, Change]:
    return {change.kind: change for change in diff_releases(old, new).changes}


def counts(new: Tables, old: Tables = OLD) -> dict[str, int]:
    return {kind: change.count for kind, change in found(new, old).items()}


@pytest.mark.parametrize(
    ("new", "version", "words"),
    [
        (OLD, "1.2.3", "no difference"),
        (set_all("records", extra=pl.lit(1)), "2.0.0", "major: 1 column added: records.extra"),
        (without("records", lambda rows: rows.drop("organ")), "2.0.0", "major: 1 column removed: records.organ"),
        (without("objects", lambda rows: rows.cast({"cx": pl.Float32})), "2.0.0", "with another type: objects.cx"),
        (set_all("records", label="polyp"), "2.0.0", "major: 1 label added: polyp"),
        (without("images", lambda rows: rows.head(1)), "2.0.0", "major: 1 image lost: b (hyperkvasir/b)"),
        (without("records", lambda rows: rows.head(1)), "2.0.0", "major: 1 record lost: b:polyps"),
        (set_all("images", split="train"), "2.0.0", "major: 1 image moved between splits: b (test to train)"),
        (set_all("images", source="other"), "2.0.0", "major: 1 source lost: hyperkvasir"),
        (set_all("images", stored_sha256="c"), "1.3.0", "minor: 2 pictures changed: a; b"),
        (set_all("images", width=pl.lit(50, pl.Int64)), "1.3.0", "images with another size: a (100x80 to 50x80)"),
        (set_all("objects", cx=pl.lit(0.5)), "1.3.0", "minor: 3 objects with other points, masks or tracks"),
        (without("objects", lambda rows: rows.head(2)), "1.3.0", "minor: 1 object lost: b:polyps:0"),
        (set_all("instructions", answer="2"), "1.3.0", "minor: 1 answer changed: b:polyps:counting (1 to 2)"),
        (set_all("instructions", prompt="!"), "1.3.0", "2 prompts changed: a:polyps:counting (How many polyps? to !)"),
        (without("instructions", pl.DataFrame.clear), "1.3.0", "minor: 2 instructions lost"),
        (set_all("records", organ="Upper GI"), "1.2.4", "patch: 2 records with other metadata: a:polyps (organ)"),
        (set_all("images", organ="Upper GI"), "1.2.4", "patch: 2 images with other metadata: a (organ)"),
    ],
)
def test_a_change_asks_for_its_version(new: Tables, version: str, words: str) -> None:
    diff = diff_releases(OLD, new)
    assert next_version("1.2.3", diff.level) == version
    assert words in describe(diff)


def test_what_is_gained_is_minor() -> None:
    diff = diff_releases(tables({("a", "polyps"): A}), OLD)
    assert diff.level == "minor"
    assert [(change.kind, change.count) for change in diff.changes] == [
        ("images_gained", 1), ("records_gained", 1), ("objects_gained", 1), ("instructions_gained", 1),
    ]  # fmt: skip


def test_a_renamed_file_is_no_loss_and_no_gain() -> None:
    diff = diff_releases(OLD, tables(a="z"))
    assert describe(diff) == "patch: 1 image renamed: hyperkvasir/a to hyperkvasir/z"


def test_a_moved_box_tells_how_far_and_where() -> None:
    near, far = (0.0, 0.0, 10.0, 11.0), (20.0, 20.0, 30.0, 34.0)
    boxes = found(tables(LABELLED | {("a", "polyps"): [near, far]}))["boxes_changed"]
    assert (boxes.count, boxes.how_far) == (2, (2.5, 4.0))
    assert [(one.id, one.said, one.image_sha256) for one in boxes.examples] == [
        ("a:polyps:1", "4.0 px", "a"), ("a:polyps:0", "1.0 px", "a"),
    ]  # fmt: skip
    assert (boxes.examples[0].before, boxes.examples[0].after) == (A[1], far)


def test_an_object_lost_from_the_middle_leaves_the_others_alone() -> None:
    assert counts(tables(LABELLED | {("a", "polyps"): A[1:]})) == {
        "objects_lost": 1, "counts_changed": 1, "answers_changed": 1,
    }  # fmt: skip


def test_another_order_is_told_as_such() -> None:
    assert counts(tables(LABELLED | {("a", "polyps"): A[::-1]})) == {"objects_reordered": 2}


def test_an_object_with_another_label_is_neither_lost_nor_gained() -> None:
    new = tables({("a", "polyps"): A, ("b", "instrument"): B})
    relabelled = found(new)["objects_relabelled"].examples[0]
    assert (relabelled.id, relabelled.said) == ("b:instrument:0", "polyps to instrument")
    assert not {"objects_lost", "objects_gained"} & counts(new).keys()


def test_a_resized_image_keeps_its_boxes() -> None:
    new = tables(scale=0.3)
    assert counts(new) == {"images_resized": 2}


def test_a_track_is_followed_however_far_it_went() -> None:
    old, new = (tables({("a", "normal"): [box]}) for box in (A[0], (50.0, 50.0, 60.0, 60.0)))
    tracked = [replace(one, objects=one.objects.with_columns(track_id=pl.lit("t"))) for one in (old, new)]
    assert counts(tracked[1], tracked[0])["boxes_changed"] == 1
    assert counts(new, old)["objects_lost"] == 1


def test_a_box_that_only_the_record_has_is_still_seen() -> None:
    moved = OLD.records.with_columns(pl.Series("bbox", [[[0.0, 0.0, 1.0, 1.5]], [[0.0, 0.0, 2.0, 2.0]]]))
    assert counts(replace(OLD, records=moved)) == {"records_corrected": 2}


def test_other_files_with_equal_rows_are_a_patch() -> None:
    assert diff_releases(OLD, OLD, files_differ=True).level == "patch"


def test_the_order_of_rows_is_no_difference() -> None:
    turned = Tables(*(frame.reverse() for frame in (OLD.records, OLD.objects, OLD.images, OLD.instructions)))
    assert diff_releases(OLD, turned) == ReleaseDiff()


def test_many_examples_are_cut_but_counted() -> None:
    many = tables({(f"{n}", "polyps"): B for n in range(9)})
    gained = found(many)["images_gained"]
    assert (gained.count, len(gained.examples)) == (9, 5)
    assert gained.sentence.startswith("9 images gained: 0 (hyperkvasir/0); 1 (hyperkvasir/1); ")
    assert gained.sentence.endswith("4 (hyperkvasir/4); ...")


def test_two_boxes_at_one_place_are_two_objects() -> None:
    twice = tables({("a", "polyps"): [A[0], A[0]]})
    assert counts(twice, twice) == {}
    assert counts(tables({("a", "polyps"): [A[0]]}), twice)["objects_lost"] == 1


def test_an_empty_release_loses_everything() -> None:
    empty = Tables(*(frame.clear() for frame in (OLD.records, OLD.objects, OLD.images, OLD.instructions)))
    assert counts(empty) == {
        "labels_lost": 1, "sources_lost": 1, "images_lost": 2, "records_lost": 2, "objects_lost": 3,
        "instructions_lost": 2,
    }  # fmt: skip


def test_every_kind_has_words_and_a_level() -> None:
    assert {level for _, level in WORDS.values()} == set(RANK) - {"same"}


def test_a_line_of_a_difference_is_short_and_holds_no_hash_and_no_answer() -> None:
    sha = "ab" * 32
    lost = Change("images_lost", 1, (Example(sha, "s/a"),))
    assert "1 image lost: s/a" == lost.sentence
    answers = Change(
        "answers_changed", 9, tuple(Example(f"{sha}:polyps:counting", "{...} to {...}" * 9) for _ in range(5))
    )
    assert answers.sentence.startswith("9 answers changed: abababab:polyps:counting; ")
    assert len(answers.sentence) <= LINE + len("; ...")
    box = Example(f"{sha}:polyps:0", "10.0 px", image="s/a")
    moved = Change("boxes_changed", 1, (box,), how_far=(10.0, 10.0))
    assert "1 box changed, sides by 10.0 px: s/a: polyps 0 (10.0 px)" == moved.sentence
    assert "s/a (train to test)" == Change("images_moved", 1).short(Example(sha, "train to test", image="s/a"))
    assert "s/a to s/b" == Change("images_renamed", 1).short(Example(sha, "s/a to s/b", image="s/b"))
    assert "s/a: picture withdrawn, R: consent" == Change("decisions_added", 1).short(
        Example(sha, "picture withdrawn, R: consent", image="s/a")
    )
    long = Change("recipe_changed", 1, (Example("x", "y" * 999),))
    assert LINE == len(long.sentence)


def test_decisions_are_named_one_a_line() -> None:
    made = Change("decisions_added", 7, (Example("s/a", "polyps → instrument, R: wrong"), Example("s/b", "x" * 999)))
    lines = describe(ReleaseDiff((made,))).splitlines()
    assert lines[:2] == ["patch: 7 decisions of reviewers added", "  s/a: polyps → instrument, R: wrong"]
    assert max(map(len, lines)) <= LINE + 2
    assert lines[3] == "  5 more"
