"""Decide by pixels whether a picture file is a drawing of areas (a mask) or a photograph."""

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.pictures.decode import MAX_PIXELS, PILLOW_ERRORS, ImageProblem
from medmultipoints.transforms.rasters.array_items import read_array
from medmultipoints.transforms.rasters.volumes import whole_numbers

FLAT: Final = 0.88
"""Least share of equal neighbouring pixels of a drawing."""
JPEG_STEP: Final = 24
PATCHES, BACKGROUND = 16, 0.05
"""A picture with more colours than the first, none of which has the second share, is a mosaic, not a mask."""
_PLAIN: Final = {"RGBA": "RGB", "LA": "L", "1": "L", "CMYK": "RGB", "YCbCr": "RGB"}


@dataclass(frozen=True, slots=True)
class Look:
    """Pixels of one file for reading masks: palettes as indices, 16 bits kept, alpha channel separate.

    ``channels``: the file is a stack of masks, and ``values`` is their union. ``colours``: red, green and blue of each
    index of a palette, one after the other.
    """

    mode: str
    values: NDArray[Any]
    alpha: NDArray[np.uint8] | None
    lossy: bool
    palette: bool
    channels: bool = False
    colours: tuple[int, ...] = ()

    @property
    def flat(self) -> float:
        """Share of horizontally neighbouring pixels that are equal, or nearly equal in a JPEG."""
        if self.values.shape[1] < 2:
            return 1.0
        left, right = self.values[:, :-1], self.values[:, 1:]
        same = np.abs(left.astype(np.int16) - right) <= JPEG_STEP if self.lossy else left == right
        return float((same.all(axis=2) if same.ndim == 3 else same).mean())

    @property
    def is_drawing(self) -> bool:
        """Whether the pixels form flat areas of few values; in JPEGs, nearly black or white ones."""
        if self.lossy:
            extreme = ((self.values < 40) | (self.values > 215)).mean()
            return self.flat > 0.97 and float(extreme) > 0.97
        if self.values.dtype.kind == "f":
            return False
        if self.flat < FLAT:
            return False
        packed = packed_colours(self.values)
        counts = np.unique(packed, return_counts=True)[1]
        if len(counts) > PATCHES and counts.max() < BACKGROUND * packed.size:
            return False
        return bool(len(counts) <= max(64, packed.size // 40))

    @property
    def is_soft(self) -> bool:
        """Whether gray values are a mask of fractions: between 0 and 1, or nearly all at both ends but not flat."""
        values = self.values
        if values.ndim != 2 or self.lossy or self.palette or not values.size:
            return False
        if values.dtype.kind == "f":
            return bool((values >= 0).all() and (values <= 1).all())
        top = 65535 if values.max() > 255 else 255
        low, high = float((values <= top * 0.02).mean()), float((values >= top * 0.98).mean())
        return not self.is_drawing and low >= 0.1 and high >= 0.02 and low + high >= 0.6


def look_at(data: bytes, name: str = "", page: int = 0) -> Look | None:
    """Return the pixels of a picture or array file as stored, or None if it cannot be read."""
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _look_at_tiff(data, page)
    if data.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return _look_at_array(data, name)
    return _look_at_picture(data, 0)


def _look_at_picture(data: bytes, page: int) -> Look | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            if page:
                image.seek(page)
            if image.width * image.height > MAX_PIXELS:
                return None
            lossy = image.format in ("JPEG", "WEBP")
            alpha = np.asarray(image.getchannel("A")) if image.mode in ("RGBA", "LA") else None
            plain = image.convert(_PLAIN.get(image.mode, image.mode))
            colours = tuple(image.getpalette("RGB") or ()) if image.mode == "P" else ()
            return Look(image.mode, np.asarray(plain), alpha, lossy, image.mode == "P", colours=colours)
    except PILLOW_ERRORS:
        return None


def _look_at_array(data: bytes, name: str) -> Look | None:
    """Return the look of an array of whole numbers, height x width or channels x height x width, or None."""
    try:
        array = read_array(data, name)
    except ImageProblem:
        return None
    array = whole_numbers(array)
    if array.dtype.kind not in "biu" or array.ndim not in (2, 3):
        return None
    if array.ndim == 2:
        return Look("array", array.astype(np.int64), None, False, False)
    return Look("array", (array != 0).any(axis=0).astype(np.int64), None, False, False, channels=True)


def _look_at_tiff(data: bytes, page: int) -> Look | None:
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            held = file.pages[page]
            palette = held.photometric.name == "PALETTE"
            values = whole_numbers(held.asarray())
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, OSError, RuntimeError, TypeError) as error:
        # Pillow reads LZW and JPEG without that package.
        return _look_at_picture(data, page) if "imagecodecs" in str(error) else None
    if values.ndim == 3 and values.shape[2] == 4:
        return Look("RGBA", values[..., :3], values[..., 3], False, False)
    return Look(str(values.dtype), values, None, False, palette) if values.ndim in (2, 3) else None


def packed_colours(values: NDArray[Any]) -> NDArray[Any]:
    """Return one number per pixel: colours as r * 65536 + g * 256 + b."""
    if values.ndim == 2:
        return values
    channels = values.astype(np.int32)
    packed: NDArray[Any] = channels[..., 0]
    for at in range(1, min(3, channels.shape[2])):
        packed = packed << 8 | channels[..., at]
    return packed
