"""Read the picture of a sample and prepare the bytes to release.

JPEG and PNG files, and those in rows of a table, are released unchanged, except for orientation tags; pictures of other
formats and planes of volumes are converted to PNG.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import (
    ColourModel,
    ImageProblem,
    check_extension,
    colour_model,
    decode_image,
    encode_png,
)
from medmultipoints.transforms.pictures.orientation import (
    Orientation,
    find_orientations,
    neutralise,
    turn_pixels,
    turn_size,
)
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.rasters.parquet_rows import row_picture
from medmultipoints.transforms.rasters.volumes import render_plane
from medmultipoints.transforms.records import Sample

ImageOrigin = Literal["member", "embedded", "decoded", "converted"]
OWN_BYTES: Final[tuple[ImageOrigin, ...]] = ("member", "embedded")
"""Origins of pictures that are released with the bytes of the source."""
UNCHANGED: Final = (pl.col("scale") == 1) & pl.col("image_origin").is_in(OWN_BYTES)
"""Images whose released picture is the source's own, by their columns."""
_PASSED_THROUGH = (".jpg", ".jpeg", ".jpe", ".png")
_SIGNATURES = (b"\xff\xd8\xff", SIGNATURE)


@dataclass(frozen=True, slots=True, eq=False)
class SourcePicture:
    """A source's picture: its bytes, its pixels, and the changes to its orientation.

    ``changed``: bytes to release if a tag was removed or applied, or the format converted; ``turned``: the tag that was
    applied; ``done``: a description of the change.
    """

    data: bytes
    pixels: NDArray[np.uint8]
    format: Literal["jpg", "png"]
    model: ColourModel
    changed: bytes | None = None
    done: str | None = None
    turned: int | None = None
    origin: ImageOrigin = "member"

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """Return a size stated for the stored picture after the applied rotation."""
        return turn_size(width, height, self.turned) if self.turned else (width, height)


def read_picture(
    sample: Sample, read: Callable[[str], bytes], orientation: Orientation, scratch: Scratch
) -> SourcePicture:
    """Return the picture of a sample that is not a video frame. Raise ImageProblem if it cannot be used."""
    assert sample.image_member is not None
    data = read(sample.image_member)
    if _is_passed_through(sample):
        check_extension(sample.image_member, data)
        plain, tags = _unchanged(data, "member", scratch), find_orientations(data)
    elif (held := _in_row(sample, data)) is not None:
        plain, tags = _unchanged(held, "embedded", scratch), find_orientations(held)
    else:
        plain, tags = _render(sample, read), _tags_of_part(sample, data)
    if not tags:
        return plain
    drawn_on_displayed = sample.drawn_on == "displayed"
    mode = "displayed" if drawn_on_displayed and orientation == "stored" else orientation
    picture = _orient(plain, tags, mode)
    height, width = picture.pixels.shape[:2]
    stated = (sample.source_width, sample.source_height)
    same_size = picture.turned and picture.turned >= 5 and stated == (width, height) != (height, width)
    if picture.turned and (drawn_on_displayed or same_size):
        return replace(picture, turned=None)  # the annotations are of the displayed picture
    return picture


def _unchanged(data: bytes, origin: ImageOrigin, scratch: Scratch) -> SourcePicture:
    """Return a JPEG or PNG with its own bytes."""
    decoded = decode_image(data, scratch)
    return SourcePicture(data, decoded.pixels, decoded.format, colour_model(data), origin=origin)


def _in_row(sample: Sample, data: bytes) -> bytes | None:
    """Return the bytes of a JPEG or PNG in a row of a table; None for any other picture."""
    kind, _, number = (sample.plane or "").partition(":")
    if kind != "row" or sample.rendering or not number.isdecimal():
        return None
    held = row_picture(data, str(sample.image_member), int(number))
    return held if held.startswith(_SIGNATURES) else None


def _is_passed_through(sample: Sample) -> bool:
    """Return whether the picture of a sample is a JPEG or PNG file to be released unchanged."""
    suffix = "." + (sample.image_member or "").rpartition(".")[2].lower()
    return not sample.plane and not sample.rendering and suffix in _PASSED_THROUGH


def _tags_of_part(sample: Sample, data: bytes) -> frozenset[int]:
    """Return the orientation tags of a file, a page or the picture in a row; slices of volumes have none."""
    kind, _, number = (sample.plane or "").partition(":")
    if kind == "row":
        return find_orientations(row_picture(data, str(sample.image_member), int(number)))
    return find_orientations(data, int(number)) if kind == "page" else find_orientations(data)


def _render(sample: Sample, read: Callable[[str], bytes]) -> SourcePicture:
    """Return a picture of another format as PNG; a plane is identified by its PNG, since its file holds many."""
    assert sample.image_member is not None
    pixels = render_plane(read, sample.image_member, sample.plane or "", sample.rendering or "")
    gray = bool((pixels[..., :1] == pixels).all())
    png = _to_png(pixels)
    data = png if sample.plane else read(sample.image_member)
    return SourcePicture(data, pixels, "png", "gray" if gray else "rgb", changed=png, origin="converted")


def _to_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as a PNG file, gray if all channels are equal."""
    gray = bool((pixels[..., :1] == pixels).all())
    return encode_png(np.ascontiguousarray(pixels[..., 0]) if gray else pixels)


def _orient(picture: SourcePicture, tags: frozenset[int], orientation: Orientation) -> SourcePicture:
    """Return the picture without orientation tags, rotated if asked. Raise ImageProblem if the recipe refuses tags."""
    named = " and ".join(map(str, sorted(tags)))
    if orientation == "refuse":
        raise ImageProblem("orientation_tag", f"it has the orientation {named}, which the recipe refuses")
    if orientation == "stored" and picture.origin == "converted":
        return replace(picture, done=f"removed {named}")
    if orientation == "stored":
        if (changed := neutralise(picture.data)) is None:
            raise ImageProblem("orientation_tag", f"its orientation {named} cannot be removed: write the file again")
        return replace(picture, changed=changed, done=f"removed {named}")
    if len(tags) > 1:
        raise ImageProblem(
            "orientation_tag", f"its metadata have several orientations ({named}): which one applies is unknown"
        )
    (tag,) = tags
    turned = turn_pixels(picture.pixels, tag)
    made = _to_png(turned) if picture.origin == "converted" else encode_png(turned)
    return replace(picture, pixels=turned, format="png", changed=made, done=f"applied {named}", turned=tag)
