"""Videos over time."""

import polars as pl

from medmultipoints.transforms.reporting.timelines import timelines


def video(name: str, frames: list[int]) -> pl.DataFrame:
    rows = [(f"v/{name}_{frame}", "0" * 64, "v", name, frame, "train", 64, 48) for frame in frames]
    names = ["sample_id", "image_sha256", "source", "video_id", "frame_index", "split", "width", "height"]
    return pl.DataFrame(rows, schema=names, orient="row")


def objects(rows: list[tuple[str, str, str, str | None]]) -> pl.DataFrame:
    names = ["object_id", "sample_id", "label", "track_id"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(x1=pl.lit(1.0), y1=pl.lit(2.0), x2=pl.lit(3.0), y2=pl.lit(6.0))


def test_counts_follow_the_frames_and_gaps_divide_a_track() -> None:
    seen = [("o1", "v/a_0", "normal", "t"), ("o2", "v/a_10", "normal", "t"), ("o3", "v/a_30", "normal", "t")]
    more = [("o4", "v/a_30", "cluster", None)]
    (line,) = timelines(video("a", [30, 0, 10, 20]), objects(seen + more), 3)
    assert line.frames == (0, 10, 20, 30)
    assert line.counts == {"cluster": (0, 0, 0, 1), "normal": (1, 1, 0, 1)}
    assert line.most == 1
    assert [(track.track_id, track.runs, track.path[0]) for track in line.tracks] == [
        ("t", ((0, 1), (3, 3)), (2.0, 4.0))
    ]


def test_the_longest_videos_are_shown_and_single_frames_are_none() -> None:
    images = pl.concat([video("short", [0, 1]), video("long", [0, 1, 2]), video("one", [0])])
    assert [line.video_id for line in timelines(images, objects([]), 1)] == ["long"]
    assert [line.video_id for line in timelines(images, objects([]), 9)] == ["long", "short"]


def test_pictures_that_are_of_no_video_are_left_out() -> None:
    images = video("a", [0]).with_columns(video_id=pl.lit(None, pl.String), frame_index=pl.lit(None, pl.Int64))
    assert timelines(images, objects([]), 9) == []
