"""Find errors and anomalies in the tracks of videos.

Places number the sampled, annotated frames of each video: adjacent places may be several frames apart in the video.
Distances are between box centres, in pixels of the original frame.
"""

import polars as pl

from medmultipoints.transforms.audit.findings import KEYS, make_findings, of_rejected, without_box
from medmultipoints.transforms.records import SIDES

SEVERITIES = {
    "teleport": "warning",
    "id_reuse": "warning",
    "class_change": "error",
    "count_jump": "warning",
    "gap": "info",
    "frozen": "info",
    "interpolated": "info",
    "cut_by_border": "info",
}
KEPT = "boxes are kept as the source gives them"
ACTIONS = {
    "gap": "nothing is filled in: the frames without the object stay as they are",
    "class_change": "the frame is in quarantine (track_class_changes)",
    "cut_by_border": "the box is kept as it is cut",
}

SAME_PX = 0.01
"""Distance in pixels at which two sides are equal: label files have six decimals."""
FAR_SIDES, FAR_STEPS = 3.0, 6.0
"""A jump exceeds this many times the object's side and this many usual steps (the 95 % quantile)."""
FROZEN_FRAMES = 20
STRAIGHT_BOXES = 5
"""Number of consecutive boxes on a line between their neighbours from which a track is interpolated."""
JUMP_OBJECTS, JUMP_SHARE = 4, 0.15
"""A count jump is at least this many objects and this share of the median count."""

VIDEO = ("source", "video_id")
TRACK = (*VIDEO, "track_id")


def find_in_tracks(
    images: pl.DataFrame, samples: pl.DataFrame, regions: pl.DataFrame, exclusions: pl.DataFrame, reused: pl.DataFrame
) -> pl.DataFrame:
    """Return the findings about tracks of ``images``, and about frames rejected for their tracks (``exclusions``).

    ``images`` are whole videos, ``reused`` the rows of ``find_reused_ids``. One row per event; lasting conditions
    (frozen, interpolated, cut by the border) have a row at their first frame.
    """
    frames = _place_frames(images, samples)
    boxes = _follow(regions, frames)
    found = [
        *_jumps_and_gaps(boxes),
        reused,
        _unlabelled(frames),
        _frozen(boxes),
        _interpolated(boxes),
        _cut(boxes),
        _count_jumps(boxes, frames),
        of_rejected(exclusions, "track_class_changes", "class_change"),
    ]
    rows = pl.concat([one.select(KEYS) for one in found])
    return make_findings(rows, images, samples, SEVERITIES, ACTIONS, KEPT)


def _place_frames(images: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Return the frames of videos in order, with their ``place`` among the annotated frames."""
    known = samples.select("sample_id", "video_id", "frame_index").drop_nulls()
    frames = images.select("sample_id", "source", "annotated").join(known, on="sample_id")
    return frames.sort(*VIDEO, "frame_index").with_columns(
        place=pl.col("annotated").cast(pl.Int64).cum_sum().over(VIDEO)
    )


def _follow(regions: pl.DataFrame, frames: pl.DataFrame) -> pl.DataFrame:
    """Join each box of a track with the previous one; ``after`` counts places, ``frames`` frames, ``moved`` pixels."""
    tracked = regions.filter(pl.col("evidence") == "track").drop_nulls("track_id")
    columns = ("sample_id", "track_id", "label", *SIDES, "image_width", "image_height")
    boxes = tracked.select(columns).join(frames, on="sample_id").sort(*TRACK, "place")
    before = [pl.col(name).shift().over(TRACK).alias(f"{name}|old") for name in (*SIDES, "place", "frame_index")]
    middle = [((pl.col(f"{a}1") + pl.col(f"{a}2") - pl.col(f"{a}1|old") - pl.col(f"{a}2|old")) / 2) for a in "xy"]
    areas = [(pl.col(f"x2{t}") - pl.col(f"x1{t}")) * (pl.col(f"y2{t}") - pl.col(f"y1{t}")) for t in ("", "|old")]
    return boxes.with_columns(before).with_columns(
        source_box=pl.concat_list(SIDES),
        after=pl.col("place") - pl.col("place|old"),
        frames=pl.col("frame_index") - pl.col("frame_index|old"),
        moved=(middle[0] ** 2 + middle[1] ** 2).sqrt(),
        side=pl.mean_horizontal(area.sqrt() for area in areas),
        same=pl.all_horizontal((pl.col(side) - pl.col(f"{side}|old")).abs() <= SAME_PX for side in SIDES),
    )


def _jumps_and_gaps(boxes: pl.DataFrame) -> list[pl.DataFrame]:
    """Return teleports (jumps between adjacent frames), reused ids (jumps over a gap) and other gaps."""
    step = pl.when(pl.col("after") == 1).then(pl.col("moved") / pl.col("frames"))
    usual = step.quantile(0.95).over(VIDEO)
    seen = boxes.with_columns(usual=usual.fill_null(0.0)).drop_nulls("after")
    far = (pl.col("moved") > FAR_SIDES * pl.col("side")) & (
        pl.col("moved") > FAR_STEPS * pl.col("usual") * pl.col("frames")
    )
    jump = pl.format(
        "track {}: {} px from its box in frame {}",
        "track_id",
        pl.col("moved").round().cast(pl.Int64),
        "frame_index|old",
    )
    absent = pl.format(
        "track {}: absent in {} frames after frame {}", "track_id", pl.col("after") - 1, "frame_index|old"
    )
    adjacent = pl.col("after") == 1
    return [
        seen.filter(far & adjacent).with_columns(kind=pl.lit("teleport"), detail=jump),
        seen.filter(far & ~adjacent).with_columns(kind=pl.lit("id_reuse"), detail=jump),
        seen.filter(~far & ~adjacent).with_columns(kind=pl.lit("gap"), detail=absent),
    ]


def find_reused_ids(images: pl.LazyFrame, samples: pl.LazyFrame, regions: pl.LazyFrame) -> pl.DataFrame:
    """Return a row (``KEYS``) about the first box of a track in each further video of a source that reuses its id."""
    known = samples.select("sample_id", "video_id", "frame_index").drop_nulls()
    frames = images.select("sample_id", "source").join(known, on="sample_id")
    tracked = regions.filter(pl.col("evidence") == "track").drop_nulls("track_id")
    boxes = tracked.select("sample_id", "region_id", "track_id", "label", *SIDES).join(frames, on="sample_id")
    owners = boxes.group_by("source", "track_id").agg(
        other=pl.col("video_id").min(), videos=pl.col("video_id").n_unique()
    )
    shared = owners.filter(pl.col("videos") > 1).collect(engine="streaming")
    later = boxes.join(shared.lazy(), on=["source", "track_id"]).filter(pl.col("video_id") != pl.col("other"))
    first = pl.col("sample_id", "label", *SIDES).sort_by("frame_index", "region_id").first()
    found = later.group_by(*TRACK, "other").agg(first).collect(engine="streaming").sort(TRACK)
    detail = pl.format("track {} is one of video {} too", "track_id", "other")
    return found.with_columns(kind=pl.lit("id_reuse"), detail=detail, source_box=pl.concat_list(SIDES)).select(KEYS)


def _unlabelled(frames: pl.DataFrame) -> pl.DataFrame:
    """Return runs of unannotated frames in annotated videos."""
    runs = (
        frames.filter(pl.col("annotated").any().over(VIDEO) & ~pl.col("annotated"))
        .group_by(*VIDEO, "place", maintain_order=True)
        .agg(
            pl.col("sample_id").first(), first=pl.col("frame_index").min(), last=pl.col("frame_index").max(), n=pl.len()
        )
    )
    detail = pl.format("no labels in {} frames, {} to {}", "n", "first", "last")
    return without_box(runs.with_columns(kind=pl.lit("gap"), label=pl.lit(""), detail=detail))


def _frozen(boxes: pl.DataFrame) -> pl.DataFrame:
    """Return stretches in which a box does not change."""
    return (
        _runs(boxes, pl.col("same") & (pl.col("after") == 1))
        .with_columns(elapsed=pl.col("last") - pl.col("before"))
        .filter(pl.col("elapsed") >= FROZEN_FRAMES)
        .with_columns(
            kind=pl.lit("frozen"),
            detail=pl.format("track {}: the same box from frame {} to {}", "track_id", "before", "last"),
        )
    )


def _interpolated(boxes: pl.DataFrame) -> pl.DataFrame:
    """Return tracks with boxes that are linear interpolations of the previous and the next box."""
    later = [pl.col(name).shift(-1).over(TRACK) for name in SIDES]
    share = pl.col("frames") / (pl.col("frames") + pl.col("frames").shift(-1).over(TRACK))
    on_line = [
        (pl.col(f"{name}|old") + (after - pl.col(f"{name}|old")) * share - pl.col(name)).abs() <= SAME_PX
        for name, after in zip(SIDES, later, strict=True)
    ]
    adjacent = (pl.col("after") == 1) & (pl.col("after").shift(-1).over(TRACK) == 1)
    straight = pl.all_horizontal(*on_line, adjacent, ~pl.col("same")).fill_null(False)
    marked = boxes.with_columns(straight=straight)
    long = _runs(marked, pl.col("straight")).filter(pl.col("n") >= STRAIGHT_BOXES).select(TRACK).unique()
    whole = marked.join(long, on=TRACK, how="semi").group_by(TRACK, maintain_order=True)
    counted = whole.agg(pl.col("sample_id", "label", "source_box").first(), n=pl.col("straight").sum(), of=pl.len())
    detail = pl.format("track {}: {} of {} boxes lie on straight lines between others", "track_id", "n", "of")
    return counted.with_columns(kind=pl.lit("interpolated"), detail=detail)


def _cut(boxes: pl.DataFrame) -> pl.DataFrame:
    """Return tracks with boxes that touch the border of the frame."""
    beyond = (-pl.col("x1"), -pl.col("y1"), pl.col("x2") - pl.col("image_width"), pl.col("y2") - pl.col("image_height"))
    at_border = pl.max_horizontal(beyond) >= -SAME_PX
    cut = boxes.filter(at_border).group_by(TRACK, maintain_order=True)
    counted = cut.agg(pl.col("sample_id", "label", "source_box").first(), n=pl.len())
    detail = pl.format("track {}: {} boxes end at the border of the frame", "track_id", "n")
    return counted.with_columns(kind=pl.lit("cut_by_border"), detail=detail)


def _count_jumps(boxes: pl.DataFrame, frames: pl.DataFrame) -> pl.DataFrame:
    """Return frames with far more or fewer objects of a class than the annotated frame before."""
    shown = frames.filter("annotated").join(boxes.select(*VIDEO, "label").unique(), on=VIDEO)
    counted = boxes.group_by("sample_id", "label").len("n")
    keys = (*VIDEO, "label")
    both = shown.join(counted, on=["sample_id", "label"], how="left").sort(*keys, "place")
    both = both.with_columns(n=pl.col("n").fill_null(0).cast(pl.Int64)).with_columns(
        old=pl.col("n").shift().over(keys),
        since=pl.col("frame_index").shift().over(keys),
        usual=pl.col("n").median().over(keys),
    )
    change = (pl.col("n") - pl.col("old")).abs()
    jumps = both.filter((change >= JUMP_OBJECTS) & (change >= JUMP_SHARE * pl.col("usual")))
    detail = pl.format("{} objects after {} in frame {}", "n", "old", "since")
    return without_box(jumps.with_columns(kind=pl.lit("count_jump"), detail=detail))


def _runs(boxes: pl.DataFrame, flag: pl.Expr) -> pl.DataFrame:
    """Return the stretches of each track where ``flag`` holds: ``n`` boxes, after frame ``before`` up to ``last``."""
    marked = boxes.with_columns(flag=flag.fill_null(False))
    numbered = marked.with_columns(run=(~pl.col("flag")).cum_sum().over(TRACK)).filter("flag")
    return numbered.group_by(*TRACK, "run", maintain_order=True).agg(
        pl.col("sample_id", "label", "source_box").first(),
        before=pl.col("frame_index|old").first(),
        last=pl.col("frame_index").last(),
        n=pl.len(),
    )
