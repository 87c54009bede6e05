"""Render pictures for a dialect: as released, resized for a model, as PNG, or in a square."""

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.dialects.frames import Resize, Size, smart_resize
from medmultipoints.transforms.dialects.layouts.released_masks import SQUARE, pad_to_square
from medmultipoints.transforms.pictures.crops import Crop
from medmultipoints.transforms.pictures.decode import decode_image, encode_jpeg, encode_png, resize_image

Render = Callable[[bytes, Size], bytes]
Rendering = Literal["as released", "png", "square png"]
JPEG_QUALITY: Final = 95


def rendering(name: Rendering) -> Render:
    """Return the function that converts the bytes of a released picture for the dialect."""
    return {"as released": _keep, "png": _as_png, "square png": _as_square}[name]


def resizing(resize: Resize | None) -> Render:
    """Return a function that resizes pictures to ``smart_resize`` in their own format; unchanged without ``resize``."""
    if resize is None:
        return _keep

    def render(data: bytes, size: Size) -> bytes:
        target = smart_resize(size, resize)
        if target == size:
            return data
        image = decode_image(data)
        pixels = resize_image(image.pixels, *target, "lanczos")
        return encode_jpeg(pixels, JPEG_QUALITY) if image.format == "jpg" else encode_png(pixels)

    return render


def cut_crop(pixels: NDArray[np.uint8], crop: Crop) -> bytes:
    """Return the pixels of a crop as PNG; raise ValueError if it exceeds the picture."""
    height, width = pixels.shape[:2]
    if not crop.fits(width, height):
        raise ValueError(f"{crop} does not lie in a picture of {width} x {height} pixels")
    return encode_png(np.ascontiguousarray(pixels[crop.y1 : crop.y2, crop.x1 : crop.x2]))


def _keep(data: bytes, _size: Size) -> bytes:
    return data


def _as_png(data: bytes, _size: Size) -> bytes:
    """Return the picture as a lossless PNG; a PNG is unchanged."""
    image = decode_image(data)
    return data if image.format == "png" else encode_png(image.pixels)


def _as_square(data: bytes, _size: Size) -> bytes:
    square = pad_to_square(decode_image(data).pixels)
    return encode_png(resize_image(square, SQUARE, SQUARE, "bicubic"))
