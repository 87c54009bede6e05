"""Pictures of other formats than JPEG and PNG, and planes of volumes: each becomes a PNG by its rendering."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import ColourModel, encode_png
from medmultipoints.transforms.rasters.volumes import render_plane
from medmultipoints.transforms.records import Sample

ImageOrigin = Literal["member", "decoded", "converted"]
_PASSED_THROUGH = (".jpg", ".jpeg", ".jpe", ".png")


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPicture:
    """Pixels in RGB, their PNG, and the bytes that identify the picture.

    Of a file these are the source's own; of a plane they are the PNG's, since its file holds many.
    """

    pixels: NDArray[np.uint8]
    png: bytes
    identity: bytes
    model: ColourModel


def is_passed_through(sample: Sample) -> bool:
    """Return whether the picture of a sample is a JPEG or PNG file, which is released as it is."""
    suffix = "." + (sample.image_member or "").rpartition(".")[2].lower()
    return not sample.plane and not sample.rendering and suffix in _PASSED_THROUGH


def render_picture(sample: Sample, read: Callable[[str], bytes]) -> RenderedPicture:
    """Return the picture of a sample that is no JPEG or PNG file. ImageProblem where it cannot be used."""
    assert sample.image_member is not None
    pixels = render_plane(read, sample.image_member, sample.plane or "", sample.rendering or "")
    gray = bool((pixels[..., :1] == pixels).all())
    png = encode_png(np.ascontiguousarray(pixels[..., 0]) if gray else pixels)
    return RenderedPicture(pixels, png, png if sample.plane else read(sample.image_member), "gray" if gray else "rgb")
