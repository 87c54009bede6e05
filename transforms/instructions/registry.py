"""Every task beside the published five: who asks, who proves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs import pairs as pair_proofs
from medmultipoints.transforms.instructions.proofs.crop_grounding import prove_crop_grounding
from medmultipoints.transforms.instructions.proofs.description import prove_description
from medmultipoints.transforms.instructions.proofs.presence import prove_presence
from medmultipoints.transforms.instructions.proofs.reading import Reading
from medmultipoints.transforms.instructions.proofs.referring import prove_referring
from medmultipoints.transforms.instructions.proofs.segmentation import prove_segmentation
from medmultipoints.transforms.instructions.proofs.whole_image import (
    prove_class_counts,
    prove_classification,
    prove_label_path,
)
from medmultipoints.transforms.instructions.proofs.windows import prove_motion, prove_video_counts
from medmultipoints.transforms.instructions.questions import pairs as pair_questions
from medmultipoints.transforms.instructions.questions.crop_grounding import ask_crop_grounding
from medmultipoints.transforms.instructions.questions.description import ask_description
from medmultipoints.transforms.instructions.questions.presence import ask_presence
from medmultipoints.transforms.instructions.questions.question import Question, Words
from medmultipoints.transforms.instructions.questions.referring import ask_referring
from medmultipoints.transforms.instructions.questions.segmentation import ask_segmentation
from medmultipoints.transforms.instructions.questions.whole_image import (
    ask_class_counts,
    ask_classification,
    ask_label_path,
)
from medmultipoints.transforms.instructions.questions.windows import ask_motion, ask_video_counts
from medmultipoints.transforms.instructions.scenes import Scene


@dataclass(frozen=True, slots=True)
class Task:
    """``ask`` gives the questions about a group of images; ``prove`` the ids of the objects that an answer rests on.

    ``prove`` raises Wrong for an answer that does not follow from the scenes.
    """

    ask: Callable[[Sequence[Scene], Words], Iterator[Question]]
    prove: Callable[[Reading, Sequence[Scene], Lexicon], tuple[str, ...]]


REGISTRY: Final[Mapping[str, Task]] = MappingProxyType(
    {
        "presence": Task(ask_presence, prove_presence),
        "referring": Task(ask_referring, prove_referring),
        "classification": Task(ask_classification, prove_classification),
        "label_path": Task(ask_label_path, prove_label_path),
        "class_counts": Task(ask_class_counts, prove_class_counts),
        "description": Task(ask_description, prove_description),
        "segmentation": Task(ask_segmentation, prove_segmentation),
        "tracking": Task(pair_questions.ask_tracking, pair_proofs.prove_tracking),
        "appeared": Task(pair_questions.ask_appeared, pair_proofs.prove_appeared),
        "vanished": Task(pair_questions.ask_vanished, pair_proofs.prove_vanished),
        "moved_most": Task(pair_questions.ask_moved_most, pair_proofs.prove_moved_most),
        "same_class": Task(pair_questions.ask_same_class, pair_proofs.prove_same_class),
        "motion": Task(ask_motion, prove_motion),
        "video_counts": Task(ask_video_counts, prove_video_counts),
        "crop_grounding": Task(ask_crop_grounding, prove_crop_grounding),
    }
)
