"""Prove that frames are evenly spaced frames of one video."""

import itertools
from collections.abc import Sequence

from medmultipoints.transforms.instructions.phrases import STEPS, WINDOW
from medmultipoints.transforms.instructions.proofs.reading import require
from medmultipoints.transforms.instructions.scenes import Scene


def evenly(scenes: Sequence[Scene]) -> list[int]:
    """Return the frame numbers; raise Wrong unless the frames are of one video, at one of the steps."""
    videos = {(scene.source, scene.video_id, scene.fps) for scene in scenes}
    frames = [scene.frame_index for scene in scenes if scene.frame_index is not None]
    known = len(videos) == 1 and scenes[0].video_id is not None and len(frames) == WINDOW
    require(known, "image_files_differ")
    steps = {b - a for a, b in itertools.pairwise(frames)}
    require(len(steps) == 1 and steps <= set(STEPS), "image_files_differ")
    return frames
