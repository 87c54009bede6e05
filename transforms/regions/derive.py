"""From the bytes of one sample to its image row and its regions; pixels are decoded once."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import (
    DecodedImage,
    ImageProblem,
    check_extension,
    decode_image,
    decode_mask,
    encode_jpeg,
    pixel_sha256,
    resize_image,
)
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.pictures.thumbnails import pack, perceptual_hash, thumbnail
from medmultipoints.transforms.records import Exclusion, Region, Sample
from medmultipoints.transforms.regions.boxes import published_scale, released_size
from medmultipoints.transforms.regions.masks import MaskRegions, Speck, find_regions
from medmultipoints.transforms.regions.tracks import LabelProblem, join_tracks, parse_labels, parse_tracked


@dataclass(frozen=True, slots=True)
class DeriveParameters:
    """The recipe's say in this step; sizes in pixels."""

    threshold: int = 128
    min_area_px: int = 20
    max_side: int | None = None
    resample: Literal["lanczos", "bicubic", "bilinear", "box"] = "lanczos"
    jpeg_quality: int = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """Identity and sizes of one decoded image; the columns of the table ``images``."""

    sample_id: str
    source: str
    image_sha256: str
    stored_sha256: str
    pixel_sha256: str
    image_origin: Literal["member", "decoded"]
    format: Literal["jpg", "png"]
    original_width: int
    original_height: int
    width: int
    height: int
    scale: float
    stored_bytes: int
    perceptual_hash: str
    mask_off_binary: int | None
    annotated: bool


@dataclass(frozen=True, slots=True)
class Derived:
    """What one sample yields; ``stored`` holds the released bytes where they differ from the source's.

    ``thumbnail`` is made of the released bytes, so that it can be made again from a release.
    """

    image: ImageFacts
    regions: tuple[Region, ...]
    specks: tuple[Speck, ...]
    stored: bytes | None
    thumbnail: str


def derive_sample(
    sample: Sample,
    read: Callable[[str], bytes],
    parameters: DeriveParameters,
    frame: NDArray[np.uint8] | None = None,
    scratch: Scratch | None = None,
) -> Derived | Exclusion:
    """The sample's image row, regions and specks, or the reason why it is rejected.

    ``read`` gives a member's bytes; ``frame`` is the decoded picture of a video frame (H x W x 3, RGB),
    which is then encoded here as JPEG and has no bytes of the source. ``scratch``: memory to decode into.
    """
    try:
        return _derive(sample, read, parameters, frame, scratch or Scratch())
    except (ImageProblem, LabelProblem, MemberProblem) as problem:
        return reject(sample, problem.reason, problem.detail)


def reject(sample: Sample, reason: str, detail: str) -> Exclusion:
    """The quarantine entry of a sample; its detail begins with the picture's member."""
    member = sample.image_member or sample.video_member or sample.stem
    return Exclusion(
        source=sample.source,
        key=sample.sample_id,
        verdict="rejected",
        reason=reason,
        detail=detail if detail.startswith(member) else f"{member}: {detail}",
        sample_id=sample.sample_id,
    )


def _derive(
    sample: Sample,
    read: Callable[[str], bytes],
    parameters: DeriveParameters,
    frame: NDArray[np.uint8] | None,
    scratch: Scratch,
) -> Derived:
    if frame is None:
        data, decoded = _read_picture(sample, read, scratch)
    else:
        data, decoded = encode_jpeg(frame, parameters.jpeg_quality), DecodedImage(frame, "jpg")
    pixels = decoded.pixels
    height, width = pixels.shape[:2]
    _check_size(sample, width, height)
    mask = _read_mask(sample, read, width, height, scratch)
    kept = pixels if frame is None and published_scale(width, height, parameters.max_side) == 1 else None
    found = None if mask is None else find_regions(mask, parameters.threshold, parameters.min_area_px, scratch, kept)
    regions = (
        *_mask_objects(sample, mask, found, parameters.threshold),
        *_source_objects(sample, width, height),
        *_track_objects(sample, read, width, height),
    )
    identity = pixel_sha256(pixels)
    stored, size, scale = _store(data, pixels, parameters)
    changed = stored if frame is not None or scale != 1 else None
    small = thumbnail(pixels if changed is None else decode_image(changed, scratch).pixels, scratch)
    image = ImageFacts(
        sample_id=sample.sample_id,
        source=sample.source,
        image_sha256=hashlib.sha256(data).hexdigest(),
        stored_sha256=hashlib.sha256(stored).hexdigest(),
        pixel_sha256=identity,
        image_origin="member" if frame is None else "decoded",
        format=decoded.format if scale == 1 else "jpg",
        original_width=width,
        original_height=height,
        width=size[0],
        height=size[1],
        scale=scale,
        stored_bytes=len(stored),
        perceptual_hash=perceptual_hash(small),
        mask_off_binary=found.off_binary if found else None,
        annotated=bool(sample.labels_exhaustive) and not _holds_specks_alone(found),
    )
    return Derived(image, regions, found.specks if found else (), changed, pack(small))


def _holds_specks_alone(found: MaskRegions | None) -> bool:
    """Whether a mask shows something, but nothing large enough: no proof that there is nothing."""
    return found is not None and not found.regions and any(speck.reason == "below_min_area" for speck in found.specks)


def _read_picture(sample: Sample, read: Callable[[str], bytes], scratch: Scratch) -> tuple[bytes, DecodedImage]:
    assert sample.image_member is not None
    data = read(sample.image_member)
    check_extension(sample.image_member, data)
    return data, decode_image(data, scratch)


def _check_size(sample: Sample, width: int, height: int) -> None:
    stated = (sample.source_width, sample.source_height)
    if stated != (None, None) and stated != (width, height):
        raise ImageProblem(
            "size_mismatch", f"the image is {width}x{height} px, its annotation says {stated[0]}x{stated[1]}"
        )


def _read_mask(
    sample: Sample, read: Callable[[str], bytes], width: int, height: int, scratch: Scratch
) -> NDArray[np.uint8] | None:
    if sample.mask_member is None:
        return None
    try:
        data = read(sample.mask_member)
        check_extension(sample.mask_member, data)
        mask = decode_mask(data, scratch)
    except ImageProblem as problem:
        raise ImageProblem(f"mask_{problem.reason}", f"its mask {sample.mask_member}: {problem.detail}") from problem
    if mask.shape != (height, width):
        raise ImageProblem(
            "mask_size_mismatch",
            f"the mask {sample.mask_member} is {mask.shape[1]}x{mask.shape[0]} px, the image {width}x{height}",
        )
    return mask


def _mask_objects(
    sample: Sample, mask: NDArray[np.uint8] | None, found: MaskRegions | None, threshold: int
) -> Iterator[Region]:
    if mask is None or found is None or sample.mask_label is None:
        return
    for index, region in enumerate(found.regions):
        inside = mask[int(region.interior.y), int(region.interior.x)] >= threshold
        yield Region(
            sample_id=sample.sample_id,
            evidence="mask",
            label=sample.mask_label,
            index=index,
            box=region.box,
            centroid=region.centroid,
            centroid_inside=region.centroid_inside,
            interior=region.interior,
            interior_inside=bool(inside),
            area_px=region.area_px,
            rle=region.rle,
            tone=region.tone,
            truncated=region.truncated,
        )


def _source_objects(sample: Sample, width: int, height: int) -> Iterator[Region]:
    for index, stated in enumerate(sample.source_boxes):
        box = stated.box
        yield Region(
            sample_id=sample.sample_id,
            evidence="source",
            label=stated.label,
            index=index,
            box=box,
            truncated=box.x1 <= 0 or box.y1 <= 0 or box.x2 >= width or box.y2 >= height,
        )


def _track_objects(sample: Sample, read: Callable[[str], bytes], width: int, height: int) -> Iterator[Region]:
    if sample.label_member is None or sample.track_member is None:
        return
    labels = parse_labels(read(sample.label_member), file=sample.label_member)
    tracked = parse_tracked(read(sample.track_member), file=sample.track_member)
    for index, found in enumerate(join_tracks(labels, tracked, width, height)):
        yield Region(
            sample_id=sample.sample_id,
            evidence="track",
            label=found.label,
            index=index,
            box=found.box,
            track_id=found.track_id,
            truncated=found.truncated,
        )


def _store(
    data: bytes, pixels: NDArray[np.uint8], parameters: DeriveParameters
) -> tuple[bytes, tuple[int, int], float]:
    """The bytes to be released, their size in pixels, and the scale."""
    height, width = pixels.shape[:2]
    scale = published_scale(width, height, parameters.max_side)
    if scale == 1:
        return data, (width, height), 1.0
    size = released_size(width, height, parameters.max_side)
    resized = resize_image(pixels, *size, parameters.resample)
    return encode_jpeg(resized, parameters.jpeg_quality), size, scale
