"""Read the mask files of exports."""

import io

import numpy as np
from PIL import Image

from medmultipoints.transforms.dialects.layouts.released_masks import Mask


def read_mask_png(data: bytes) -> Mask:
    """The mask of a PNG file. Inverse of ``mask_png``."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image.convert("L")) > 0


def mask_box(mask: Mask) -> tuple[float, float, float, float]:
    """The half-open box of a mask that has a pixel."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
