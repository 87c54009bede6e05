"""The reader of frames, as VISEM-Tracking declares them: label files, videos, sampling, and every file explained."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.records import Indexed, VideoFacts
from medmultipoints.transforms.sources.frames.sampling import FrameSampling, sample_frames
from tests.catalogue_readers import read_described
from tests.members import MemoryMembers

LABELS = ("cluster", "normal", "pinhead")
ROOT = "VISEM_Tracking_Train_v4/Train"


def image(n: int, video: int = 11) -> str:
    return f"{ROOT}/{video}/images/{video}_frame_{n}.jpg"


def label(n: int, video: int = 11) -> str:
    return f"{ROOT}/{video}/labels/{video}_frame_{n}.txt"


def track(n: int, video: int = 11) -> str:
    return f"{ROOT}/{video}/labels_ftid/{video}_frame_{n}_with_ftid.txt"


def film(video: int = 11) -> str:
    return f"{ROOT}/{video}/{video}.mp4"


def frame(n: int, video: int = 11) -> tuple[str, str, str]:
    return image(n, video), label(n, video), track(n, video)


FACTS = VideoFacts(frames=4, fps=49.0, width=640, height=480)
FRAMES = [name for n in range(4) for name in frame(n)]


def read(*names: str, videos: dict[str, VideoFacts] | None = None, repeated: Any = (), **options: Any) -> Indexed:
    members = MemoryMembers(dict.fromkeys(names, b""), videos, repeated)
    return read_described("visem_tracking", members, **{"seed": 1, **options})


def reasons(indexed: Indexed) -> dict[str, str]:
    return {row.key: row.reason for row in indexed.exclusions}


def numbers(indexed: Indexed) -> list[int]:
    return sorted(sample.frame_index or 0 for sample in indexed.samples)


def test_a_frame_becomes_a_sample_with_its_label_files_and_the_rate_of_its_video() -> None:
    indexed = read(*frame(3), film(), videos={film(): FACTS})
    (sample,) = indexed.samples
    assert sample.sample_id == "visem_tracking/11_frame_3"
    assert (sample.image_member, sample.label_member, sample.track_member) == frame(3)
    assert (sample.video_member, sample.video_id, sample.frame_index, sample.fps) == (None, "11", 3, 49.0)
    assert (sample.labels_exhaustive, sample.official_split) == (LABELS, "train")
    assert film() in indexed.used
    assert indexed.exclusions == ()


def test_without_an_mp4_the_rate_is_unknown() -> None:
    assert read(*frame(0)).samples[0].fps is None


def test_the_authors_validation_videos_are_marked() -> None:
    names = [name for video in (52, 54, 60, 82, 13) for name in frame(0, video)]
    found = {sample.video_id: sample.official_split for sample in read(*names).samples}
    assert found == {"13": "train", **dict.fromkeys(("52", "54", "60", "82"), "validation")}


def test_a_frame_without_label_files_is_not_certified_empty() -> None:
    (sample,) = read(image(0)).samples
    assert (sample.label_member, sample.labels_exhaustive) == (None, ())


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([label(0), track(0)], "image_missing"),
        ([image(0), label(0)], "track_file_missing"),
        ([image(0), track(0)], "label_file_missing"),
        ([*frame(0), image(0).replace(".jpg", ".png")], "duplicate_stem"),
        ([*frame(0), image(0).replace("frame_0", "frame_00")], "duplicate_stem"),
        ([*frame(0), image(0).replace(ROOT, "copy")], "duplicate_stem"),
    ],
)
def test_an_unsound_frame_is_rejected_with_all_its_files(names: list[str], reason: str) -> None:
    indexed = read(*frame(7), *names)
    assert numbers(indexed) == [7]
    assert reasons(indexed) == dict.fromkeys(names, reason)
    assert {row.sample_id for row in indexed.exclusions} == {"visem_tracking/11_frame_0"}


def test_a_path_that_is_listed_twice_is_rejected_once() -> None:
    assert reasons(read(*frame(0), repeated=[label(0)])) == dict.fromkeys(frame(0), "duplicate_stem")


def test_without_frame_files_all_frames_come_from_the_video() -> None:
    indexed = read(label(1), track(1), label(9), track(9), film(), videos={film(): FACTS})
    assert numbers(indexed) == [0, 1, 2, 3]
    assert {(sample.image_member, sample.video_member) for sample in indexed.samples} == {(None, film())}
    assert [sample.label_member for sample in indexed.samples] == [None, label(1), None, None]
    assert reasons(indexed) == {label(9): "image_missing", track(9): "image_missing"}
    assert f"{film()} has 4 frames only" in indexed.exclusions[0].detail


def test_a_labelled_frame_whose_file_is_missing_comes_from_the_video() -> None:
    indexed = read(*frame(0), label(1), track(1), film(), videos={film(): FACTS})
    assert [(sample.frame_index, sample.image_member) for sample in indexed.samples] == [(0, image(0)), (1, None)]


def test_a_last_picture_that_lacks_in_a_video_numbered_from_1_says_so() -> None:
    names = [*frame(1), *frame(2), *frame(3), label(4), track(4), film()]
    indexed = read(*names, videos={film(): FACTS})
    assert {label(4): "image_missing", track(4): "image_missing"} == reasons(indexed)
    assert "seem to be numbered from 1: give the picture, or number both from 0" in indexed.exclusions[0].detail


def test_decoded_frames_are_rejected_where_the_recipe_refuses_them() -> None:
    names = (label(1), track(1), film())
    indexed = read(*names, videos={film(): FACTS}, allow_decoded=False)
    assert indexed.samples == ()
    assert reasons(indexed) == dict.fromkeys(names, "decoded_frames_not_allowed")
    mixed = read(*names, *frame(0), videos={film(): FACTS}, allow_decoded=False)
    assert reasons(mixed) == dict.fromkeys(names[:2], "decoded_frames_not_allowed")


@pytest.mark.parametrize("videos", [{}, {film(): VideoFacts(10**12, 49.0, 640, 480)}])
def test_an_unreadable_video_is_rejected_and_its_frame_files_go_on(videos: dict[str, VideoFacts]) -> None:
    indexed = read(*frame(0), label(1), track(1), film(), videos=videos)
    assert [(sample.frame_index, sample.fps) for sample in indexed.samples] == [(0, None)]
    assert reasons(indexed) == {film(): "video_unreadable", label(1): "image_missing", track(1): "image_missing"}
    assert "the mp4 cannot be used" in indexed.exclusions[-1].detail


def test_two_files_of_one_video_are_both_rejected() -> None:
    other = "copy/11/11.mp4"
    indexed = read(*frame(0), film(), other, videos=dict.fromkeys((film(), other), FACTS))
    assert reasons(indexed) == {film(): "duplicate_stem", other: "duplicate_stem"}


def test_files_of_no_use_are_dropped_each_with_its_reason() -> None:
    expected = {
        f"{ROOT}/11/11.txt": "author_paths_ignored",
        "semen_analysis_data_Train.csv": "participant_data_kept_out",
        "data/fatty_acids_spermatoza_Train.csv": "participant_data_kept_out",
        "participant_related_data_Train.csv": "participant_data_kept_out",
        "sex_hormones_Train.csv": "participant_data_kept_out",
        "fatty_acids_serum_Train.csv": "participant_data_kept_out",
        "sperm_counts_per_frame.csv": "not_part_of_the_dataset",
        "visem-extracted-30s-excluding-selected-20/7/7.mp4": "unlabelled_clip",
        "__MACOSX/11/images/._11_frame_0.jpg": "not_part_of_the_dataset",
        f"{ROOT}/11/labels/classes.names": "not_part_of_the_dataset",
    }
    indexed = read(*frame(0), *expected)
    assert reasons(indexed) == expected
    assert {row.verdict for row in indexed.exclusions} == {"dropped"}


def test_a_name_that_does_not_say_its_frame_is_rejected() -> None:
    odd = {
        f"{ROOT}/11/images/picture.jpg": "frame_name_invalid",
        f"{ROOT}/11/labels/11_frame_x.txt": "frame_name_invalid",
        f"{ROOT}/11/labels_ftid/11_frame_1.txt": "frame_name_invalid",
        f"{ROOT}/12/images/11_frame_1.jpg": "video_id_mismatch",
    }
    indexed = read(*frame(0), *odd)
    assert reasons(indexed) == odd
    assert {row.verdict for row in indexed.exclusions} == {"rejected"}


@pytest.mark.parametrize("names", [[], ["segmented-images/images/0dad.jpg"], ["sperm_counts_per_frame.csv"]])
def test_a_wrong_archive_stops_the_source(names: list[str]) -> None:
    with pytest.raises(SourceDataError, match=r"has no <id>/images/.*found"):
        read(*names)


def test_every_second_frame() -> None:
    indexed = read(*FRAMES, sampling="every", every=2)
    assert numbers(indexed) == [0, 2]
    assert reasons(indexed) == dict.fromkeys((*frame(1), *frame(3)), "not_sampled")


def test_a_number_of_frames_per_video_is_drawn_by_seed() -> None:
    names = [name for video in (11, 12) for n in range(20) for name in frame(n, video)]
    first, again = (read(*names, sampling="per_video", per_video=5, seed=3) for _ in range(2))
    assert first == again
    assert sorted(sample.video_id or "" for sample in first.samples) == ["11"] * 5 + ["12"] * 5
    assert first != read(*names, sampling="per_video", per_video=5, seed=4)


def test_the_draw_of_seed_1_is_this_one() -> None:
    sampling = FrameSampling("per_video", 1, 3, 1)
    assert sorted(sample_frames(sampling, "11", range(10))) == [0, 3, 9]


@given(st.sets(st.integers(0, 99), min_size=1), st.integers(0, 99), st.integers(1, 9))
def test_one_frame_more_changes_at_most_one_other_choice(frames: set[int], more: int, count: int) -> None:
    sampling = FrameSampling("per_video", 1, count, 5)
    before, after = sample_frames(sampling, "11", frames), sample_frames(sampling, "11", frames | {more})
    assert len(before - after) <= 1
    assert after - before <= {more}


def test_a_video_of_which_no_frame_is_taken_is_dropped() -> None:
    indexed = read(*frame(1), film(), videos={film(): FACTS}, sampling="every", every=2)
    assert reasons(indexed) == {film(): "no_frame_is_used", **dict.fromkeys(frame(1), "not_sampled")}


WHOLE = (
    *FRAMES,
    *(name for n in range(3) for name in frame(n, 52)),
    film(),
    film(52),
    image(0, 52).replace("jpg", "PNG"),
)


@given(
    st.sets(st.sampled_from(sorted(WHOLE)), max_size=len(WHOLE) - 1),
    st.sets(st.sampled_from(sorted(WHOLE)), max_size=2),
    st.sampled_from(["all", "every", "per_video"]),
    st.booleans(),
    st.sets(st.sampled_from([film(), film(52)])),
)
def test_whatever_is_missing_each_member_is_explained(
    missing: set[str], repeated: set[str], sampling: str, allow_decoded: bool, readable: set[str]
) -> None:
    names = [name for name in WHOLE if name not in missing]
    read(
        *names,
        videos=dict.fromkeys(readable, FACTS),
        repeated=repeated & set(names),
        sampling=sampling,
        every=2,
        per_video=2,
        allow_decoded=allow_decoded,
    )


def test_the_order_of_members_makes_no_difference() -> None:
    class Reversed(MemoryMembers):
        def names(self) -> list[str]:
            return super().names()[::-1]

    files = dict.fromkeys(WHOLE, b"")
    assert read_described("visem_tracking", Reversed(files), seed=1) == read_described(
        "visem_tracking", MemoryMembers(files), seed=1
    )


@pytest.mark.slow
def test_the_full_size_is_indexed_within_seconds() -> None:
    names = [name for video in range(20) for n in range(1470) for name in frame(n, video)]
    members = MemoryMembers(dict.fromkeys(names, b""))
    start = time.process_time()
    indexed = read_described("visem_tracking", members, seed=42, sampling="per_video", per_video=250)
    assert time.process_time() - start < 5
    assert len(indexed.samples) == 5_000
