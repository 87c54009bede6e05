"""Masks of objects in released pixels, as arrays, RLE and PNG files."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.items import Picture, Placement
from medmultipoints.transforms.masks.run_lengths import area_of_rle, decode_rle, encode_rle
from medmultipoints.transforms.pictures.decode import MAX_PIXELS, encode_png
from medmultipoints.transforms.records import ReleasedObject

Mask = NDArray[np.bool_]
SQUARE: Final = 1024
NO_MASK: Final = "no object with a mask"


def place_with_masks(pictures: Iterable[Picture], path_of: Callable[[Picture], str]) -> Placement:
    """Return the placement of the pictures that have an object with a mask."""
    paths: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    for picture in pictures:
        if any(found.rle is not None for found in picture.objects):
            paths[picture.sample_id] = path_of(picture)
        else:
            left_out[NO_MASK] += 1
    return Placement(paths, left_out)


def released_mask(picture: Picture, found: ReleasedObject) -> Mask:
    """Return the object's mask in the released picture, resampled by nearest neighbour.

    Never empty: an object that vanishes in a smaller picture keeps the pixel of its point.
    Raise ValueError if the object has no mask or its RLE does not fit the picture.
    """
    width, height = picture.original
    if found.rle is None or width * height > MAX_PIXELS:
        raise ValueError(f"object {found.object_id} has no usable mask")
    try:
        mask = decode_rle(found.rle, height, width)
    except ValueError as error:
        raise ValueError(f"object {found.object_id}: {error}") from error
    if picture.size == picture.original:
        return mask
    smaller = resample(mask, picture.size)
    if not smaller.any():
        smaller[int(found.point.y), int(found.point.x)] = True
    return smaller


def resample(mask: Mask, size: Size) -> Mask:
    """Return the mask at another size; each new pixel takes the old pixel that contains its centre."""
    height, width = mask.shape
    rows = ((np.arange(size.height) + 0.5) * height / size.height).astype(np.int64)
    columns = ((np.arange(size.width) + 0.5) * width / size.width).astype(np.int64)
    taken: Mask = mask[rows[:, None], columns]
    return taken


def mask_code(picture: Picture, found: ReleasedObject) -> tuple[str, int] | None:
    """Return COCO RLE and area (px) of the object in the released picture; None without a mask."""
    if found.rle is None:
        return None
    if picture.size == picture.original:
        return found.rle, area_of_rle(found.rle)
    mask = released_mask(picture, found)
    return encode_rle(mask.view(np.uint8), 0, 0, *picture.size), int(mask.sum())


def pad_to_square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture or mask centred in a black square as wide as its longer side.

    If the padding is odd, the extra row or column is at the end.
    """
    height, width = pixels.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    margins = [(top, side - height - top), (left, side - width - left), *[(0, 0)] * (pixels.ndim - 2)]
    return np.pad(pixels, margins)


def mask_png(mask: Mask) -> bytes:
    """Return the mask as a gray PNG: 255 inside, 0 outside."""
    return encode_png(mask.astype(np.uint8) * 255)
