"""Label files that cannot be trusted cost their frame; a frame without one is never counted as empty."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from medmultipoints.flows.engine.execute import Outcome
from tests.faults.building import build, check_closed, excluded, message_of_stop, released
from tests.faults.cases import Case, Spoil, check_case, keys_of
from tests.faults.tiny_sources import VIDEO, Files, frame, labels, make_frames, tracked, write_frames

RULE = "centre and size must be finite and in [0, 1], the size above 0"


def fields(change: Callable[[list[str]], object], *, in_both: bool = True) -> Spoil:
    """Change the fields ``class cx cy w h`` of the first row, in both files unless told otherwise."""

    def spoil(files: Files, number: str) -> None:
        for name, ids in ((labels(int(number)), 0), (tracked(int(number)), 1))[: 1 + in_both]:
            first, *rest = files[name].decode().splitlines()
            track, values = first.split()[:ids], first.split()[ids:]
            change(values)
            files[name] = "".join(f"{row}\n" for row in (" ".join([*track, *values]), *rest)).encode()

    return spoil


def field(place: int, value: str, *, in_both: bool = True) -> Spoil:
    return fields(lambda values: values.__setitem__(place, value), in_both=in_both)


def replace(name: Callable[[int], str], old: bytes, new: bytes) -> Spoil:
    return lambda files, number: files.update({name(int(number)): files[name(int(number))].replace(old, new)})


def content(new: bytes, *names: Callable[[int], str]) -> Spoil:
    return lambda files, number: files.update({name(int(number)): new for name in names})


def remove(*names: Callable[[int], str]) -> Spoil:
    def spoil(files: Files, number: str) -> None:
        for name in names:
            del files[name(int(number))]

    return spoil


def rename(files: Files, number: str) -> None:
    files[f"{VIDEO}/labels/frame{number}.txt"] = files.pop(labels(int(number)))


WORD = " has a field that is not a decimal number"
LINE = "{image}: {labels}, line 1: "
CASES = (
    Case(
        fields(lambda values: values.pop(), in_both=False),
        "label_field_count",
        LINE + "'0 {cx} 0.5 0.125' has 4 fields, expected 5 (class cx cy w h)",
    ),
    Case(
        fields(lambda values: values.append("1"), in_both=False),
        "label_field_count",
        LINE + "'0 {cx} 0.5 0.125 0.25 1' has 6 fields, expected 5 (class cx cy w h)",
    ),
    Case(
        replace(tracked, b"ckz0 ", b""),
        "label_field_count",
        "{image}: {tracked}, line 1: '0 {cx} 0.5 0.125 0.25' has 5 fields, expected 6 (track_id class cx cy w h)",
    ),
    Case(field(1, "1.2"), "label_row_invalid", LINE + f"'0 1.2 0.5 0.125 0.25': {RULE}"),
    Case(field(2, "-0.1"), "label_row_invalid", LINE + f"'0 {{cx}} -0.1 0.125 0.25': {RULE}"),
    Case(field(3, "0"), "label_row_invalid", LINE + f"'0 {{cx}} 0.5 0 0.25': {RULE}"),
    Case(field(4, "nan"), "label_row_invalid", LINE + f"'0 {{cx}} 0.5 0.125 nan'{WORD}"),
    Case(field(4, "inf"), "label_row_invalid", LINE + f"'0 {{cx}} 0.5 0.125 inf'{WORD}"),
    Case(field(1, "left"), "label_row_invalid", LINE + f"'0 left 0.5 0.125 0.25'{WORD}"),
    Case(
        field(0, "7"),
        "label_class_unknown",
        LINE + "'7 {cx} 0.5 0.125 0.25' has the class '7', expected one of 0 (normal), 1 (cluster), 2 (pinhead)",
    ),
    Case(
        replace(tracked, b"ckz1", b"ckz0"),
        "duplicate_track_id",
        "{image}: {tracked}, line 2: track 'ckz0' is at {tracked}, line 1 too",
    ),
    Case(
        field(1, "0.2", in_both=False),
        "label_track_mismatch",
        "{image}: {labels}, line 1 says '0 0.2 0.5 0.125 0.25', {tracked}, line 1 says 'ckz0 0 {cx} 0.5 0.125 0.25'",
    ),
    Case(
        field(0, "1", in_both=False),
        "label_track_mismatch",
        "{image}: {labels}, line 1 says '1 {cx} 0.5 0.125 0.25', {tracked}, line 1 says 'ckz0 0 {cx} 0.5 0.125 0.25'",
    ),
    Case(
        replace(tracked, b"ckz1 1 0.75 0.5 0.25 0.25\n", b""),
        "label_track_mismatch",
        "{image}: {labels} has 2 rows, {tracked} has 1 row",
    ),
    Case(field(0, "2"), "track_class_changes", "{image}: track 'ckz0' is 'pinhead' here and 'normal' in most frames"),
    Case(
        content(b"", labels, tracked),
        "label_file_empty",
        "{image}: {labels}: the file has no rows; frames without objects have no file",
    ),
    Case(content(b"\xff\xfe0\x00", labels), "label_row_invalid", "{image}: {labels}: is not UTF-8 text ("),
    Case(
        remove(labels),
        "label_file_missing",
        "frame {number} of video 11 has {tracked} but no file in labels",
        ("{source}/{image}", "{source}/{tracked}"),
    ),
    Case(
        remove(tracked),
        "track_file_missing",
        "frame {number} of video 11 has {labels} but no file in labels_ftid",
        ("{source}/{image}", "{source}/{labels}"),
    ),
    Case(
        remove(frame),
        "image_missing",
        "frame {number} of video 11 has labels but no image file, and the mp4 cannot be used (",
        ("{source}/{labels}", "{source}/{tracked}"),
    ),
    Case(
        rename,
        "label_file_missing",
        "frame {number} of video 11 has {tracked} but no file in labels",
        ("{source}/{image}", "{source}/{tracked}"),
    ),
    Case(
        remove(labels, tracked),
        "unverified_empty",
        "{stem}: nothing is annotated in the image, and nothing says that nothing is there (of a declared source, "
        "[read.absence] certain does)",
        verdict="dropped",
    ),
)
SOUND = {f"visem_tracking/11_frame_{len(CASES) + number}" for number in range(4)}
NAMELESS = f"{VIDEO}/labels/frame{[case.spoil for case in CASES].index(rename)}.txt"
MP4 = f"{VIDEO}/11.mp4"


def names_of(number: int) -> Mapping[str, str]:
    paths = {"image": frame(number), "labels": labels(number), "tracked": tracked(number)}
    stem = {"source": "visem_tracking", "stem": f"11_frame_{number}", "number": str(number)}
    return stem | paths | {"cx": f"{0.25 + number / 1000:.6f}"}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One video: a frame for each case, then sound ones, of which one has CRLF and a byte order mark."""
    folder, files = tmp_path_factory.mktemp("labels"), make_frames(len(CASES) + len(SOUND))
    for number, case in enumerate(CASES):
        case.spoil(files, str(number))
    files[labels(len(CASES))] = b"\xef\xbb\xbf" + files[labels(len(CASES))].replace(b"\n", b"\r\n")
    files[MP4] = b"no video"
    return build(folder, {"visem_tracking": write_frames(folder / "frames", files)})


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{number}-{CASES[number].reason}")
def test_a_bad_label_file_is_quarantined_with_file_and_row(spoilt: Outcome, number: int) -> None:
    check_case(spoilt, CASES[number], names_of(number))


def test_bad_names_and_videos_are_quarantined(spoilt: Outcome) -> None:
    found = excluded(spoilt)
    assert found[f"visem_tracking/{NAMELESS}"] == (
        "rejected",
        "frame_name_invalid",
        f"{NAMELESS} is not called <id>_frame_<n>, so its frame is unknown",
    )
    verdict, reason, detail = found[f"visem_tracking/{MP4}"]
    assert (verdict, reason) == ("rejected", "video_unreadable")
    assert detail == f"{MP4}: Invalid data found when processing input"


def test_the_other_frames_are_released(spoilt: Outcome) -> None:
    """Every file is accounted for, those of the bad frames too."""
    lost = {key for number, case in enumerate(CASES) for key in keys_of(case, names_of(number))}
    assert set(excluded(spoilt)) == lost | {f"visem_tracking/{NAMELESS}", f"visem_tracking/{MP4}"}
    assert released(spoilt) == SOUND
    check_closed(spoilt)


def test_a_count_of_zero_is_stated_only_where_labels_are(spoilt: Outcome) -> None:
    """The recipe asks for zero counts: frames with labels get theirs, the frame without a label file gets none."""
    records = spoilt.table("records").select("sample_id", "label", "count").rows()
    counts = (("cluster", 1), ("normal", 1), ("pinhead", 0))
    assert sorted(records) == sorted((sample_id, *count) for sample_id in SOUND for count in counts)


@pytest.mark.slow
def test_frames_without_any_label_file_stop_the_build(tmp_path: Path, frames: Files) -> None:
    pictures = {name: data for name, data in frames.items() if name.endswith(".jpg")}
    source = write_frames(tmp_path / "frames", pictures)
    assert message_of_stop(tmp_path, {"visem_tracking": source}, exit_code=1) == (
        "visem_tracking: all files: no usable sample: 6 times unverified_empty, for example "
        "visem_tracking/11_frame_0: 11_frame_0: nothing is annotated in the image, and nothing says that nothing is "
        "there (of a declared source, [read.absence] certain does). Give what is missing with "
        "--source visem_tracking=PATH, or leave it out with --only."
    )


def test_labels_without_any_picture_stop_the_build(tmp_path: Path, frames: Files) -> None:
    texts = {name: data for name, data in frames.items() if name.endswith(".txt")}
    source = write_frames(tmp_path / "frames", texts)
    assert message_of_stop(tmp_path, {"visem_tracking": source}, exit_code=1) == (
        f"visem_tracking: all files: no usable sample: 12 times image_missing, for example {labels(0)}: "
        "frame 0 of video 11 has labels but no image file, and the video has no mp4. "
        "Give what is missing with --source visem_tracking=PATH, or leave it out with --only."
    )
