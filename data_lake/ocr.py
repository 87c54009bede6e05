"""Read text in pictures with rapidocr, whose package contains its models: nothing is downloaded.

It runs in one thread, because the shards of a stage run in parallel. The same picture and packages give the same lines.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.text.readings import Box, OcrLine

LONGEST_SIDE = 736
"""Text is found in the picture reduced to this side: half the time of the package's default, as many lines."""
TALLEST_LINE = 0.1
"""Of the picture's shorter side: the height of a line of text, at most."""
ReadText = Callable[[NDArray[np.uint8]], list[OcrLine]]
FindText = Callable[[NDArray[np.uint8]], list[Box]]


def open_ocr() -> ReadText:
    """Return a function that reads the lines of text in an RGB picture, deterministically."""
    engine = _engine()

    def read(pixels: NDArray[np.uint8]) -> list[OcrLine]:
        found: Any = engine(np.ascontiguousarray(pixels[:, :, ::-1]))
        if found.boxes is None or found.txts is None:
            return []
        lines = zip(found.boxes, found.txts, found.scores, strict=True)
        return [OcrLine(str(text), round(float(score), 4), _edges(corners)) for corners, text, score in lines]

    return read


def open_text_finder() -> FindText:
    """Return a function that finds what looks like text in an RGB picture, whether or not it can be read.

    Anything taller than a line of text is left out unless a letter or digit is read in it, because it may be an object.
    """
    engine = _engine()

    def find(pixels: NDArray[np.uint8]) -> list[Box]:
        turned = np.ascontiguousarray(pixels[:, :, ::-1])
        found: Any = engine(turned, use_det=True, use_cls=False, use_rec=False)
        boxes = [] if found.boxes is None else [_edges(corners) for corners in found.boxes]
        tallest = TALLEST_LINE * min(pixels.shape[:2])
        return [box for box in boxes if box[3] - box[1] <= tallest or _holds_letters(engine, turned, box)]

    return find


def _holds_letters(engine: Callable[..., Any], turned: NDArray[np.uint8], box: Box) -> bool:
    x1, y1, x2, y2 = (max(edge, 0) for edge in box)
    read: Any = engine(np.ascontiguousarray(turned[y1:y2, x1:x2]), use_det=False, use_cls=False, use_rec=True)
    return any(character.isalnum() for text in read.txts or () for character in text)


def _engine() -> Callable[..., Any]:
    from rapidocr import RapidOCR

    engine: Callable[..., Any] = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    return engine


def _edges(corners: NDArray[np.float32]) -> Box:
    """Return the pixel box around the four corners of a line."""
    (x1, y1), (x2, y2) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    return int(x1), int(y1), int(x2), int(y2)
