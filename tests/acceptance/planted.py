"""What people do to pictures, on real ones: re-encoded, resized, brightened, cropped, mirrored, all of it at once."""

import zipfile
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import decode_image, encode_jpeg, resize_image
from medmultipoints.transforms.pictures.thumbnails import pack, thumbnail, to_luma
from tests.acceptance.inputs import hyperkvasir

ARCHIVE = "hyper-kvasir-segmented-images.zip"
Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]


def real_pictures() -> dict[str, Pixels]:
    """The pictures of the real archive by stem."""
    with zipfile.ZipFile(hyperkvasir() / ARCHIVE) as archive:
        names = sorted(name for name in archive.namelist() if "/images/" in name and name.endswith(".jpg"))
        return {name.rpartition("/")[2][:-4]: decode_image(archive.read(name)).pixels for name in names}


def encoded(pixels: Pixels, quality: int) -> Pixels:
    """After a lossy JPEG."""
    return decode_image(encode_jpeg(np.ascontiguousarray(pixels), quality)).pixels


def resized(pixels: Pixels, factor: float) -> Pixels:
    """Both sides times the factor."""
    height, width = pixels.shape[:2]
    return resize_image(np.ascontiguousarray(pixels), round(width * factor), round(height * factor), "lanczos")


def brightened(pixels: Pixels, factor: float) -> Pixels:
    """Values times the factor, cut at white."""
    return np.clip(pixels * factor, 0, 255).astype(np.uint8)


def cropped(pixels: Pixels, left: float, top: float, right: float, bottom: float) -> Pixels:
    """Without these shares of width and height at the four sides."""
    height, width = pixels.shape[:2]
    part = pixels[int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)]
    return np.ascontiguousarray(part)


def gamma(pixels: Pixels, power: float) -> Pixels:
    """Darker or brighter in the middle tones."""
    table = (255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table), np.uint8)


CHANGES: dict[str, Change] = {
    "JPEG quality 75": lambda pixels: encoded(pixels, 75),
    "JPEG quality 30": lambda pixels: encoded(pixels, 30),
    "half the size": lambda pixels: encoded(resized(pixels, 0.5), 90),
    "a quarter of the size": lambda pixels: encoded(resized(pixels, 0.25), 90),
    "one and a half times the size": lambda pixels: encoded(resized(pixels, 1.5), 90),
    "squeezed to a square": lambda pixels: encoded(resize_image(pixels, 512, 512, "bilinear"), 90),
    "20 % darker": lambda pixels: encoded(brightened(pixels, 0.8), 90),
    "20 % brighter": lambda pixels: encoded(brightened(pixels, 1.2), 90),
    "40 % brighter": lambda pixels: encoded(brightened(pixels, 1.4), 90),
    "gamma 1.25": lambda pixels: encoded(gamma(pixels, 1.25), 90),
    "cropped by 1 % at each side": lambda pixels: encoded(cropped(pixels, 0.01, 0.01, 0.01, 0.01), 90),
    "cropped by 3 % at each side": lambda pixels: encoded(cropped(pixels, 0.03, 0.03, 0.03, 0.03), 90),
    "cropped by 5 % at each side": lambda pixels: encoded(cropped(pixels, 0.05, 0.05, 0.05, 0.05), 90),
    "cropped by 5 % at one corner": lambda pixels: encoded(cropped(pixels, 0.05, 0.05, 0, 0), 90),
    "cropped by 6 % at one side": lambda pixels: encoded(cropped(pixels, 0, 0.06, 0, 0), 90),
    "mirrored": lambda pixels: encoded(pixels[:, ::-1], 75),
    "mirrored, cropped by 3 %": lambda pixels: encoded(cropped(pixels[:, ::-1], 0.03, 0.03, 0.03, 0.03), 75),
}


def mixture(seed: int, most: float) -> Change:
    """Everything at once, drawn at random: crop of 0 to ``most`` at each side, size, brightness, quality, mirrored."""
    rng = np.random.default_rng(seed)

    def change(pixels: Pixels) -> Pixels:
        part = resized(cropped(pixels, *rng.uniform(0, most, 4)), rng.uniform(0.5, 1))
        part = encoded(brightened(part, rng.uniform(0.8, 1.2)), int(rng.integers(50, 96)))
        return part[:, ::-1] if rng.random() < 0.5 else part

    return change


def thumbnails(pictures: dict[str, Pixels]) -> list[dict[str, Any]]:
    """Rows for ``find_near``, each picture a group of its own."""
    return [
        {"sample_id": name, "group_id": name, "thumbnail": pack(thumbnail(to_luma(np.ascontiguousarray(pixels))))}
        for name, pixels in pictures.items()
    ]


def table(*rows: list[dict[str, Any]]) -> pl.DataFrame:
    """All rows as one frame."""
    return pl.DataFrame([row for part in rows for row in part])
