"""What the audit says of tracks, on a video of 60 frames with three steady cells and one that does something odd."""

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.audit.track_findings import find_in_tracks, find_reused_ids
from medmultipoints.transforms.columns.tables import empty_frame, load_table, polars_schema

MakeTable = Callable[[str, list[dict[str, Any]]], pl.DataFrame]
Place = tuple[float, float]
FRAMES = 60


def sample_id(frame: int, video: str = "1") -> str:
    return f"v/{video}_{frame:02d}"


def boxes(track: str, frames: Iterable[int], place: Callable[[int], Place], video: str = "1") -> list[dict[str, Any]]:
    """A track of boxes of 20 x 20 px whose top left corners are given by frame."""
    return [
        {"sample_id": sample_id(frame, video), "evidence": "track", "track_id": track, "label": "normal"}
        | {"x1": place(frame)[0], "y1": place(frame)[1], "x2": place(frame)[0] + 20, "y2": place(frame)[1] + 20}
        | {"image_width": 640, "image_height": 480}
        for frame in frames
    ]


def wobble(x: float, y: float) -> Callable[[int], Place]:
    """About one pixel a frame, never on a straight line."""
    return lambda frame: (x + frame + (frame * 7 % 5) / 4, y + (frame * 3 % 4) / 2)


STEADY = [
    row
    for track in range(3)
    for row in boxes(f"steady{track}", range(FRAMES), wobble(100 + 60 * track, 100 + 80 * track))
]


def found(
    make_table: MakeTable,
    rows: list[dict[str, Any]],
    unlabelled: Iterable[int] = (),
    videos: Iterable[str] = ("1",),
    exclusions: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The findings of the steady cells and these rows."""
    everything = [row | {"index": index} for index, row in enumerate(STEADY + rows)]
    everything = [row for row in everything if row["sample_id"] not in {sample_id(frame) for frame in unlabelled}]
    frames = [(video, frame) for video in videos for frame in range(FRAMES)]
    images = [
        {"sample_id": sample_id(frame, video), "annotated": not (video == "1" and frame in set(unlabelled))}
        for video, frame in frames
    ]
    samples = [
        {"sample_id": sample_id(frame, video), "video_id": video, "frame_index": frame} for video, frame in frames
    ]
    tables = [
        make_table(name, part) for name, part in (("images", images), ("samples", samples), ("regions", everything))
    ]
    rejected = exclusions if exclusions is not None else empty_frame(load_table("exclusions"))
    findings = find_in_tracks(*tables, rejected, find_reused_ids(*(table.lazy() for table in tables)))
    assert dict(findings.schema) == polars_schema(load_table("disagreements"))
    return findings


def test_steady_cells_give_no_finding(make_table: MakeTable) -> None:
    assert found(make_table, []).is_empty()


def test_one_frame_or_no_video_gives_no_finding(make_table: MakeTable) -> None:
    rows = [{"sample_id": "v/a"}]
    tables = [make_table(name, rows) for name in ("images", "samples")]
    empty = [empty_frame(load_table(name)) for name in ("regions", "exclusions", "survey_findings")]
    none = find_in_tracks(*tables, *empty)
    assert none.is_empty()


def jump(frame: int) -> Place:
    x, y = wobble(50, 300)(frame)
    return (x, y) if frame < 30 else (x + 300, y)


HOLE = [frame for frame in range(FRAMES) if not 30 <= frame < 35]


@pytest.mark.parametrize(
    ("rows", "frame", "kind", "severity", "detail"),
    [
        (boxes("odd", range(FRAMES), jump), 30, "teleport", "warning", "track odd: 300 px from its box in frame 29"),
        (boxes("odd", HOLE, jump), 35, "id_reuse", "warning", "track odd: 305 px from its box in frame 29"),
        (boxes("odd", HOLE, wobble(50, 300)), 35, "gap", "info", "track odd: absent in 5 frames after frame 29"),
        (
            boxes("odd", range(FRAMES), lambda frame: wobble(50, 300)(min(frame, 30))), 31, "frozen", "info",
            "track odd: the same box from frame 30 to 59",
        ),
        (
            boxes("odd", range(FRAMES), lambda frame: (50 + 0.7 * frame, 300 - 0.3 * frame)), 0, "interpolated", "info",
            "track odd: 58 of 60 boxes lie on straight lines between others",
        ),
        (
            boxes("odd", range(FRAMES), lambda frame: (max(0, 9 - frame) + (frame > 20) * (frame % 3), 50 + frame % 2)),
            9, "cut_by_border", "info", "track odd: 25 boxes end at the border of the frame",
        ),
    ],
)  # fmt: skip
def test_each_oddity_is_named_once_with_its_frame(
    make_table: MakeTable, rows: list[dict[str, Any]], frame: int, kind: str, severity: str, detail: str
) -> None:
    (row,) = found(make_table, rows).to_dicts()
    assert (row["sample_id"], row["kind"], row["severity"], row["detail"]) == (sample_id(frame), kind, severity, detail)
    assert (row["label"], len(row["source_box"])) == ("normal", 4)


def test_many_objects_that_vanish_at_once_are_a_jump_of_the_count(make_table: MakeTable) -> None:
    rows = [row for n in range(5) for row in boxes(f"gone{n}", range(40), wobble(50 + 70 * n, 400))]
    (row,) = found(make_table, rows).to_dicts()
    assert (row["sample_id"], row["kind"], row["detail"]) == (
        sample_id(40), "count_jump", "3 objects after 8 in frame 39",
    )  # fmt: skip


def test_frames_that_nobody_labelled_are_one_gap_of_the_video_and_none_of_its_tracks(make_table: MakeTable) -> None:
    rows = found(make_table, [], unlabelled=range(20, 26)).to_dicts()
    assert [(row["sample_id"], row["kind"], row["label"], row["detail"]) for row in rows] == [
        (sample_id(20), "gap", "", "no labels in 6 frames, 20 to 25")
    ]


def test_an_id_in_two_videos_is_reused(make_table: MakeTable) -> None:
    rows = boxes("steady0", range(FRAMES), wobble(200, 200), video="2")
    (row,) = found(make_table, rows, videos=("1", "2")).to_dicts()
    assert (row["sample_id"], row["kind"]) == (sample_id(0, "2"), "id_reuse")
    assert row["detail"] == "track steady0 is one of video 1 too"


def test_a_frame_that_was_rejected_for_a_changed_class_is_a_finding(make_table: MakeTable) -> None:
    """Its picture is in quarantine, so its hash is not known."""
    row = {"exclusion_id": "derive:v:v/1_60", "stage": "derive", "source": "v", "key": "v/1_60", "sample_id": "v/1_03"}
    row |= {"verdict": "rejected", "reason": "track_class_changes", "detail": "track 'a' is 'pinhead' here"}
    exclusions = pl.DataFrame([row], schema=polars_schema(load_table("exclusions")))
    (finding,) = found(make_table, [], exclusions=exclusions).to_dicts()
    assert (finding["kind"], finding["severity"], finding["detail"]) == ("class_change", "error", row["detail"])
    assert finding["action"] == "the frame is in quarantine (track_class_changes)"


def test_frames_far_apart_are_judged_by_the_time_between_them(make_table: MakeTable) -> None:
    """Of every tenth frame: a fast cell is no teleport."""
    rows = [row for row in STEADY + boxes("fast", range(FRAMES), wobble(50, 300)) if row["sample_id"][-1] == "0"]
    sampled = [row | {"index": index} for index, row in enumerate(rows)]
    frames = [{"sample_id": sample_id(frame), "video_id": "1", "frame_index": frame} for frame in range(0, FRAMES, 10)]
    images = make_table("images", [{"sample_id": row["sample_id"]} for row in frames])
    none = [empty_frame(load_table(name)) for name in ("exclusions", "survey_findings")]
    findings = find_in_tracks(images, make_table("samples", frames), make_table("regions", sampled), *none)
    assert findings.is_empty()
