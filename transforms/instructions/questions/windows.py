"""Four frames of a video, evenly spaced: how far and how fast an object moved, how many there are of each class."""

import itertools
import math
from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.phrases import LEAST_PATH_PX, STEPS, WINDOW, density_word, listed, timing
from medmultipoints.transforms.instructions.questions.pairs import region
from medmultipoints.transforms.instructions.questions.question import Question, Words, distinct, ids
from medmultipoints.transforms.instructions.scenes import Scene


def windows(group: Sequence[Scene], task: str, words: Words) -> Iterator[tuple[int, tuple[Scene, ...]]]:
    """Steps in frames and the frames of a video at even steps, as many as the share of the task takes."""
    frames = {scene.frame_index: scene for scene in group if scene.video_id is not None}
    for first, scene in frames.items():
        for step in STEPS:
            found = [frames.get((first or 0) + step * place) for place in range(WINDOW)]
            window = tuple(frame for frame in found if frame is not None)
            alike = len({(frame.width, frame.height, frame.split) for frame in window}) == 1
            if (
                first is not None
                and len(window) == WINDOW
                and alike
                and words.kept(task, scene.image_sha256, str(step))
            ):
                yield step, window


def ask_motion(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """Path and mean speed of one object that all frames show whole; needs the video's own frame rate."""
    for step, window in windows(group, "motion", words):
        first, fps = window[0], window[0].fps
        ways = [{thing.track_id: thing for thing in scene.things if thing.track_id} for scene in window]
        shared = set.intersection(*(set(way) for way in ways)) if fps else set()
        whole = [track for track in shared if track and not any(way[track].truncated for way in ways)]
        clear = sorted(track for track in whole if distinct(ways[0][track], first.things))
        if not clear or not fps:
            continue
        track = words.pick(clear, "motion", first.image_sha256, str(step))
        way = [one[track] for one in ways]
        legs = [math.dist(a.centre, b.centre) for a, b in itertools.pairwise(way)]
        if sum(legs) < LEAST_PATH_PX:
            continue
        seconds = step * (WINDOW - 1) / fps
        name = words.name("motion", window, way[0].label, first.image_sha256, str(step))
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


def ask_video_counts(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """The count of each class that is certain in all frames, frame by frame, and the density of each frame."""
    for step, window in windows(group, "video_counts", words):
        first = window[0]
        labels = [label for label in first.certain if all(label in scene.certain for scene in window)]
        if not labels:
            continue
        names = {label: words.lexicon.clear(label) for label in labels}
        counts = {label: [len(scene.of(label)) for scene in window] for label in labels}
        classes = [
            {"label": names[label].singular, "per_image": counts[label], "mean": round(sum(counts[label]) / WINDOW, 2)}
            for label in labels
        ]
        totals = [sum(row) for row in zip(*counts.values(), strict=True)]
        yield Question(
            task="video_counts",
            home=first,
            record_id=first.first_record,
            part=str(step),
            scenes=window,
            slots={"classes": listed([name.plural for name in names.values()])},
            content={"classes": classes, "density": [density_word(total) for total in totals]},
            object_ids=ids([thing for scene in window for thing in scene.things if thing.label in labels]),
        )
