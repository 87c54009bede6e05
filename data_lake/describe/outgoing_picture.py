"""Prepare a picture for sending: decode it, drop its metadata and fill burned-in text."""

from collections.abc import Callable, Collection
from importlib.util import find_spec
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.data_lake.ocr import open_text_finder
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.pictures.decode import decode_image, encode_png
from medmultipoints.transforms.text.kinds import raster_boxes, unite_boxes
from medmultipoints.transforms.text.layouts import load_fonts
from medmultipoints.transforms.text.raster import read_raster
from medmultipoints.transforms.text.redact import fill_boxes

LONGEST_SIDE: Final = 1024
MIME: Final = "image/png"


def check_text_readers(readers: Collection[str]) -> None:
    """Raise UsageError if a text reader is not installed, so that no unchecked picture is sent."""
    if "ocr" in readers and find_spec("rapidocr") is None:
        raise UsageError(
            "readers: 'ocr' finds text that names people, and is not installed. Install medmultipoints[ocr], or set "
            'readers = ["raster"] if no picture holds text beyond dates and clocks of known processors.'
        )


def picture_filler(readers: Collection[str]) -> Callable[[bytes], tuple[bytes, int]]:
    """Return a function that turns a picture into a PNG with text filled, and counts the filled places.

    Every place that looks like text is filled, whether or not a reader can read it. The PNG is at most 1024 px wide and
    high; prompts give coordinates as fractions, so no number depends on its size.
    """
    fonts, find_text = load_fonts(), open_text_finder() if "ocr" in readers else None

    def fill(data: bytes) -> tuple[bytes, int]:
        pixels = decode_image(data).pixels
        raster = read_raster(pixels, fonts) if "raster" in readers else None
        boxes = unite_boxes([*raster_boxes(raster), *(find_text(pixels) if find_text else [])], *pixels.shape[1::-1])
        return encode_png(_shrink(fill_boxes(pixels, boxes))), len(boxes)

    return fill


def _shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = LONGEST_SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
