"""Answers about a stretch of video proved: the way of a track through its frames, the counts in each of them."""

import itertools
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import LEAST_PATH_PX, STEPS, WINDOW, listed
from medmultipoints.transforms.instructions.proofs.pairs import given_box
from medmultipoints.transforms.instructions.proofs.reading import (
    ROUNDING_PX,
    Reading,
    clear_label,
    find_thing,
    label_of,
    require,
)
from medmultipoints.transforms.instructions.proofs.whole_image import density_of
from medmultipoints.transforms.instructions.scenes import Scene

_TIMING: Final = re.compile(r"frames ((?:\d+, )*\d+ and \d+) of a video at (\d+(?:\.\d+)?) frames per second")


def prove_motion(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of the object in each of the frames."""
    frames, stated = _evenly(scenes), reading.answer
    label, fps = label_of(lexicon, scenes, stated["label"]), scenes[0].fps
    said = _TIMING.findall(reading.ask)
    require(fps is not None and len(said) == 1, "timing_differs")
    numbers, rate = [int(number) for number in re.findall(r"\d+", said[0][0])], float(said[0][1])
    require(numbers == frames and abs(rate - (fps or 0)) <= 5e-4 + 1e-9, "timing_differs")
    given = find_thing(scenes[0].things, given_box(reading), "given_differs")
    require(given.label == label and given.track_id is not None, "label_differs")
    way = [[thing for thing in scene.of(label) if thing.track_id == given.track_id] for scene in scenes]
    require(all(len(one) == 1 and not one[0].truncated for one in way), "track_uncertain")
    centres = np.array([one[0].centre for one in way])
    legs = np.hypot(*np.diff(centres, axis=0).T)
    seconds = (frames[-1] - frames[0]) / (fps or 1)
    require(legs.sum() >= LEAST_PATH_PX - 1e-6, "moved_too_little")
    for key, value in (("path_px", legs.sum()), ("mean_speed_px_per_s", legs.sum() / seconds)):
        require(abs(stated[key] - value) <= ROUNDING_PX and round(stated[key], 1) == stated[key], f"{key}_differs")
    return tuple(one[0].object_id for one in way)


def prove_video_counts(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of all objects counted, frame by frame."""
    _evenly(scenes)
    classes, densities = reading.answer["classes"], reading.answer["density"]
    labels = [clear_label(lexicon, entry["label"]) for entry in classes]
    certain = set.intersection(*(set(scene.certain) for scene in scenes))
    require(bool(labels) and labels == sorted(certain), "classes_differ")
    require(listed([lexicon.clear(label).plural for label in labels]) in reading.ask, "prompt_names_differ")
    counted = [[thing for thing in scene.things if thing.label in certain] for scene in scenes]
    for label, entry in zip(labels, classes, strict=True):
        true = [sum(thing.label == label for thing in things) for things in counted]
        require(entry["per_image"] == true, "count_differs")
        require(abs(entry["mean"] - sum(true) / len(true)) < 1e-9, "count_differs")
    require(densities == [density_of(len(things)) for things in counted], "density_differs")
    return tuple(thing.object_id for things in counted for thing in things)


def _evenly(scenes: Sequence[Scene]) -> list[int]:
    """The numbers of the frames; Wrong unless they are of one video, at one of the steps."""
    videos = {(scene.source, scene.video_id, scene.fps) for scene in scenes}
    frames = [scene.frame_index for scene in scenes if scene.frame_index is not None]
    known = len(videos) == 1 and scenes[0].video_id is not None and len(frames) == WINDOW
    require(known, "image_files_differ")
    steps = {b - a for a, b in itertools.pairwise(frames)}
    require(len(steps) == 1 and steps <= set(STEPS), "image_files_differ")
    return frames
