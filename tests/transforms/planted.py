"""Pictures that look like nothing else, and what people do to pictures."""

from collections.abc import Callable

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import decode_image, encode_jpeg, resize_image
from medmultipoints.transforms.pictures.thumbnails import pack, thumbnail, to_luma

Pixels = NDArray[np.uint8]


def scene(seed: int, width: int = 320, height: int = 256) -> Pixels:
    """Smooth patches with some texture."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(20, 236, (7, 9, 3)).astype(np.float32), (width, height), interpolation=3)
    fine = cv2.resize(rng.integers(-30, 31, (32, 40, 3)).astype(np.float32), (width, height), interpolation=1)
    return np.clip(coarse + fine, 0, 255).astype(np.uint8)


def encode(pixels: Pixels, quality: int) -> Pixels:
    """The picture after a lossy JPEG."""
    return decode_image(encode_jpeg(np.ascontiguousarray(pixels), quality)).pixels


def crop(pixels: Pixels, left: float, top: float, right: float, bottom: float) -> Pixels:
    """The picture without these shares of its sides."""
    height, width = pixels.shape[:2]
    part = pixels[int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)]
    return np.ascontiguousarray(part)


def brighten(pixels: Pixels, factor: float) -> Pixels:
    """Every value times the factor, cut at white."""
    return np.clip(pixels * factor, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "re-encoded": lambda pixels: encode(pixels, 40),
    "halved": lambda pixels: encode(resize_image(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2, "lanczos"), 85),
    "enlarged": lambda pixels: resize_image(pixels, pixels.shape[1] * 3 // 2, pixels.shape[0] * 3 // 2, "bicubic"),
    "another aspect": lambda pixels: resize_image(pixels, 300, 300, "bilinear"),
    "brighter": lambda pixels: encode(brighten(pixels, 1.2), 85),
    "darker": lambda pixels: encode(brighten(pixels, 0.7), 85),
    "cropped by 3 % a side": lambda pixels: encode(crop(pixels, 0.03, 0.03, 0.03, 0.03), 85),
    "cropped at a corner": lambda pixels: encode(crop(pixels, 0.05, 0.04, 0, 0), 85),
    "cropped at one side": lambda pixels: encode(crop(pixels, 0, 0, 0.06, 0), 85),
    "mirrored": lambda pixels: encode(pixels[:, ::-1], 85),
    "mirrored and cropped": lambda pixels: encode(crop(pixels[:, ::-1], 0.02, 0.02, 0.02, 0.02), 85),
}


def picture_table(pictures: dict[str, Pixels], groups: dict[str, str] | None = None) -> pl.DataFrame:
    """sample_id, group_id and thumbnail; each picture is a group of its own unless told otherwise."""
    rows = [
        (name, (groups or {}).get(name, name), pack(thumbnail(to_luma(pixels)))) for name, pixels in pictures.items()
    ]
    return pl.DataFrame(rows, schema=["sample_id", "group_id", "thumbnail"], orient="row")
