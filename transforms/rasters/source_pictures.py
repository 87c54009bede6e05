"""The picture of a sample on its way into the release.

JPEG and PNG pass as they are, but for an orientation tag; pictures of other formats and planes of volumes become PNG.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
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
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.rasters.volumes import render_plane
from medmultipoints.transforms.records import Sample

ImageOrigin = Literal["member", "decoded", "converted"]
_PASSED_THROUGH = (".jpg", ".jpeg", ".jpe", ".png")


@dataclass(frozen=True, slots=True, eq=False)
class SourcePicture:
    """A picture on its way into the release: the source's bytes, its pixels, and what was done to its orientation.

    ``changed`` are the bytes to release where a tag was taken out or applied, or another format was converted;
    ``turned`` is the tag that was applied.
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
        """Return the size of an annotation of the stored picture once it is turned as the picture was."""
        return turn_size(width, height, self.turned) if self.turned else (width, height)


def read_picture(
    sample: Sample, read: Callable[[str], bytes], orientation: Orientation, scratch: Scratch
) -> SourcePicture:
    """Return the picture of a sample that is no frame of a video. ImageProblem where it cannot be used."""
    assert sample.image_member is not None
    if not _is_passed_through(sample):
        return _render(sample, read)
    data = read(sample.image_member)
    check_extension(sample.image_member, data)
    decoded = decode_image(data, scratch)
    plain = SourcePicture(data, decoded.pixels, decoded.format, colour_model(data))
    if not (tags := find_orientations(data)):
        return plain
    picture = _orient(plain, tags, orientation)
    height, width = picture.pixels.shape[:2]
    drawn_on = (sample.source_width, sample.source_height)
    if picture.turned and picture.turned >= 5 and drawn_on == (width, height) != (height, width):
        return replace(picture, turned=None)  # the annotation gives the displayed size: it was drawn on that
    return picture


def _is_passed_through(sample: Sample) -> bool:
    """Return whether the picture of a sample is a JPEG or PNG file, which is released as it is."""
    suffix = "." + (sample.image_member or "").rpartition(".")[2].lower()
    return not sample.plane and not sample.rendering and suffix in _PASSED_THROUGH


def _render(sample: Sample, read: Callable[[str], bytes]) -> SourcePicture:
    """Return a picture of another format as a PNG; a plane is identified by it, since its file holds many."""
    assert sample.image_member is not None
    pixels = render_plane(read, sample.image_member, sample.plane or "", sample.rendering or "")
    gray = bool((pixels[..., :1] == pixels).all())
    png = encode_png(np.ascontiguousarray(pixels[..., 0]) if gray else pixels)
    data = png if sample.plane else read(sample.image_member)
    return SourcePicture(data, pixels, "png", "gray" if gray else "rgb", changed=png, origin="converted")


def _orient(picture: SourcePicture, tags: frozenset[int], orientation: Orientation) -> SourcePicture:
    """Return the picture as every reader loads it in the frame of its boxes.

    ImageProblem where the recipe refuses it.
    """
    named = " and ".join(map(str, sorted(tags)))
    if orientation == "refuse":
        raise ImageProblem("orientation_tag", f"it holds the orientation {named}, which the recipe refuses")
    if orientation == "stored":
        if (changed := neutralise(picture.data)) is None:
            raise ImageProblem("orientation_tag", f"its orientation {named} cannot be taken out: write the file again")
        return replace(picture, changed=changed, done=f"removed {named}")
    if len(tags) > 1:
        raise ImageProblem("orientation_tag", f"its metadata hold the orientations {named}: nothing says which holds")
    (tag,) = tags
    turned = turn_pixels(picture.pixels, tag)
    done = f"applied {named}"
    return replace(picture, pixels=turned, format="png", changed=encode_png(turned), done=done, turned=tag)
