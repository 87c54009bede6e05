"""Ask for the mask of an object, given by clicks, a tight or rough box, or its name."""

from medmultipoints.transforms.instructions.answers.shapes import BOX, POINT
from medmultipoints.transforms.instructions.proofs.segmentation import prove_segmentation
from medmultipoints.transforms.instructions.questions.mask_requests import ask_segmentation
from medmultipoints.transforms.instructions.task import EXAMPLE_REGION, Task

TASK = Task(
    name="segmentation",
    ask=ask_segmentation,
    prove=prove_segmentation,
    shape={
        "label": str,
        "bbox_2d": BOX,
        "polygon": [POINT],
        "rle": {"size": [int], "counts": str},
        "flags": [str],
    },
    slots={"hint": f"in the box {EXAMPLE_REGION}"},
)
