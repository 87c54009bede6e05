"""MOT challenge: one folder per video with ``gt/gt.txt``, ``seqinfo.ini`` and pictures ``img1/%06d``.

All numbers count from 1. Frame numbers follow the released frames of the video, which is the frame index plus 1 if no
frame is left out; ``frames.csv`` maps one to the other. ``frameRate`` is the rate of the listed pictures: the video's
rate divided by the step between released frames, if that step is constant; ``video.json`` has both rates. Track ids are
numbered in sorted order per video (``tracks.csv`` maps them); objects without a track get ids after them. Classes are
numbered as in ``gt/labels.txt``, where datumaro looks for them.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Final

import orjson

from medmultipoints.transforms.dialects.items import Contents, Picture, Placement
from medmultipoints.transforms.dialects.layouts.coco import Files
from medmultipoints.transforms.dialects.layouts.names import plain_name, stable_id
from medmultipoints.transforms.regions.boxes import to_mot

NO_VIDEO: Final = "not a frame of a video"
DECIMALS: Final = 4
_IMAGES: Final = "img1"


def place(pictures: Iterable[Picture], split: str) -> Placement:
    """Return the placement of video frames, numbered from 1 per video."""
    paths: dict[str, str] = {}
    for name, frames in _videos(pictures, split).items():
        for number, picture in enumerate(frames, 1):
            paths[picture.sample_id] = f"{name}/{_IMAGES}/{number:06d}.{picture.extension}"
    others = sum(1 for _ in pictures) - len(paths)
    return Placement(paths, {NO_VIDEO: others} if others else {})


def encode(pictures: Iterable[Picture], contents: Contents, split: str) -> Files:
    """Yield ground truth, sequence file and both maps of each video, and the split's list of sequences."""
    videos = _videos(pictures, split)
    for name, frames in videos.items():
        tracks = {found.track_id for picture in frames for found in picture.objects if found.track_id is not None}
        ids = {track: number for number, track in enumerate(sorted(tracks), 1)}
        numbered = [(number, picture.frame_index, picture.sample_id) for number, picture in enumerate(frames, 1)]
        yield f"{name}/gt/gt.txt", _truth(frames, ids, contents)
        yield f"{name}/gt/labels.txt", ["".join(f"{label}\n" for label in contents.labels).encode()]
        yield f"{name}/seqinfo.ini", [_describe(PurePosixPath(name).name, frames)]
        yield f"{name}/video.json", [_video_facts(frames)]
        yield f"{name}/frames.csv", [_csv([("frame", "frame_index", "sample_id"), *numbered])]
        yield f"{name}/tracks.csv", [_csv([("id", "track_id"), *((number, key) for key, number in ids.items())])]
    if videos:
        yield f"seqmaps/{split}.txt", ["\n".join(["name", *(PurePosixPath(name).name for name in videos), ""]).encode()]


def _videos(pictures: Iterable[Picture], split: str) -> dict[str, list[Picture]]:
    found: defaultdict[tuple[str, str], list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.video_id is not None and picture.frame_index is not None:
            found[picture.source, picture.video_id].append(picture)
    named = {}
    for (source, video), frames in sorted(found.items()):
        text = f"{source}-{video}"
        name = f"{split}/{plain_name(text, f'video-{stable_id(text)}')}"
        named[name] = sorted(frames, key=lambda picture: (picture.frame_index or 0, picture.sample_id))
    return named


def _truth(frames: Sequence[Picture], ids: Mapping[str, int], contents: Contents) -> Iterator[bytes]:
    unknown = len(ids)
    for number, picture in enumerate(frames, 1):
        rows = []
        for found in picture.objects:
            unknown += found.track_id is None
            track = unknown if found.track_id is None else ids[found.track_id]
            sides = ",".join(_number(side) for side in to_mot(found.box))
            rows.append((track, f"{number},{track},{sides},1,{contents.labels.index(found.label) + 1},1\n"))
        yield "".join(row for _, row in sorted(rows)).encode()


def _describe(name: str, frames: Sequence[Picture]) -> bytes:
    """Return the sequence file with exactly the keys of the challenge: readers refuse others."""
    first = frames[0]
    if len({(picture.extension, picture.size) for picture in frames}) > 1:
        raise ValueError(f"video {name}: its frames differ in size or format; a sequence file allows one of each")
    facts: dict[str, Any] = {"name": name, "imDir": _IMAGES}
    if first.fps is not None:
        facts["frameRate"] = _number(first.fps / (_step(frames) or 1))
    facts |= {"seqLength": len(frames), "imWidth": first.size.width, "imHeight": first.size.height}
    lines = [f"{key}={value}" for key, value in (facts | {"imExt": f".{first.extension}"}).items()]
    return "\n".join(["[Sequence]", *lines, ""]).encode()


def _video_facts(frames: Sequence[Picture]) -> bytes:
    facts = {"source": frames[0].source, "video_id": frames[0].video_id, "fps": frames[0].fps}
    step = _step(frames)
    return orjson.dumps(facts | ({"frame_step": step} if step else {}), option=orjson.OPT_APPEND_NEWLINE)


def _step(frames: Sequence[Picture]) -> int:
    """Return the step between the frames of a video; 0 if it varies."""
    numbers = [picture.frame_index or 0 for picture in frames]
    steps = {after - before for before, after in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else int(not steps)


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _number(value: float) -> str:
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
