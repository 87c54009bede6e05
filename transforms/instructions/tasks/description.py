"""Ask for a description of a region, with the boxes that each sentence refers to."""

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.proofs.description import prove_description
from medmultipoints.transforms.instructions.questions.region_descriptions import ask_description
from medmultipoints.transforms.instructions.task import EXAMPLE_REGION, Task

TASK = Task(
    name="description",
    ask=ask_description,
    prove=prove_description,
    shape={
        "caption": str,
        "regions": [{"bbox_2d": BOX, "label": str}],
        "sentences": [{"text": str, "regions": [int]}],
    },
    slots={"region": EXAMPLE_REGION},
    names="none",
)
