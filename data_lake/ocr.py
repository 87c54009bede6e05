"""A neural reader of text in pictures, over rapidocr: its models lie in its package, nothing is downloaded.

One thread: the shards of a stage run side by side. Same picture, same packages: the same lines.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.text.readings import OcrLine

LONGEST_SIDE = 736
"""Text is found in the picture reduced to this side: half the time of the package's default, as many lines."""
ReadText = Callable[[NDArray[np.uint8]], list[OcrLine]]


def open_ocr() -> ReadText:
    """Return a function that reads the lines of an RGB picture, the same for the same picture."""
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def read(pixels: NDArray[np.uint8]) -> list[OcrLine]:
        found: Any = engine(np.ascontiguousarray(pixels[:, :, ::-1]))
        if found.boxes is None or found.txts is None:
            return []
        lines = zip(found.boxes, found.txts, found.scores, strict=True)
        return [OcrLine(str(text), round(float(score), 4), _edges(corners)) for corners, text, score in lines]

    return read


def _edges(corners: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Return the pixel edges around the four corners of a line."""
    (x1, y1), (x2, y2) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    return int(x1), int(y1), int(x2), int(y2)
