"""The rows of a recipe: records, objects, released images, and what is left out."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pytest

from medmultipoints.expectations.rows.rules import rule_flags
from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema
from medmultipoints.transforms.compose.records import Composed, compose_records

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
Rows = list[dict[str, Any]]
LABELS = {"polyps": "polyps", "normal": "normal", "pinhead": "pinhead"}
OPTIONS: dict[str, Any] = {"labels": LABELS} | {
    name: empty_frame(load_table(table)) for name, table in (("corrections", "corrections"), ("left_out", "exclusions"))
}
SHA = {name: name.encode().hex().ljust(64, "0") for name in "abcd"}

MASK_INSIDE = {"evidence": "mask", "x1": 10.0, "y1": 20.0, "x2": 31.0, "y2": 40.0, "cx": 20.5, "cy": 30.5}
MASK_INSIDE |= {"ix": 19.5, "iy": 29.5, "centroid_inside": True, "interior_inside": True, "area_px": 400, "rle": "x"}
MASK_BENT = MASK_INSIDE | {"index": 1, "y1": 50.0, "y2": 70.0, "cy": 60.0, "iy": 52.5, "centroid_inside": False}
SOURCE = {"evidence": "source", "x1": 9.0, "y1": 19.0, "x2": 31.0, "y2": 40.0}
TRACK = {"evidence": "track", "label": "normal", "x1": 1.4, "y1": 2.5, "x2": 7.5, "y2": 9.6, "track_id": "t"}


def compose(
    make_table: MakeTable,
    regions: Rows,
    images: Rows | None = None,
    samples: Mapping[str, Any] | None = None,
    copies: Mapping[str, str] | None = None,
    contradicted: list[str] | None = None,
    shuffle: bool = False,
    **options: Any,
) -> Composed:
    """Composed tables of image s/a (or of ``images``); all images share the facts in ``samples``."""
    images = images or [{"sample_id": "s/a"}]
    ids = [{"sample_id": image["sample_id"]} for image in images]
    tables = [
        make_table("samples", [row | {"labels_exhaustive": ["polyps"]} | dict(samples or {}) for row in ids]),
        make_table("images", images),
        make_table("regions", [{"sample_id": "s/a"} | row for row in regions]),
        make_table("splits", [row | {"group_id": f"image:{row['sample_id']}", "split": "train"} for row in ids]),
        make_table(
            "duplicates",
            [
                {"sample_id": copy, "kept_id": kept, "contradicted_labels": contradicted or []}
                for copy, kept in (copies or {}).items()
            ],
        ),
    ]
    if shuffle:
        tables = [table.reverse() for table in tables]
    return compose_records(*tables, **{"policy": "audited", "licences": {"s": "CC BY 4.0"}} | OPTIONS | options)


def record(composed: Composed) -> dict[str, Any]:
    (row,) = composed.records.rows(named=True)
    return row


def assert_declared(composed: Composed, variant: str | None = None) -> None:
    """Every table has its declared columns and types, is sorted by its key, and keeps the declared row rules."""
    for name in ("records", "objects", "released_images"):
        frame, table = getattr(composed, name), load_table(name)
        assert list(frame.schema.items()) == list(polars_schema(table).items())
        assert frame[table.key].is_sorted() and frame[table.key].is_unique().all()
        flags = rule_flags(table, variant)
        assert not flags or frame.select(pl.all_horizontal(flags.values()).all()).item()


@pytest.mark.parametrize("policy", ["published", "audited"])
def test_all_tables_are_as_declared(make_table: MakeTable, policy: str) -> None:
    composed = compose(make_table, [MASK_INSIDE, MASK_BENT, SOURCE, TRACK], policy=policy, zero_counts=True)
    assert_declared(composed, "published" if policy == "published" else None)
    assert composed.exclusions.columns == ["source", "key", "sample_id", "verdict", "reason", "detail"]


def test_no_images_give_empty_tables() -> None:
    tables = [empty_frame(load_table(name)) for name in ("samples", "images", "regions", "splits", "duplicates")]
    composed = compose_records(*tables, policy="audited", licences={}, zero_counts=True, **OPTIONS)
    assert_declared(composed)
    assert composed.exclusions.is_empty()


def test_audited_points_are_centroids_where_they_lie_inside_else_interior_points(make_table: MakeTable) -> None:
    row = record(compose(make_table, [MASK_BENT, MASK_INSIDE, SOURCE]))
    assert row["bbox"] == [[10, 20, 31, 40], [10, 50, 31, 70]]
    assert row["points"] == [[20.5, 30.5], [19.5, 52.5]]
    assert row["point_kind"] == ["centroid", "interior"]
    assert row["centroids"] == [[20.5, 30.5], [20.5, 60.0]]
    assert row["interior_points"] == [[19.5, 29.5], [19.5, 52.5]]
    assert (row["count"], row["label"], row["record_id"]) == (2, "polyps", f"{SHA['a']}:polyps")
    assert row["object_ids"] == [f"{SHA['a']}:polyps:0", f"{SHA['a']}:polyps:1"]


def test_published_points_are_centres_of_the_source_boxes_grown_as_they_are(make_table: MakeTable) -> None:
    row = record(compose(make_table, [MASK_INSIDE, SOURCE], policy="published"))
    assert row["bbox"] == [[9, 19, 31, 40]]
    assert row["points"] == [[20.0, 29.5]]
    assert (row["point_kind"], row["centroids"], row["interior_points"]) == (["box_centre"], [[]], [[]])


def test_coordinates_are_scaled_in_float64_and_then_cast_to_float32(make_table: MakeTable) -> None:
    scale = 700 / 1348
    size = {"original_width": 1348, "original_height": 1070, "width": 700, "height": 555, "scale": scale}
    composed = compose(make_table, [SOURCE | {"x2": 1347.0}], [{"sample_id": "s/a"} | size], policy="published")
    row, found = record(composed), composed.objects.row(0, named=True)
    assert row["bbox"] == [pl.Series([9 * scale, 19 * scale, 1347 * scale, 40 * scale]).cast(pl.Float32).to_list()]
    assert [found[side] for side in ("x1", "y1", "x2", "y2")] == [9 * scale, 19 * scale, 1347 * scale, 40 * scale]
    assert (row["img_size"], row["original_size"], row["scale"]) == ([700, 555], [1348, 1070], scale)


@pytest.mark.parametrize(
    ("rounding", "box"), [("none", [1.4, 2.5, 7.5, 9.6]), ("nearest", [1, 3, 8, 10]), ("floor", [1, 2, 7, 9])]
)
@pytest.mark.parametrize("policy", ["published", "audited"])
def test_boxes_of_tracks_are_rounded_as_the_recipe_says(
    make_table: MakeTable, policy: str, rounding: str, box: list[float]
) -> None:
    row = record(compose(make_table, [TRACK], policy=policy, track_rounding=rounding))
    assert row["bbox"] == [pytest.approx(box)]
    assert row["points"] == [pytest.approx([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])]
    assert (row["point_kind"], row["track_ids"]) == (["box_centre"], ["t"])


def test_a_box_that_rounding_would_flatten_becomes_the_pixel_of_its_centre(make_table: MakeTable) -> None:
    edge = TRACK | {"x1": 99.6, "x2": 100.0, "y1": 5.2, "y2": 5.4}
    assert record(compose(make_table, [edge], track_rounding="nearest"))["bbox"] == [[99, 5, 100, 6]]


def test_source_boxes_are_never_rounded(make_table: MakeTable) -> None:
    row = record(compose(make_table, [SOURCE | {"x1": 9.5}], policy="published", track_rounding="floor"))
    assert row["bbox"] == [[9.5, 19, 31, 40]]


def test_each_label_of_an_image_has_its_own_record_and_other_labels_are_left_out(make_table: MakeTable) -> None:
    regions = [TRACK, TRACK | {"label": "pinhead", "index": 1}, TRACK | {"label": "cluster", "index": 2}]
    composed = compose(make_table, regions)
    assert composed.records["label"].to_list() == ["normal", "pinhead"]
    assert composed.objects.select("label", "index").rows() == [("normal", 0), ("pinhead", 0)]
    assert composed.exclusions.is_empty()


def test_labels_that_become_one_share_a_record_in_the_order_of_the_source(make_table: MakeTable) -> None:
    regions = [
        TRACK | {"label": label, "index": n, "track_id": str(n)} for n, label in enumerate(["pinhead", "normal"])
    ]
    row = record(compose(make_table, regions, labels={"normal": "sperm", "pinhead": "sperm"}))
    assert (row["label"], row["count"], row["track_ids"]) == ("sperm", 2, ["0", "1"])


def test_more_than_ten_objects_keep_their_order(make_table: MakeTable) -> None:
    regions = [TRACK | {"index": n, "track_id": str(n)} for n in range(12)]
    assert record(compose(make_table, regions, shuffle=True))["track_ids"] == [str(n) for n in range(12)]


def test_count_0_exists_only_by_recipe_and_for_labels_that_are_exhaustive(make_table: MakeTable) -> None:
    facts = {"labels_exhaustive": ["polyps", "cluster"]}
    assert compose(make_table, [TRACK], samples=facts).records["label"].to_list() == ["normal"]
    found = compose(make_table, [TRACK], samples=facts, zero_counts=True).records
    assert found.select("label", "count").rows() == [("normal", 1), ("polyps", 0)]
    empty = found.filter(pl.col("count") == 0).select("points", "bbox", "point_kind", "object_ids", "track_ids")
    assert empty.row(0) == ([], [], [], [], [])


def test_a_merged_label_is_exhaustive_only_where_all_its_parts_are(make_table: MakeTable) -> None:
    labels = {"normal": "sperm", "pinhead": "sperm", "polyps": "polyps"}
    for known, released in ((["normal"], []), (["normal", "pinhead"], ["sperm"])):
        facts = {"labels_exhaustive": known}
        composed = compose(make_table, [MASK_INSIDE], samples=facts, labels=labels)
        assert composed.released_images["labels_exhaustive"].to_list() == [released]


@pytest.mark.parametrize(("policy", "region"), [("audited", SOURCE), ("published", MASK_INSIDE)])
def test_an_object_of_evidence_that_the_policy_leaves_out_is_no_absence(
    make_table: MakeTable, policy: str, region: dict[str, Any]
) -> None:
    """The image shows a polyp: a record of count 0 would be a lie."""
    composed = compose(make_table, [region], policy=policy, zero_counts=True)
    assert composed.records.is_empty()
    assert composed.exclusions["reason"].to_list() == ["evidence_not_selected"]


def test_a_frame_without_annotation_never_counts_0(make_table: MakeTable) -> None:
    """Even where a reader called a label exhaustive by mistake."""
    composed = compose(make_table, [], [{"sample_id": "s/a", "annotated": False}], zero_counts=True)
    assert composed.records.is_empty() and composed.released_images.is_empty()
    assert composed.exclusions.select("key", "verdict", "reason").rows() == [("s/a", "dropped", "unverified_empty")]


def test_an_image_whose_objects_a_reviewer_excluded_says_so(make_table: MakeTable) -> None:
    """What the policy leaves out of its regions is not why it has no record."""
    excluded = pl.DataFrame(
        {
            "sample_id": ["s/a", "s/a", "s/b"],
            "action": ["exclude", "accept", "exclude"],
            "object_id": ["s/a:mask:polyps:0", "s/a:mask:polyps:0", "s/b:mask:polyps:0"],
            "reason": ["a fold", "right", "a bubble"],
            "reviewer": ["A. B.", "C. D.", "A. B."],
            "date": ["2026-11-30"] * 3,
        }
    )
    composed = compose(make_table, [SOURCE], corrections=excluded)
    assert composed.exclusions.select("reason", "detail").rows() == [
        ("objects_excluded_by_review", "a: a reviewer excluded its objects: a fold (A. B., 2026-11-30)")
    ]


@pytest.mark.parametrize("annotated", [True, False])
def test_an_image_whose_objects_were_all_rejected_says_so(make_table: MakeTable, annotated: bool) -> None:
    """It is not a picture in which nothing is annotated; what is dropped, or of another picture, does not count."""
    rows = [
        {"sample_id": sample, "verdict": verdict, "reason": reason}
        for sample, verdict, reason in (
            ("s/a", "rejected", "polygon_crossed"),
            ("s/a", "rejected", "box_empty"),
            ("s/a", "rejected", "box_empty"),
            ("s/a", "dropped", "label_ignored"),
            (None, "rejected", "row_invalid"),
        )
    ]
    images = [{"sample_id": name, "annotated": annotated} for name in ("s/a", "s/b")]
    composed = compose(make_table, [], images, left_out=pl.DataFrame(rows))
    assert composed.exclusions.select("key", "reason", "detail").rows()[0] == (
        "s/a",
        "objects_in_quarantine",
        "a: all that is annotated in the image is in quarantine: 3 (box_empty, polygon_crossed)",
    )
    assert composed.exclusions["reason"][1] == ("no_objects" if annotated else "unverified_empty")


def test_a_mask_of_specks_alone_never_counts_0(make_table: MakeTable) -> None:
    composed = compose(make_table, [], [{"sample_id": "s/a", "annotated": False, "mask_off_binary": 3}])
    assert composed.exclusions.select("reason", "detail").rows() == [
        ("specks_only", "a: its mask holds specks alone: no object, and no proof that nothing is there")
    ]


@pytest.mark.parametrize(
    ("regions", "reason", "detail"),
    [
        ([], "no_objects", "a: the image is annotated and holds no object"),
        (
            [TRACK | {"label": "cluster"}],
            "label_not_selected",
            "a: the recipe's label map has none of its labels (cluster)",
        ),
        (
            [SOURCE],
            "evidence_not_selected",
            "a: its objects are of evidence source, which box policy audited does not use",
        ),
    ],
)
def test_an_image_without_a_record_is_excluded_with_a_reason(
    make_table: MakeTable, regions: Rows, reason: str, detail: str
) -> None:
    composed = compose(make_table, regions)
    assert composed.exclusions.rows() == [("s", "s/a", "s/a", "dropped", reason, detail)]
    assert composed.released_images.is_empty()


def test_every_image_is_released_or_excluded(make_table: MakeTable) -> None:
    images = [{"sample_id": f"s/{name}"} for name in "abcd"]
    composed = compose(make_table, [TRACK, TRACK | {"sample_id": "s/c"}], images)
    assert composed.released_images["sample_id"].to_list() == ["s/a", "s/c"]
    assert composed.exclusions["key"].to_list() == ["s/b", "s/d"]


def test_released_images_name_their_file_member_licence_and_copies(make_table: MakeTable) -> None:
    facts = {"image_member": None, "video_member": "11/11.mp4", "video_id": "11", "frame_index": 3, "fps": 49.0}
    copies = {"t/z": "s/a", "t/b": "s/a"}
    row = compose(make_table, [TRACK], samples=facts, copies=copies).released_images.row(0, named=True)
    assert row["image_file"] == f"images/{SHA['a']}.jpg"
    assert (row["member"], row["video_id"], row["frame_index"], row["fps"]) == ("11/11.mp4", "11", 3, 49.0)
    assert (row["licence"], row["group_id"], row["split"]) == ("CC BY 4.0", "image:s/a", "train")
    assert row["duplicates"] == ["t/b", "t/z"]


def test_the_order_of_rows_changes_nothing(make_table: MakeTable) -> None:
    regions = [
        MASK_INSIDE,
        MASK_BENT,
        TRACK,
        TRACK | {"sample_id": "s/b"},
        TRACK | {"label": "cluster", "sample_id": "s/c"},
    ]
    images = [{"sample_id": f"s/{name}"} for name in "abcd"]
    straight, reverse = (compose(make_table, regions, images, shuffle=way, zero_counts=True) for way in (False, True))
    for name in ("records", "objects", "released_images", "exclusions"):
        assert getattr(straight, name).equals(getattr(reverse, name))


@pytest.mark.parametrize(("contradicted", "exhaustive"), [([], ["polyps"]), (["polyps"], []), (["normal"], ["polyps"])])
def test_a_label_on_which_copies_contradict_each_other_is_not_exhaustive(
    make_table: MakeTable, contradicted: list[str], exhaustive: list[str]
) -> None:
    composed = compose(make_table, [MASK_INSIDE], copies={"s/b": "s/a"}, contradicted=contradicted)
    assert composed.released_images["labels_exhaustive"].to_list() == [exhaustive]


def test_no_label_is_certainly_absent_where_copies_contradict_each_other(make_table: MakeTable) -> None:
    composed = compose(make_table, [], copies={"s/b": "s/a"}, contradicted=["polyps"], zero_counts=True)
    assert composed.records.is_empty()
