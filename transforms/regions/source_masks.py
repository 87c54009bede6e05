"""Read the mask of a sample in the frame of its picture, and the objects in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.components import MaskRegions, find_regions
from medmultipoints.transforms.masks.mask_values import read_values
from medmultipoints.transforms.pictures.decode import ImageProblem, check_extension, decode_mask, detect_format
from medmultipoints.transforms.pictures.orientation import find_orientations, turn_pixels
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.rasters.source_pictures import SourcePicture
from medmultipoints.transforms.records import Region, Sample
from medmultipoints.transforms.regions.framing import covers_frame, is_inverted


def read_mask_regions(
    sample: Sample,
    read: Callable[[str], bytes],
    threshold: int | None,
    min_area_px: int,
    picture: SourcePicture,
    measured: NDArray[np.uint8] | None,
    scratch: Scratch,
) -> MaskRegions | None:
    """Return the contents of a sample's mask, or None without one; ``measured``: pixels to measure tones from."""
    if sample.mask_member is None:
        return None
    mask, least = _read_mask(sample, sample.mask_member, read, threshold, picture, scratch)
    found = find_regions(mask, least, min_area_px, scratch, measured)
    _check_inverted(sample.mask_member, mask, least, found)
    return found


def _read_mask(
    sample: Sample,
    member: str,
    read: Callable[[str], bytes],
    declared: int | None,
    picture: SourcePicture,
    scratch: Scratch,
) -> tuple[NDArray[np.uint8], int]:
    """Return the mask in the frame of the picture, and the lowest value of an object."""
    try:
        data = read(member)
        check_extension(member, data)
        mask, threshold = read_values(decode_mask(data, scratch), declared, lossy=detect_format(data) == "jpg")
    except ImageProblem as problem:
        raise ImageProblem(f"mask_{problem.reason}", f"its mask {member}: {problem.detail}") from problem
    check_mask_orientation(sample, member, data, read)
    height, width = picture.pixels.shape[:2]
    if picture.turned and not (picture.turned >= 5 and mask.shape == (height, width) != (width, height)):
        mask = turn_pixels(mask, picture.turned)
    if mask.shape != (height, width):
        raise ImageProblem(
            "mask_size_mismatch",
            f"the mask {member} is {mask.shape[1]}x{mask.shape[0]} px, the image {width}x{height}",
        )
    return mask, threshold


def check_mask_orientation(sample: Sample, member: str, data: bytes, read: Callable[[str], bytes]) -> None:
    """Raise ImageProblem if a mask's orientation tag differs from its picture's or would be applied by a viewer."""
    if not (tags := find_orientations(data)):
        return
    plain = data.startswith((SIGNATURE, b"\xff\xd8")) and sample.drawn_on != "displayed"
    if not plain or sample.image_member is None or tags != find_orientations(read(sample.image_member)):
        raise ImageProblem(
            "mask_orientation_tag",
            f"the mask {member} has the orientation {min(tags)}, and whether its picture follows it is unknown. Save "
            "the mask without it",
        )


def _check_inverted(member: str, mask: NDArray[np.uint8], least: int, found: MaskRegions) -> None:
    height, width = mask.shape
    if any(covers_frame(region.box, width, height) for region in found.regions) and is_inverted(mask >= least):
        raise ImageProblem(
            "mask_inverted",
            f"its mask {member} is white along the border and around a dark object: it is inverted. Invert the file",
        )


def mask_objects(sample: Sample, found: MaskRegions | None) -> Iterator[Region]:
    """Yield the objects of a mask under the label that its source gives it."""
    if found is None or sample.mask_label is None:
        return
    for index, region in enumerate(found.regions):
        yield replace(region, sample_id=sample.sample_id, label=sample.mask_label, index=index)
