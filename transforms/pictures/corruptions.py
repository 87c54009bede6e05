"""Corrupt pictures as poor equipment and transmission do, at five severities; labels stay valid.

The kinds follow MedMNIST-C: digital (JPEG, pixelation), noise, blur (defocus, motion), light (brightness, contrast,
gamma). The picture's sha256 determines the kind and the noise, so equal input gives equal output.
"""

import hashlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
SEVERITIES: Final = (1, 2, 3, 4, 5)


def _jpeg(pixels: Pixels, severity: int, _seed: int) -> Pixels:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=(40, 25, 15, 10, 5)[severity - 1])
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))


def _pixelate(pixels: Pixels, severity: int, _seed: int) -> Pixels:
    height, width = pixels.shape[:2]
    part = (0.5, 0.35, 0.25, 0.18, 0.12)[severity - 1]
    small = cv2.resize(
        pixels, (max(round(width * part), 1), max(round(height * part), 1)), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _noise(pixels: Pixels, severity: int, seed: int) -> Pixels:
    drawn = np.random.Generator(np.random.Philox(seed)).normal(0, (8, 14, 22, 32, 45)[severity - 1], pixels.shape)
    return _as_pixels(pixels + drawn)


def _defocus(pixels: Pixels, severity: int, _seed: int) -> Pixels:
    radius = _length(pixels, (0.003, 0.005, 0.008, 0.012, 0.018)[severity - 1])
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.float64)
    return _filtered(pixels, disk)


def _motion(pixels: Pixels, severity: int, seed: int) -> Pixels:
    length = 2 * _length(pixels, (0.006, 0.01, 0.015, 0.022, 0.03)[severity - 1]) + 1
    line = np.zeros((length, length))
    line[length // 2] = 1
    return _filtered(pixels, line.T if seed % 2 else line)


def _dark(pixels: Pixels, severity: int, _seed: int) -> Pixels:
    return _as_pixels(255 * (pixels / 255) ** (1.3, 1.6, 2.0, 2.6, 3.4)[severity - 1])


def _bright(pixels: Pixels, severity: int, _seed: int) -> Pixels:
    return _as_pixels(pixels + 255 * (0.1, 0.18, 0.26, 0.34, 0.42)[severity - 1])


def _contrast(pixels: Pixels, severity: int, _seed: int) -> Pixels:
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    return _as_pixels(mean + (pixels - mean) * (0.75, 0.6, 0.45, 0.3, 0.18)[severity - 1])


KINDS: Final[Mapping[str, Callable[[Pixels, int, int], Pixels]]] = {
    "jpeg": _jpeg,
    "pixelate": _pixelate,
    "noise": _noise,
    "defocus": _defocus,
    "motion": _motion,
    "dark": _dark,
    "bright": _bright,
    "contrast": _contrast,
}


def kind_of(sha256: str) -> str:
    """Return the kind of corruption of a picture; all kinds are about equally frequent."""
    place = int.from_bytes(hashlib.sha256(f"corrupt:{sha256}".encode()).digest()[:8], "big")
    return [*KINDS][place % len(KINDS)]


def corrupt(pixels: Pixels, severity: int, sha256: str) -> Pixels:
    """Return the picture, rows x columns x RGB, corrupted by its own kind at a severity from 1 to 5."""
    seed = int.from_bytes(hashlib.sha256(f"noise:{sha256}:{severity}".encode()).digest()[:8], "big")
    return KINDS[kind_of(sha256)](pixels, severity, seed)


def _length(pixels: Pixels, part: float) -> int:
    """Return a fraction of the shorter side in pixels, at least 1."""
    shorter: int = min(pixels.shape[0], pixels.shape[1])
    return max(round(part * shorter), 1)


def _filtered(pixels: Pixels, kernel: NDArray[np.float64]) -> Pixels:
    return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101), np.uint8)


def _as_pixels(values: NDArray[np.floating[Any]]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
