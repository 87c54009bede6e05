"""Simulated VISEM-Tracking: exact counts and tracks, label files, frames, video, faults."""

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.counts import (
    TRACK_TOTALS,
    VideoCounts,
    model_counts,
    parse_counts_csv,
    share_tracks,
)
from medmultipoints.transforms.sources.simulated.faults import all_faults, faults_of
from medmultipoints.transforms.sources.simulated.members import Simulated, generator
from medmultipoints.transforms.sources.simulated.tracks import make_presence, make_tracks
from medmultipoints.transforms.sources.simulated.visem_tracking import VideoMode, simulate_visem_tracking

ROOT = "VISEM_Tracking_Train_v4/Train"
CSV = b"""frame_name, sperm_count, cluster_count, small_or_pinhead_count
7_frame_0,2,1,0
7_frame_1,3,1,0
7_frame_3,2,0,1
"""


def _contents(source: Simulated) -> dict[str, bytes]:
    return {member.name: member.content() for member in source.members}


def test_the_table_of_counts_is_read_with_zeros_for_frames_that_it_skips() -> None:
    (video,) = parse_counts_csv(CSV)
    assert (video.video, video.fps) == ("7", 49)
    assert video.counts.tolist() == [[2, 1, 0], [3, 1, 0], [0, 0, 0], [2, 0, 1]]


def test_the_layout_has_a_picture_for_each_frame_and_label_files_where_there_are_objects() -> None:
    source = simulate_visem_tracking(seed=1, videos=parse_counts_csv(CSV))
    names = [member.name.removeprefix(f"{ROOT}/7/") for member in source.members]
    assert [name for name in names if name.startswith("images/")] == [f"images/7_frame_{n}.jpg" for n in range(4)]
    assert [name for name in names if name.startswith("labels/")] == [f"labels/7_frame_{n}.txt" for n in (0, 1, 3)]
    assert [name for name in names if name.startswith("labels_ftid/")] == [
        f"labels_ftid/7_frame_{n}_with_ftid.txt" for n in (0, 1, 3)
    ]
    assert "7.mp4" in names


def test_the_lines_with_track_ids_repeat_the_label_lines_behind_the_id() -> None:
    files = _contents(simulate_visem_tracking(seed=1, videos=parse_counts_csv(CSV), video_files="none"))
    labels = files[f"{ROOT}/7/labels/7_frame_0.txt"].decode().splitlines()
    tracked = files[f"{ROOT}/7/labels_ftid/7_frame_0_with_ftid.txt"].decode().splitlines()
    assert [line.split(" ", 1)[1] for line in tracked] == labels
    assert [line.split()[0] for line in labels] == ["0", "0", "1"]
    assert all(len(line.split()[0]) == 25 and line.startswith("c") for line in tracked)
    values = np.array([line.split()[1:] for line in labels], dtype=float)
    assert ((values >= 0) & (values <= 1)).all()


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (_contents(simulate_visem_tracking(seed=5, videos=model_counts(5, 1, 4))) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_the_real_table_gives_the_real_totals(real: Path) -> None:
    """29,370 frames, 29,196 label files, 656,335 boxes, every count, and 1,121 / 20 / 35 tracks."""
    videos = parse_counts_csv((real / "visem-tracking" / "sperm_counts_per_frame.csv").read_bytes())
    source = simulate_visem_tracking(seed=3, videos=videos, track_totals=TRACK_TOTALS, video_files="none")
    names = [member.name for member in source.members]
    assert sum("/images/" in name for name in names) == 29_370
    assert sum("/labels/" in name for name in names) == sum("/labels_ftid/" in name for name in names) == 29_196
    boxes, tracks = 0, np.zeros(3, dtype=int)
    for video, budget in zip(videos, share_tracks(videos, TRACK_TOTALS), strict=True):
        made = make_tracks(3, video, budget)
        frames = np.repeat(np.arange(video.frames), np.diff(made.starts))
        shown = np.zeros_like(video.counts)
        np.add.at(shown, (frames, made.classes), 1)
        assert np.array_equal(shown, video.counts)
        pairs = np.unique(np.stack([made.ids, made.classes]), axis=1)
        assert len(set(pairs[0])) == pairs.shape[1], "no track changes its class"
        tracks += np.bincount(pairs[1], minlength=3)
        boxes += len(made.boxes)
    assert boxes == 656_335
    assert tuple(tracks) == TRACK_TOTALS


def test_label_text_of_the_real_table_counts_what_the_table_counts(real: Path) -> None:
    videos = parse_counts_csv((real / "visem-tracking" / "sperm_counts_per_frame.csv").read_bytes())
    video = next(video for video in videos if video.video == "52")
    source = simulate_visem_tracking(seed=3, videos=[video], images=False, video_files="none")
    files = _contents(source)
    for frame in range(0, video.frames, 97):
        lines = files[f"{ROOT}/52/labels/52_frame_{frame}.txt"].decode().splitlines()
        classes = [int(line.split()[0]) for line in lines]
        assert np.bincount(classes, minlength=3).tolist() == video.counts[frame].tolist()


@given(
    counts=st.lists(st.integers(0, 5), min_size=2, max_size=30),
    surplus=st.integers(-5, 3),
    seed=st.integers(0, 1000),
)
def test_births_and_deaths_keep_each_count_and_use_each_track(counts: list[int], surplus: int, seed: int) -> None:
    given_counts = np.array(counts)
    rises = int(np.maximum(np.diff(given_counts, prepend=0), 0).sum())
    room = int(((given_counts[1:] > 0) & (given_counts[1:] <= given_counts[:-1])).sum())
    budget = min(max(rises + surplus, int(given_counts.max())), rises + room)
    alive = make_presence(generator(seed), given_counts, budget)
    assert alive.sum(axis=1).tolist() == counts
    assert alive.shape == (len(counts), budget)
    assert alive.any(axis=0).all()


def test_totals_below_the_fullest_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="2 tracks are too few: the fullest frames of the videos show 3"):
        share_tracks(parse_counts_csv(CSV), (2, 1, 1))


def test_boxes_have_the_real_sizes_lie_in_the_frame_and_move_smoothly() -> None:
    video = VideoCounts("1", np.tile([30, 4, 4], (200, 1)))
    tracks = make_tracks(2, video, np.array([30, 4, 4]))
    sides = tracks.boxes[:, 2:] - tracks.boxes[:, :2]
    for label, (width, height) in enumerate(((23, 23), (58, 52), (21, 21))):
        assert np.allclose(sides[tracks.classes == label].mean(axis=0), (width, height), atol=6)
    assert sides.min() >= 2
    assert (tracks.boxes >= 0).all()
    assert (tracks.boxes <= (640, 480, 640, 480)).all()
    one = tracks.boxes[tracks.ids == 0]
    assert np.abs(np.diff(one, axis=0)).max() < 8


def test_key_frames_are_whole_pixels_and_frames_between_are_not() -> None:
    tracks = make_tracks(2, VideoCounts("1", np.tile([5, 0, 0], (31, 1))), np.array([5, 0, 0]))
    whole = [bool((tracks.boxes[tracks.frame(frame)] % 1 == 0).all()) for frame in (0, 7, 15, 22, 30)]
    assert whole == [True, False, True, False, True]


def test_frames_show_a_bright_cell_in_each_box_and_are_small_files() -> None:
    videos = model_counts(1, 1, 2)
    files = _contents(simulate_visem_tracking(seed=1, videos=videos, video_files="none"))
    data = files[f"{ROOT}/12/images/12_frame_0.jpg"]
    picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
    assert picture.shape == (480, 640, 3)
    assert len(data) < 20_000
    for line in files[f"{ROOT}/12/labels/12_frame_0.txt"].decode().splitlines():
        cx, cy = (float(value) for value in line.split()[1:3])
        assert picture[min(int(cy * 480), 479), min(int(cx * 640), 639), 0] > 150


@pytest.mark.parametrize("mode", ["blank", "frames"])
def test_the_video_has_the_length_rate_and_size_of_the_frames(mode: VideoMode) -> None:
    videos = [VideoCounts("52", np.tile([3, 0, 0], (6, 1)))]
    files = _contents(simulate_visem_tracking(seed=1, videos=videos, images=False, video_files=mode))
    with av.open(io.BytesIO(files[f"{ROOT}/52/52.mp4"]), "r") as container:
        stream = container.streams.video[0]
        assert (stream.frames, stream.width, stream.height) == (6, 640, 480)
        assert float(stream.average_rate or 0) == 48
        assert len(list(container.decode(stream))) == 6
    assert not any("/images/" in name for name in files)


def test_modelled_counts_resemble_the_real_videos_gaps_included() -> None:
    videos = {video.video: video for video in model_counts(1, 25, 60)}
    assert len(videos) == 25
    assert 20 < videos["54"].counts[:, 0].mean() < 35
    assert (videos["23"].counts.sum(axis=1) == 0).sum() == 7
    assert all((videos["12"].counts.sum(axis=1) > 0).tolist())


@pytest.mark.slow
def test_every_fault_is_planted_on_a_frame_of_its_own_and_changes_no_other() -> None:
    videos, names = model_counts(7, 3, 40), faults_of("visem_tracking", all_faults())
    clean = _contents(simulate_visem_tracking(seed=7, videos=videos, video_files="none"))
    source = simulate_visem_tracking(seed=7, videos=videos, video_files="none", faults=names)
    files, stems = _contents(source), {entry.kind: entry.stem for entry in source.planted}
    assert list(stems) == list(names)
    assert len(set(stems.values())) == len(names)
    changed = {name for name in clean.keys() | files.keys() if clean.get(name) != files.get(name)}
    video, _, frame = stems["label_files_missing"].partition("_frame_")
    gap = {stems["label_files_missing"], f"{video}_frame_{int(frame) + 1}"}
    assert {name.rpartition("/")[2].split(".")[0].removesuffix("_with_ftid") for name in changed} == (
        set(stems.values()) | gap
    )


def test_the_planted_label_defects_are_what_their_names_say() -> None:
    videos, names = model_counts(7, 3, 40), faults_of("visem_tracking", all_faults())
    source = simulate_visem_tracking(seed=7, videos=videos, video_files="none", faults=names)
    files, member = _contents(source), {entry.kind: entry.member for entry in source.planted}

    def rows(kind: str) -> list[list[str]]:
        return [line.split() for line in files[member[kind]].decode().splitlines()]

    assert len(rows("label_lacks_field")[0]) == 4
    assert len(rows("label_has_extra_field")[0]) == 6
    assert rows("label_out_of_range")[0][1] == "1.200000"
    assert rows("label_class_unknown")[0][0] == "7"
    assert rows("track_changes_class")[0][0] == "2"
    assert rows("track_id_repeated")[0][0] == rows("track_id_repeated")[1][0]
    assert files[member["label_file_empty"]] == b""
    assert member["label_files_missing"] not in files
    assert member["label_without_image"].replace("/labels/", "/images/").replace(".txt", ".jpg") not in files
    pictures = [data for name, data in files.items() if "/images/" in name]
    assert pictures.count(files[member["identical_frames"]]) == 2


def test_videos_too_short_for_the_faults_are_refused() -> None:
    with pytest.raises(UsageError, match="Simulate longer videos"):
        simulate_visem_tracking(seed=1, videos=model_counts(1, 1, 8), faults=("label_lacks_field", "label_file_empty"))
