"""Read frames of videos, with label files and track identities named after the frame.

This module reads only paths and video headers; ``transforms.regions.tracks`` parses the label files.
"""

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from pydantic import Field

from medmultipoints.transforms.errors import MemberProblem, SourceDataError
from medmultipoints.transforms.records import (
    UNKNOWN,
    Exclusion,
    FramePicture,
    Indexed,
    Members,
    Sample,
    Verdict,
    VideoFacts,
)
from medmultipoints.transforms.sources.accounting import Problem, assemble, exclude
from medmultipoints.transforms.sources.declaration.patterns import fill
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.frames.layout import (
    FrameFiles,
    FramePatterns,
    VideoFiles,
    frame_patterns,
    sort_members,
)
from medmultipoints.transforms.sources.frames.sampling import FrameSampling, sample_frames
from medmultipoints.transforms.sources.paths import describe_found, split_paths

Exclusions = tuple[Exclusion, ...]
_MOST_FRAMES: Final = 1_000_000  # a damaged header can claim billions
NEIGHBOURS: Final = 3
"""Number of pictures on each side of a decoded frame whose numbers are compared with the video."""


@dataclass(frozen=True, slots=True)
class _Video:
    """A video of a source; ``file`` is None if it is missing, or unusable for the reason ``fault``."""

    described: DescribedSource
    patterns: FramePatterns
    files: VideoFiles
    file: str | None = None
    facts: VideoFacts | None = None
    fault: Problem | None = None

    def exclude(self, keys: Iterable[str], verdict: Verdict, problem: Problem, n: int | None = None) -> Exclusions:
        """Return one exclusion per key, of frame ``n`` if it belongs to one."""
        return exclude(self.described.name, keys, verdict, problem, None if n is None else self.stem(n))

    def stem(self, n: int) -> str:
        """Return the name of the sample of a frame."""
        return f"{self.files.video_id}_frame_{n}"


@dataclass(frozen=True, slots=True)
class _Part:
    samples: tuple[Sample, ...]
    used: tuple[str, ...]
    exclusions: Exclusions


def read_samples(
    members: Members,
    *,
    described: DescribedSource,
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
    Errors: SourceDataError if the members have no such frame and no such video; UsageError for missing patterns.
    """
    rule, patterns = FrameSampling(sampling, every, per_video, seed), frame_patterns(described)
    paths = split_paths(members.names())
    layout = sort_members(described, patterns, paths)
    if not layout.videos:
        files = " and ".join(described.files) or "all files"
        remedy = f"Give {files}, or a folder that holds the folders of the videos."
        raise SourceDataError(
            described.name, "the archive", f"has no {patterns.spoken}; {describe_found(paths)}", remedy
        )
    videos = (_open_video(described, patterns, members, video) for video in layout.videos.values())
    parts = [_read_video(video, rule, allow_decoded) for video in videos]
    return assemble(
        (sample for part in parts for sample in part.samples),
        (name for part in parts for name in part.used),
        (*layout.exclusions, *(row for part in parts for row in part.exclusions)),
    )


def _open_video(described: DescribedSource, patterns: FramePatterns, members: Members, files: VideoFiles) -> _Video:
    video = _Video(described, patterns, files)
    if len(files.videos) > 1:
        said = f"more than one file is video {files.video_id}: {', '.join(files.videos)}"
        return replace(video, fault=Problem("duplicate_stem", said))
    for name in files.videos:
        try:
            facts = members.video_facts(name)
        except MemberProblem as problem:
            return replace(video, fault=Problem(problem.reason, problem.detail))
        if 0 < facts.frames <= _MOST_FRAMES:
            return replace(video, file=name, facts=facts)
        said = f"{name}: its header gives {facts.frames} frames"
        return replace(video, fault=Problem("video_unreadable", said))
    return video


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
        if problem is not None:
            exclusions += video.exclude(files.names, "rejected", problem, n)
        elif n not in chosen:
            exclusions += video.exclude(files.names, "dropped", left_out, n)
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
        return Problem(
            "track_file_missing", f"{frame} has {files.labels[0]} but no file in {video.patterns.tracks.folder}"
        )
    if files.tracks and not files.labels:
        return Problem(
            "label_file_missing", f"{frame} has {files.tracks[0]} but no file in {video.patterns.labels.folder}"
        )
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


def _account_for_video(video: _Video, *, refused: bool, empty: bool) -> tuple[tuple[str, ...], Exclusions]:
    if video.fault is not None:
        return (), video.exclude(video.files.videos, "rejected", video.fault)
    if video.file is None:
        return (), ()
    if refused:
        detail = f"{video.file} is the only holder of its frames, and the recipe refuses decoded frames"
        return (), video.exclude([video.file], "rejected", Problem("decoded_frames_not_allowed", detail))
    if empty:
        problem = Problem("no_frame_is_used", f"{video.file}: each of its frames is rejected or not sampled")
        return (), video.exclude([video.file], "dropped", problem)
    return (video.file,), ()


def _make_sample(video: _Video, n: int, files: FrameFiles, neighbours: tuple[FramePicture, ...]) -> Sample:
    image, label, track = (names[0] if names else None for names in (files.images, files.labels, files.tracks))
    described, splits = video.described, video.described.declaration.splits
    split = splits.named(fill(splits.source, {"video": video.files.video_id})) if splits.source else None
    return Sample(
        source=described.name,
        stem=video.stem(n),
        image_member=image,
        label_member=label,
        track_member=track,
        video_member=None if image else video.file,
        video_id=video.files.video_id,
        frame_index=n,
        fps=None if video.facts is None else video.facts.fps,
        organ=described.facts.get("organ", UNKNOWN),
        finding=described.facts.get("finding", UNKNOWN),
        classification=described.facts.get("classification", UNKNOWN),
        modality=described.facts.get("modality"),
        official_split=split,
        labels_exhaustive=tuple(sorted(described.classes)) if label else (),
        neighbours=neighbours,
    )
