"""Read VISEM-Tracking: frames of microscopy videos with boxes and tracks of spermatozoa.

This module reads only paths and video headers; ``transforms.regions.tracks`` parses the label files.
"""

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from medmultipoints.transforms.errors import MemberProblem, SourceDataError
from medmultipoints.transforms.records import Exclusion, FramePicture, Indexed, Members, Sample, VideoFacts
from medmultipoints.transforms.sources.accounting import Problem, assemble, exclude
from medmultipoints.transforms.sources.builtin.frame_sampling import FrameSampling, sample_frames
from medmultipoints.transforms.sources.builtin.visem_layout import SOURCE, FrameFiles, VideoFiles, sort_visem_members
from medmultipoints.transforms.sources.paths import describe_found, split_paths

LABELS = ("cluster", "normal", "pinhead")
# The published card gives only the organ; the other two strings are ours.
ORGAN = "Microscopy"
FINDING = "sperm"
CLASSIFICATION = "microscopy"
VALIDATION_VIDEOS = frozenset({"52", "54", "60", "82"})
_REMEDY = "Give VISEM_tracking.zip, or a folder that holds the folders of the videos."
_MOST_FRAMES = 1_000_000  # a damaged header can claim billions
NEIGHBOURS = 3
"""Number of pictures on each side of a decoded frame whose numbers are compared with the video."""


@dataclass(frozen=True, slots=True)
class _Video:
    """A video; ``file`` is None if it is missing, or unusable for the reason ``fault``."""

    files: VideoFiles
    file: str | None
    facts: VideoFacts | None
    fault: Problem | None


@dataclass(frozen=True, slots=True)
class _Part:
    samples: tuple[Sample, ...]
    used: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]


def read_samples(
    members: Members,
    *,
    seed: int,
    sampling: Annotated[Literal["all", "every", "per_video"], "which frames of a video become samples"] = "all",
    every: Annotated[
        int, Field(ge=1, le=2**31 - 1), "with sampling every: take the frames whose number is divisible by this"
    ] = 1,
    per_video: Annotated[
        int, Field(ge=1, le=2**31 - 1), "with sampling per_video: number of frames per video, drawn by the seed"
    ] = 250,
    allow_decoded: Annotated[
        bool, "decode frames from the mp4 if their pictures are missing; false: reject them"
    ] = True,
) -> Indexed:
    """Return a sample for each sampled frame, with the paths of its image and its two label files.

    A frame without label files has no exhaustive label, since nothing proves that it is empty. All frames of a video
    without image files, and labelled frames without an image file, are decoded from the mp4; with ``allow_decoded``
    false they are rejected. Sampling (see ``sample_frames``) is over all frames with a picture, before any is rejected,
    and rejected frames are not replaced.
    Errors: SourceDataError if the members are not VISEM-Tracking.
    """
    rule = FrameSampling(sampling, every, per_video, seed)
    paths = split_paths(members.names())
    layout = sort_visem_members(paths)
    if not layout.videos:
        problem = f"has no <id>/images/<id>_frame_<n>.jpg and no <id>/<id>.mp4; {describe_found(paths)}"
        raise SourceDataError(SOURCE, "the archive", problem, _REMEDY)
    parts = [_read_video(_open_video(members, video), rule, allow_decoded) for video in layout.videos.values()]
    return assemble(
        (sample for part in parts for sample in part.samples),
        (name for part in parts for name in part.used),
        (*layout.exclusions, *(row for part in parts for row in part.exclusions)),
    )


def _open_video(members: Members, files: VideoFiles) -> _Video:
    if not files.videos:
        return _Video(files, None, None, None)
    if len(files.videos) > 1:
        names = ", ".join(files.videos)
        return _Video(
            files, None, None, Problem("duplicate_stem", f"more than one file is video {files.video_id}: {names}")
        )
    name = files.videos[0]
    try:
        facts = members.video_facts(name)
    except MemberProblem as problem:
        return _Video(files, None, None, Problem(problem.reason, problem.detail))
    if not 0 < facts.frames <= _MOST_FRAMES:
        return _Video(files, None, None, Problem("video_unreadable", f"{name}: its header gives {facts.frames} frames"))
    return _Video(files, name, facts, None)


def _read_video(video: _Video, rule: FrameSampling, allow_decoded: bool) -> _Part:
    frames, decoded = _list_frames(video)
    with_picture = {n for n, files in frames.items() if files.images} | (decoded if allow_decoded else set())
    chosen = sample_frames(rule, video.files.video_id, with_picture)
    left_out = Problem("not_sampled", "the frame is " + rule.describe(video.files.video_id))
    samples: list[Sample] = []
    exclusions: list[Exclusion] = []
    pictures = [FramePicture(n, files.images[0]) for n, files in sorted(frames.items()) if len(files.images) == 1]
    unnumbered = None if pictures else _labels_from_one(video)
    for n, files in sorted(frames.items()):
        problem = _find_problem(video, n, files, n in decoded, allow_decoded) or (unnumbered if n in decoded else None)
        stem = _stem(video, n)
        if problem is not None:
            exclusions += exclude(SOURCE, files.names, "rejected", problem, stem)
        elif n not in chosen:
            exclusions += exclude(SOURCE, files.names, "dropped", left_out, stem)
        else:
            samples.append(_make_sample(video, n, files, () if files.images else _neighbours(pictures, n)))
    refused = not allow_decoded and bool(decoded) and not with_picture
    used, excluded = _account_for_video(video, refused=refused, empty=not samples)
    return _Part(tuple(samples), used, (*exclusions, *excluded))


def _list_frames(video: _Video) -> tuple[Mapping[int, FrameFiles], set[int]]:
    """Return all frames by number, and the numbers of those to decode from the video."""
    frames = video.files.frames
    if video.facts is None:
        return frames, set()
    available = range(video.facts.frames)
    if any(files.images for files in frames.values()):
        return frames, {n for n, files in frames.items() if not files.images and n in available}
    return {**{n: FrameFiles() for n in available}, **frames}, set(available)


def _find_problem(video: _Video, n: int, files: FrameFiles, is_decoded: bool, allow_decoded: bool) -> Problem | None:
    frame = f"frame {n} of video {video.files.video_id}"
    if files.is_repeated:
        return Problem("duplicate_stem", f"{frame} has more than one file of a kind: {', '.join(files.names)}")
    if is_decoded and not allow_decoded:
        return Problem(
            "decoded_frames_not_allowed", f"{frame} exists in {video.file} only, and the recipe refuses those"
        )
    if not files.images and not is_decoded:
        hint = ""
        if _is_numbered_from_one(video):
            hint = ". Pictures and labels seem to be numbered from 1: give the picture, or number both from 0"
        return Problem("image_missing", f"{frame} has labels but no image file, and {_describe_video(video)}{hint}")
    if files.labels and not files.tracks:
        return Problem("track_file_missing", f"{frame} has {files.labels[0]} but no file in labels_ftid")
    if files.tracks and not files.labels:
        return Problem("label_file_missing", f"{frame} has {files.tracks[0]} but no file in labels")
    return None


def _is_numbered_from_one(video: _Video) -> bool:
    """Return whether labels begin after frame 0 and end one after the last frame of the file."""
    labelled = {n for n, files in video.files.frames.items() if files.labels}
    return video.facts is not None and 0 not in labelled and max(labelled, default=-1) == video.facts.frames


def _labels_from_one(video: _Video) -> Problem | None:
    """Return a problem if labels of a video without pictures end one frame too late, so are numbered from 1."""
    if video.facts is None or not _is_numbered_from_one(video):
        return None
    last = video.facts.frames - 1
    detail = f"its label files end at number {last + 1}, and {video.file} shows the frames 0 to {last}"
    return Problem("frame_numbering", f"{detail}: they seem to be numbered from 1. Number them from 0")


def _neighbours(pictures: Sequence[FramePicture], n: int) -> tuple[FramePicture, ...]:
    """Return the nearest pictures before and after a frame without one."""
    after = bisect(pictures, n, key=lambda one: one.frame_index)
    return tuple(pictures[max(0, after - NEIGHBOURS) : after + NEIGHBOURS])


def _describe_video(video: _Video) -> str:
    if video.facts is not None:
        return f"{video.file} has {video.facts.frames} frames only"
    return "the video has no mp4" if video.fault is None else f"the mp4 cannot be used ({video.fault.detail})"


def _account_for_video(video: _Video, *, refused: bool, empty: bool) -> tuple[tuple[str, ...], tuple[Exclusion, ...]]:
    if video.fault is not None:
        return (), exclude(SOURCE, video.files.videos, "rejected", video.fault)
    if video.file is None:
        return (), ()
    if refused:
        detail = f"{video.file} is the only holder of its frames, and the recipe refuses decoded frames"
        return (), exclude(SOURCE, [video.file], "rejected", Problem("decoded_frames_not_allowed", detail))
    if empty:
        problem = Problem("no_frame_is_used", f"{video.file}: each of its frames is rejected or not sampled")
        return (), exclude(SOURCE, [video.file], "dropped", problem)
    return (video.file,), ()


def _stem(video: _Video, n: int) -> str:
    return f"{video.files.video_id}_frame_{n}"


def _make_sample(video: _Video, n: int, files: FrameFiles, neighbours: tuple[FramePicture, ...]) -> Sample:
    image, label, track = (names[0] if names else None for names in (files.images, files.labels, files.tracks))
    return Sample(
        source=SOURCE,
        stem=_stem(video, n),
        image_member=image,
        label_member=label,
        track_member=track,
        video_member=None if image else video.file,
        video_id=video.files.video_id,
        frame_index=n,
        fps=None if video.facts is None else video.facts.fps,
        organ=ORGAN,
        finding=FINDING,
        classification=CLASSIFICATION,
        official_split="validation" if video.files.video_id in VALIDATION_VIDEOS else "train",
        labels_exhaustive=LABELS if label else (),
        neighbours=neighbours,
    )
