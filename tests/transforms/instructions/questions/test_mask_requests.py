"""Requests for masks: what is asked can be proved."""

import numpy as np

from medmultipoints.transforms.instructions.phrases import OUTLINE_IOU
from medmultipoints.transforms.instructions.proofs.segmentation import _overlap, _without_holes
from medmultipoints.transforms.instructions.questions.mask_requests import _is_connected, _outline
from medmultipoints.transforms.records import Box, Point, ReleasedObject


def test_the_outline_of_a_small_mask_holds_its_pixels() -> None:
    """Of a mask of some pixels none may be lost: the proof counts the pixels whose centres lie inside."""
    draw = np.random.Generator(np.random.PCG64(5))
    for _ in range(300):
        mask = draw.random((int(draw.integers(2, 8)), int(draw.integers(2, 8)))) < 0.7
        mask = mask[:, mask.any(axis=0)][mask.any(axis=1)]
        if not mask.any() or not _is_connected(mask):
            continue
        height, width = mask.shape
        item = ReleasedObject(object_id="a", label="a", box=Box(0, 0, width, height), point=Point(0, 0))
        assert _overlap(_outline(mask, item), _without_holes(mask), (0, 0, width, height)) >= OUTLINE_IOU
