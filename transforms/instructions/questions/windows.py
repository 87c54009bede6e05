"""Choose windows of four evenly spaced frames of a video."""

from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.phrases import STEPS, WINDOW
from medmultipoints.transforms.instructions.questions.question import QuestionContext
from medmultipoints.transforms.instructions.scenes import Scene


def windows(group: Sequence[Scene], task: str, context: QuestionContext) -> Iterator[tuple[int, tuple[Scene, ...]]]:
    """Yield windows as (step, frames), sampled by the task's share."""
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
                and context.kept(task, scene.image_sha256, str(step))
            ):
                yield step, window
