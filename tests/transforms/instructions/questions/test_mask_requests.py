"""Requests for masks: what is asked can be proved."""

import cv2
import numpy as np

from medmultipoints.transforms.instructions.phrases import OUTLINE_IOU
from medmultipoints.transforms.instructions.proofs.segmentation import _overlap, _without_holes
from medmultipoints.transforms.instructions.questions.mask_requests import Form, _outline
from medmultipoints.transforms.records import Box, Point, ReleasedObject


def test_the_outline_of_a_small_mask_holds_its_pixels() -> None:
    """Of a mask of some pixels none may be lost: the proof counts the pixels whose centres lie inside."""
    draw = np.random.Generator(np.random.PCG64(5))
    for _ in range(300):
        mask = draw.random((int(draw.integers(2, 8)), int(draw.integers(2, 8)))) < 0.7
        mask = mask[:, mask.any(axis=0)][mask.any(axis=1)]
        if not mask.any() or not Form(mask).is_connected:
            continue
        height, width = mask.shape
        item = ReleasedObject(object_id="a", label="a", box=Box(0, 0, width, height), point=Point(0, 0))
        assert _overlap(_outline(Form(mask), item), _without_holes(mask), (0, 0, width, height)) >= OUTLINE_IOU


def test_the_form_of_a_mask_says_whether_it_is_connected_and_has_holes() -> None:
    """Parts inside holes, parts that touch at corners, and holes open at corners, by two other algorithms."""
    draw = np.random.Generator(np.random.PCG64(7))
    found = set()
    for _ in range(2000):
        mask = draw.random((int(draw.integers(1, 9)), int(draw.integers(1, 9)))) < draw.random()
        if mask.any():
            form = Form(mask)
            parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
            assert form.is_connected == (parts == 1)
            assert not form.is_connected or form.has_holes == bool((_without_holes(mask) != mask).any())
            found.add((form.is_connected, form.has_holes))
    assert len(found) == 4
