"""Sort the members of a source of frames by video and frame, from their paths alone.

The folder and the extension of a pattern say which files are meant, its name which video and frame: a file of the
folder whose name does not fit is rejected and not foreign.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources import accounting
from medmultipoints.transforms.sources.accounting import NOT_PART, Problem, exclude
from medmultipoints.transforms.sources.declaration.patterns import Pattern, compile_pattern
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.paths import MemberPath, split_path

KEYS: Final = frozenset(
    {"format", "images", "annotations", "video", "classes", "labels", "drop", "splits.from", "splits.names"}
)
"""Keys of a declaration of frames, apart from those of an ontology."""
_DIGITS: Final = 9
_SPOKEN: Final = {"video": "<id>", "frame": "<n>"}


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
class FrameLayout:
    """Videos by id, and exclusions of the other members."""

    videos: Mapping[str, VideoFiles]
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True)
class FilePattern:
    """Files of one pattern; ``above`` matches their folder, ``name`` their stem; no extension: any picture's."""

    above: Pattern
    folder: str
    name: Pattern
    extension: str

    def holds(self, path: MemberPath) -> bool:
        fits = path.extension == self.extension if self.extension else path.is_image
        return fits and path.folder == self.folder

    def place(self, path: MemberPath) -> tuple[str, int] | Problem:
        """Return video and frame of a member, or the problem that its name does not identify them."""
        found = self.name.match(path.stem) or {}
        video, frame = found.get("video", ""), found.get("frame", "")
        if len(frame) > _DIGITS or video.split() != [video]:
            form = _spell(self.name.text)
            return Problem("frame_name_invalid", f"{path.name} is not called {form}, so its frame is unknown")
        above = (self.above.match("/".join(path.folders)) or {}).get("video", video)
        if above != video:
            return Problem("video_id_mismatch", f"{path.name} lies in the folder of video {above!r}")
        return video, int(frame)


@dataclass(frozen=True, slots=True)
class FramePatterns:
    """Patterns of the files of a source of frames; ``labels`` and ``tracks`` are equal if one file has both."""

    images: FilePattern
    labels: FilePattern
    tracks: FilePattern
    video: Pattern

    @property
    def spoken(self) -> str:
        """The layout in words, for a message about another archive."""
        return f"{_spell(self.images.above.text)}/{_spell(self.images.name.text)}.jpg and no {_spell(self.video.text)}"


def frame_patterns(described: DescribedSource) -> FramePatterns:
    """Return the declared patterns. Raise UsageError if one is missing, or lacks the holes for video and frame."""
    keys = described.declaration
    described.refuse_other_keys(KEYS, "frames have one pattern of images")
    if len(keys.images) != 1 or len(keys.annotations) not in (1, 2) or not keys.video or not keys.classes:
        wanted = "one pattern of images, one or two of annotations, video and classes"
        raise UsageError(f"{described.name}: read: frames need {wanted}.")
    if "video" not in (video := compile_pattern(keys.video)).holes:
        raise UsageError(f"{described.name}: read.video: {keys.video!r} has no hole {{video}}.")
    kinds = [_file_pattern(described.name, text) for text in (*keys.images, *keys.annotations)]
    return FramePatterns(kinds[0], kinds[1], kinds[-1], video)


def _file_pattern(source: str, text: str) -> FilePattern:
    path = split_path(text)
    name, folder = compile_pattern(path.stem), compile_pattern("/".join(path.folders))
    if not {"video", "frame"} <= set(name.holes) or "frame" not in name.numbers or re.search(r"[*{\[]|^$", path.folder):
        wanted = "a named folder and a file name with the holes {video} and {frame:int}"
        raise UsageError(f"{source}: read: {text!r} needs {wanted}, such as **/images/{{video}}_{{frame:int}}.*")
    return FilePattern(folder, path.folder, name, "" if path.extension == ".*" else path.extension)


def _spell(pattern: str) -> str:
    """Return a pattern with ``<id>`` and ``<n>`` for its holes."""
    plain = pattern.removeprefix("**/")
    return re.sub(r"\{(\w+)(?::[^}]*)?\}", lambda hole: _SPOKEN.get(hole[1], hole[0]), plain)


def sort_members(described: DescribedSource, patterns: FramePatterns, paths: Iterable[MemberPath]) -> FrameLayout:
    """Return the members sorted into videos and frames, with exclusions of the others.

    Dropped: what the declaration drops, ``not_part_of_the_dataset``. Rejected: ``frame_name_invalid``,
    ``video_id_mismatch``.
    """
    source, videos = described.name, dict[str, VideoFiles]()
    clutter = {path.name: f"{path.name} is left behind by an operating system" for path in paths if path.is_clutter}
    names = {path.name for path in paths} - clutter.keys()
    excluded = {row.key: row for row in accounting.drop_declared(source, names, described.declaration.drop)}
    foreign = dict(clutter)
    for path in (path for path in paths if path.name not in excluded and path.name not in clutter):
        placed = _place_member(path, patterns, videos)
        if isinstance(placed, Problem):
            excluded[path.name] = exclude(source, [path.name], "rejected", placed)[0]
        elif not placed:
            foreign[path.name] = f"{path.name} contains no frame, label or video of the labelled set"
    rows = (
        row for name, said in foreign.items() for row in exclude(source, [name], "dropped", Problem(NOT_PART, said))
    )
    return FrameLayout(videos, (*excluded.values(), *rows))


def _place_member(path: MemberPath, patterns: FramePatterns, videos: dict[str, VideoFiles]) -> Problem | bool:
    """Add the member to its video; return False if it is foreign, a problem if its name does not identify the frame."""
    kinds = {"images": patterns.images, "labels": patterns.labels, "tracks": patterns.tracks}
    found = {name: kind.place(path) for name, kind in kinds.items() if kind.holds(path)}
    places = {name: place for name, place in found.items() if not isinstance(place, Problem)}
    for name, (video_id, frame) in places.items():
        files = videos.setdefault(video_id, VideoFiles(video_id)).frames.setdefault(frame, FrameFiles())
        getattr(files, name).append(path.name)
    if places:
        return True
    problems = [place for place in found.values() if isinstance(place, Problem)]
    return problems[0] if problems else _place_video(path, patterns.video, videos)


def _place_video(path: MemberPath, pattern: Pattern, videos: dict[str, VideoFiles]) -> Problem | bool:
    found = pattern.match(path.name)
    if found is None:
        return False
    if len(found["video"].split()) != 1:
        return Problem("frame_name_invalid", f"{path.name}: a video id must not contain blanks")
    videos.setdefault(found["video"], VideoFiles(found["video"])).videos.append(path.name)
    return True
