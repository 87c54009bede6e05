"""All tasks by name: the published ones first, then the others in alphabetical order."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from medmultipoints.transforms.instructions.task import Task
from medmultipoints.transforms.instructions.tasks import (
    appeared,
    class_counts,
    classification,
    crop_grounding,
    description,
    dialogue,
    label_path,
    motion,
    moved_most,
    negation_pairs,
    presence,
    published,
    referring,
    same_class,
    segmentation,
    stills_referring,
    tracking,
    vanished,
    video_counts,
)

_OTHERS: Final = (
    appeared, class_counts, classification, crop_grounding, description, dialogue, label_path, motion, moved_most,
    negation_pairs, presence, referring, same_class, segmentation, stills_referring, tracking, vanished, video_counts,
)  # fmt: skip
TASKS: Final[Mapping[str, Task]] = MappingProxyType(
    {task.name: task for task in (*published.TASKS, *(module.TASK for module in _OTHERS))}
)
