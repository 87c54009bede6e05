"""Ask for path and mean speed of an object over four evenly spaced frames of a video."""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import LEAST_PATH_PX, WINDOW, timing
from medmultipoints.transforms.instructions.proofs.pairs import given_box
from medmultipoints.transforms.instructions.proofs.reading import ROUNDING_PX, Reading, find_object, label_of, require
from medmultipoints.transforms.instructions.proofs.windows import evenly
from medmultipoints.transforms.instructions.questions.frame_pairs import region
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, distinct, ids
from medmultipoints.transforms.instructions.questions.windows import windows
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import EXAMPLE_REGION, Task
from medmultipoints.transforms.records import ReleasedObject

_TIMING: Final = re.compile(r"frames ((?:\d+, )*\d+ and \d+) of a video at (\d+(?:\.\d+)?) frames per second")


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask for path and mean speed of one object that all frames show whole; the video's frame rate must be known."""
    for step, window in windows(group, "motion", context):
        first, fps = window[0], window[0].fps
        clear = _clear_tracks(window) if fps else {}
        if not clear or not fps:
            continue
        way = clear[context.pick(sorted(clear), "motion", first.image_sha256, str(step))]
        legs = [math.dist(a.centre, b.centre) for a, b in itertools.pairwise(way)]
        if sum(legs) < LEAST_PATH_PX:
            continue
        seconds = step * (WINDOW - 1) / fps
        name = context.name("motion", window, way[0].label, first.image_sha256, str(step))
        content = {
            "label": name.singular,
            "path_px": round(sum(legs), 1),
            "mean_speed_px_per_s": round(sum(legs) / seconds, 1),
        }
        yield Question(
            task="motion",
            home=first,
            record_id=first.records[way[0].label],
            part=str(step),
            scenes=window,
            label=way[0].label,
            name=name,
            slots={"region": region(way[0]), "timing": timing([scene.frame_index or 0 for scene in window], fps)},
            content=content,
            object_ids=ids(way),
        )


def _clear_tracks(window: Sequence[Scene]) -> dict[str, list[ReleasedObject]]:
    """Return the objects of each track that all frames show whole, if its first box is distinct."""
    frames = [{item.track_id: item for item in scene.objects if item.track_id} for scene in window]
    ways = {track: [one[track] for one in frames] for track in set.intersection(*map(set, frames))}
    return {
        track: way
        for track, way in ways.items()
        if track and not any(item.truncated for item in way) and distinct(way[0], window[0])
    }


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the object in each of the frames."""
    frames, stated = evenly(scenes), reading.answer
    label, fps = label_of(lexicon, scenes, stated["label"]), scenes[0].fps
    said = _TIMING.findall(reading.ask)
    require(fps is not None and len(said) == 1, "timing_differs")
    numbers, rate = [int(number) for number in re.findall(r"\d+", said[0][0])], float(said[0][1])
    require(numbers == frames and abs(rate - (fps or 0)) <= 5e-4 + 1e-9, "timing_differs")
    given = find_object(scenes[0].objects, given_box(reading), "given_differs")
    require(given.label == label and given.track_id is not None, "label_differs")
    way = [[item for item in scene.of(label) if item.track_id == given.track_id] for scene in scenes]
    require(all(len(one) == 1 and not one[0].truncated for one in way), "track_uncertain")
    centres = np.array([one[0].centre for one in way])
    legs = np.hypot(*np.diff(centres, axis=0).T)
    seconds = (frames[-1] - frames[0]) / (fps or 1)
    require(legs.sum() >= LEAST_PATH_PX - 1e-6, "moved_too_little")
    for key, value in (("path_px", legs.sum()), ("mean_speed_px_per_s", legs.sum() / seconds)):
        require(abs(stated[key] - value) <= ROUNDING_PX and round(stated[key], 1) == stated[key], f"{key}_differs")
    return tuple(one[0].object_id for one in way)


TASK = Task(
    name="motion",
    ask=ask,
    prove=prove,
    shape={"label": str, "path_px": float, "mean_speed_px_per_s": float},
    images=4,
    slots={"region": EXAMPLE_REGION, "timing": "frames 0 and 5 at 50 frames per second"},
)
