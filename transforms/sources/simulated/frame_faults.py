"""Plant known defects of label and track files on frames chosen by the seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.counts import VideoCounts
from medmultipoints.transforms.sources.simulated.members import Content, Planted, digest
from medmultipoints.transforms.sources.simulated.visem_names import (
    NAME,
    frame_stem,
    image_name,
    labels_name,
    tracked_name,
)

Contents = dict[str, Content]
Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame chosen for a fault, in a video of ``frames`` frames."""

    video: str
    number: int
    frames: int


@dataclass(frozen=True, slots=True)
class FrameFault:
    """A defect: ``plant(contents, frame)`` plants it and returns the member at fault; ``reason`` as in ``Planted``."""

    plant: Callable[[Contents, Frame], str]
    reason: str | None


def plant_frame_faults(
    seed: int, contents: Contents, videos: Sequence[VideoCounts], faults: Sequence[str]
) -> tuple[Planted, ...]:
    """Plant each named fault on a separate frame, changing ``contents`` in place.

    Frames need at least two cells of the first class, and distance from each other and from the ends.
    Errors: UsageError if there are too few such frames.
    """
    frames = _choose_frames(seed, videos)
    if len(frames) < len(faults):
        raise UsageError(
            f"{NAME}: {len(faults)} faults need as many labelled frames with two cells, five frames apart, and the "
            f"simulation has {len(frames)}. Simulate longer videos or name fewer faults."
        )
    return tuple(
        Planted(NAME, name, _stem(name, frame), FRAME_FAULTS[name].plant(contents, frame), FRAME_FAULTS[name].reason)
        for name, frame in zip(faults, frames, strict=False)
    )


def _choose_frames(seed: int, videos: Sequence[VideoCounts]) -> list[Frame]:
    chosen = [
        Frame(video.video, number, video.frames)
        for video in videos
        for number in range(2, video.frames - 3, 5)
        if np.all(video.counts[number - 1 : number + 3, 0] >= 2)
    ]
    return sorted(chosen, key=lambda frame: digest(seed, "fault", frame.video, frame.number))


def _stem(name: str, frame: Frame) -> str:
    return frame_stem(frame.video, _beyond(frame) if name == "label_without_image" else frame.number)


def _beyond(frame: Frame) -> int:
    """Return a frame number beyond the video, distinct from those of the video's other faults."""
    return frame.frames + frame.number


def _edit(change: Callable[[Rows], None], *, tracked: bool = True) -> Callable[[Contents, Frame], str]:
    """Return a plant that changes the rows ``class cx cy w h`` of the label file, and of the file with track ids."""

    def plant(contents: Contents, frame: Frame) -> str:
        label_file, track_file = (make(frame.video, frame.number) for make in (labels_name, tracked_name))
        contents[label_file] = _edited(contents[label_file], change, ids=False)
        if tracked:
            contents[track_file] = _edited(contents[track_file], change, ids=True)
        return label_file

    return plant


def _edited(content: Content, change: Callable[[Rows], None], *, ids: bool) -> Content:
    def edited() -> bytes:
        lines = [line.split() for line in content().decode().splitlines()]
        rows = [line[ids:] for line in lines]
        change(rows)
        fronts = [line[:1] if ids else [] for line in lines]
        return "".join(" ".join([*front, *row]) + "\n" for front, row in zip(fronts, rows, strict=True)).encode()

    return edited


def _repeat_track_id(contents: Contents, frame: Frame) -> str:
    name = tracked_name(frame.video, frame.number)
    content = contents[name]

    def repeated() -> bytes:
        first, second, *others = content().decode().splitlines(keepends=True)
        return "".join([first, f"{first.split()[0]} {second.split(maxsplit=1)[1]}", *others]).encode()

    contents[name] = repeated
    return name


def _remove_label_files(contents: Contents, frame: Frame) -> str:
    """Remove the label files of this frame and the next."""
    for number in (frame.number, frame.number + 1):
        contents.pop(labels_name(frame.video, number), None)
        contents.pop(tracked_name(frame.video, number), None)
    return labels_name(frame.video, frame.number)


def _empty_label_file(contents: Contents, frame: Frame) -> str:
    for name in (labels_name(frame.video, frame.number), tracked_name(frame.video, frame.number)):
        contents[name] = lambda: b""
    return labels_name(frame.video, frame.number)


def _label_without_image(contents: Contents, frame: Frame) -> str:
    """Add label files of a frame beyond the last, without picture or video frame."""
    contents[labels_name(frame.video, _beyond(frame))] = contents[labels_name(frame.video, frame.number)]
    contents[tracked_name(frame.video, _beyond(frame))] = contents[tracked_name(frame.video, frame.number)]
    return labels_name(frame.video, _beyond(frame))


def _identical_frames(contents: Contents, frame: Frame) -> str:
    """Replace the picture by that of the frame before, if there are picture files."""
    name = image_name(frame.video, frame.number)
    if name in contents:
        contents[name] = contents[image_name(frame.video, frame.number - 1)]
    return name


def _set(row: int, field: int, value: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][field] = value

    return change


def _drop_field(rows: Rows) -> None:
    del rows[0][-1]


def _add_field(rows: Rows) -> None:
    rows[0].append("0.5")


def _shift_centre(rows: Rows) -> None:
    rows[0][1] = f"{float(rows[0][1]) * 0.9 + 0.01:.6f}"


FRAME_FAULTS: Mapping[str, FrameFault] = {
    "label_lacks_field": FrameFault(_edit(_drop_field, tracked=False), "label_field_count"),
    "label_has_extra_field": FrameFault(_edit(_add_field, tracked=False), "label_field_count"),
    "label_out_of_range": FrameFault(_edit(_set(0, 1, "1.200000")), "label_row_invalid"),
    "label_class_unknown": FrameFault(_edit(_set(0, 0, "7")), "label_class_unknown"),
    "labels_disagree": FrameFault(_edit(_shift_centre, tracked=False), "label_track_mismatch"),
    "track_changes_class": FrameFault(_edit(_set(0, 0, "2")), "track_class_changes"),
    "track_id_repeated": FrameFault(_repeat_track_id, "duplicate_track_id"),
    "label_files_missing": FrameFault(_remove_label_files, None),
    "label_file_empty": FrameFault(_empty_label_file, "label_file_empty"),
    "label_without_image": FrameFault(_label_without_image, "image_missing"),
    "identical_frames": FrameFault(_identical_frames, None),
}
