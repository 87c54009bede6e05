"""Sort the members of VISEM-Tracking by video and frame, from their paths alone.

Layout, with arbitrary outer folders: ``<id>/<id>.mp4``, ``<id>/images/<id>_frame_<n>.jpg``,
``<id>/labels/<id>_frame_<n>.txt``, ``<id>/labels_ftid/<id>_frame_<n>_with_ftid.txt``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources.accounting import NOT_PART, Problem, exclude
from medmultipoints.transforms.sources.paths import MemberPath

SOURCE = "visem_tracking"
_FRAME = re.compile(r"(\S+)_frame_([0-9]{1,9})")
_TRACKED = re.compile(r"(\S+)_frame_([0-9]{1,9})_with_ftid")
_UNLABELLED_FOLDER = "visem-extracted-30s-"
_HEALTH_TABLES = (
    "participant_related_data",
    "semen_analysis_data",
    "sex_hormones",
    "fatty_acids_serum",
    "fatty_acids_sperma",
)


@dataclass(slots=True)
class FrameFiles:
    """Files of one frame; more than one of a kind is a duplicate."""

    images: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    tracks: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.images, *self.labels, *self.tracks)

    @property
    def is_repeated(self) -> bool:
        return len(self.images) > 1 or len(self.labels) > 1 or len(self.tracks) > 1


@dataclass(slots=True)
class VideoFiles:
    """Files of one video: its frames by number and its video files."""

    video_id: str
    frames: dict[int, FrameFiles] = field(default_factory=dict)
    videos: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VisemLayout:
    """Videos by id, and exclusions of the other members."""

    videos: Mapping[str, VideoFiles]
    exclusions: tuple[Exclusion, ...]


def sort_visem_members(paths: Iterable[MemberPath]) -> VisemLayout:
    """Return the members sorted into videos and frames, with exclusions of the others.

    Dropped: ``unlabelled_clip``, ``participant_data_kept_out``, ``author_paths_ignored``,
    ``not_part_of_the_dataset``. Rejected: ``frame_name_invalid``, ``video_id_mismatch``.
    """
    videos: dict[str, VideoFiles] = {}
    exclusions: dict[str, Exclusion] = {}
    for path in paths:
        problem = _find_drop(path)
        if problem is not None:
            exclusions[path.name] = exclude(SOURCE, [path.name], "dropped", problem)[0]
            continue
        problem = _place_member(path, videos)
        if problem is not None:
            exclusions[path.name] = exclude(SOURCE, [path.name], "rejected", problem)[0]
    return VisemLayout(videos, tuple(exclusions.values()))


def _find_drop(path: MemberPath) -> Problem | None:
    if path.is_clutter:
        return Problem(NOT_PART, f"{path.name} is left behind by an operating system")
    if any(folder.startswith(_UNLABELLED_FOLDER) for folder in path.folders):
        return Problem("unlabelled_clip", f"{path.name} is one of the clips without labels")
    if path.stem.lower().startswith(_HEALTH_TABLES):
        return Problem("participant_data_kept_out", f"{path.name} contains health data of participants")
    if path.extension == ".txt" and path.folder == path.stem:
        return Problem("author_paths_ignored", f"{path.name} lists paths on the authors' disk")
    if _is_frame_file(path) or (path.extension == ".mp4" and path.folder == path.stem):
        return None
    return Problem(NOT_PART, f"{path.name} contains no frame, label or video of the labelled set")


def _is_frame_file(path: MemberPath) -> bool:
    folder = path.folder
    return (folder == "images" and path.is_image) or (folder in ("labels", "labels_ftid") and path.extension == ".txt")


def _place_member(path: MemberPath, videos: dict[str, VideoFiles]) -> Problem | None:
    """Add the member to its video, or return a problem if its name does not identify the frame."""
    if path.extension == ".mp4":
        if any(character.isspace() for character in path.stem):
            return Problem("frame_name_invalid", f"{path.name}: a video id must not contain blanks")
        videos.setdefault(path.stem, VideoFiles(path.stem)).videos.append(path.name)
        return None
    tracked = path.folder == "labels_ftid"
    match = (_TRACKED if tracked else _FRAME).fullmatch(path.stem)
    if match is None:
        form = "<id>_frame_<n>_with_ftid" if tracked else "<id>_frame_<n>"
        return Problem("frame_name_invalid", f"{path.name} is not called {form}, so its frame is unknown")
    video_id = match[1]
    if len(path.folders) > 1 and path.folders[-2] != video_id:
        return Problem("video_id_mismatch", f"{path.name} lies in the folder of video {path.folders[-2]!r}")
    video = videos.setdefault(video_id, VideoFiles(video_id))
    files = video.frames.setdefault(int(match[2]), FrameFiles())
    {"images": files.images, "labels": files.labels, "labels_ftid": files.tracks}[path.folder].append(path.name)
    return None
