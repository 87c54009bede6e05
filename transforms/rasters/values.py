"""Read mask files as whole numbers: palette indices, packed colours or stored values, never rescaled."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.pictures.decode import MAX_PIXELS, PILLOW_ERRORS, ImageProblem, decode_mask, said_by
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE, PngDamage, check_pixels, read_chunks
from medmultipoints.transforms.rasters.array_items import ITEM, array_item, read_array
from medmultipoints.transforms.rasters.parquet_rows import row_picture
from medmultipoints.transforms.rasters.volumes import is_volume_plane, read_plane, whole_numbers
from medmultipoints.transforms.records import MaskLayer

Values = NDArray[np.int64]
_CHANNELS = {"r": 0, "g": 1, "b": 2, "alpha": 3}


def read_codes(layer: MaskLayer, read: Callable[[str], bytes]) -> Values:
    """Return the values of a mask (height x width): as stored, or colours as ``r << 16 | g << 8 | b``.

    Gray files stored as colours give their gray value, unless the layer is of kind ``rgb``; the alpha channel is used
    only if the layer names it. Raises ImageProblem if the file is damaged or does not hold whole numbers.
    """
    if is_volume_plane(layer.plane):
        return np.asarray(read_plane(read, layer.member, layer.plane, layer.grid), np.int64)
    data = read(layer.member)
    if layer.plane.startswith("row:"):
        return _row_values(data, layer)
    if layer.member.lower().endswith((".npy", ".npz")):
        return _array_values(data, layer.member, layer.plane)
    plain = layer.kind == "binary" and layer.channel == "rgb" and not layer.plane
    if data.startswith(b"\xff\xd8\xff") and (layer.kind == "rgb" or layer.channel != "rgb"):
        raise ImageProblem("unreadable_image", "a JPEG does not keep the exact colours of a mask. Use PNG")
    if data.startswith(b"\xff\xd8\xff") or (plain and data.startswith(SIGNATURE)):
        return decode_mask(data).astype(np.int64)  # handles transparency, palette and 16 bits
    return _picture_values(data, layer)


def _row_values(data: bytes, layer: MaskLayer) -> Values:
    """Return the values of a mask in a row and column of a Parquet file (``row:5:mask``)."""
    row, _, column = layer.plane.removeprefix("row:").partition(":")
    held = row_picture(data, layer.member, int(row), column)
    return read_codes(replace(layer, member=f"{layer.member} row {row}", plane=""), lambda _: held)


def distinct_codes(values: Values) -> list[int]:
    """Return the distinct values, sorted; counting small values takes a tenth of the time of sorting."""
    if values.size and values.min() >= 0 and values.max() < 1 << 16:
        return [int(code) for code in np.flatnonzero(np.bincount(values.ravel()))]
    return [int(code) for code in np.unique(values)]


def unpack_colour(value: int) -> str:
    """Return a packed colour as ``r,g,b``."""
    return f"{value >> 16},{value >> 8 & 255},{value & 255}"


def pack_colour(text: str) -> int:
    """Return the packed value of ``r,g,b``. Raise ValueError if the text is not a colour."""
    red, green, blue = (int(part) for part in text.split(","))
    return red << 16 | green << 8 | blue


def _array_values(data: bytes, member: str, plane: str) -> Values:
    array = array_item(data, member, plane) if plane.startswith(ITEM) else read_array(data, member)
    if array.ndim == 3 and array.shape[2] == 1 and plane.startswith(ITEM):
        array = array[..., 0]
    if plane.startswith("channel:") and array.ndim == 3:
        array = array[int(plane.removeprefix("channel:"))]
    array = whole_numbers(array)
    if array.ndim != 2 or array.dtype.kind not in "biu":
        raise ImageProblem("unreadable_image", f"an array of {array.ndim} dimensions of {array.dtype}, not a mask")
    return np.asarray(array, np.int64)


def _picture_values(data: bytes, layer: MaskLayer) -> Values:
    try:
        if data.startswith(SIGNATURE):
            check_pixels(*read_chunks(data))
        with Image.open(io.BytesIO(data), formats=["PNG", "TIFF", "BMP", "GIF", "WEBP"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageProblem("unreadable_image", f"{image.width} x {image.height} pixels are more than allowed")
            if layer.plane.startswith("page:"):
                image.seek(int(layer.plane.removeprefix("page:")))
            elif (pictures := getattr(image, "n_frames", 1)) > 1:
                raise ImageProblem("several_pages", f"it has {pictures} pictures. Save the one that is meant")
            if layer.kind == "rgb":
                return _colours(image)
            return _values(image, layer.channel)
    except PngDamage as error:
        raise ImageProblem("truncated_image" if error.cut else "unreadable_image", f"PNG: {error}") from error
    except ImageProblem:
        raise
    except PILLOW_ERRORS as error:
        raise ImageProblem("unreadable_image", said_by(error, data)) from error


def _colours(image: Image.Image) -> Values:
    """Return packed colours, also for gray and palette files; transparency is ignored."""
    if image.mode.startswith("I"):
        raise ImageProblem("unreadable_image", "16 bits a pixel are numbers, not colours")
    red, green, blue = (np.asarray(channel, np.int64) for channel in image.convert("RGB").split())
    return red << 16 | green << 8 | blue


def _values(image: Image.Image, channel: str) -> Values:
    pixels = whole_numbers(np.asarray(image))
    if pixels.dtype.kind not in "biu":
        said = f"its values are fractions ({pixels.dtype}), not codes"
        raise ImageProblem("unreadable_image", f"{said}. Write a mask of 0 and 255, with a threshold of yours")
    if channel == "alpha" and image.mode not in ("LA", "RGBA"):
        raise ImageProblem("unreadable_image", "it has no alpha channel: correct masks.channel")
    if pixels.ndim == 2:
        return pixels.astype(np.int64)
    if image.mode == "LA":
        return pixels[..., 1 if channel == "alpha" else 0].astype(np.int64)
    if channel in _CHANNELS:
        return pixels[..., _CHANNELS[channel]].astype(np.int64)
    red, green, blue = (pixels[..., index].astype(np.int64) for index in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    return red << 16 | green << 8 | blue
