"""Derive the image row and the regions of one sample from its bytes, decoding pixels once."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MachineError, MemberProblem, is_memory_short
from medmultipoints.transforms.masks.components import MaskRegions, Speck, find_regions
from medmultipoints.transforms.masks.mask_values import read_values
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.pictures.decode import (
    PILLOW_ERRORS,
    ColourModel,
    ImageProblem,
    check_extension,
    decode_image,
    decode_mask,
    detect_format,
    encode_jpeg,
    luma_blake3,
    resize_image,
)
from medmultipoints.transforms.pictures.orientation import (
    Orientation,
    find_orientations,
    turn_box,
    turn_pixels,
    turn_size,
)
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.pictures.thumbnails import pack, perceptual_hash, thumbnail, to_luma
from medmultipoints.transforms.rasters.source_pictures import OWN_BYTES, ImageOrigin, SourcePicture, read_picture
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import Box, Exclusion, Region, Sample
from medmultipoints.transforms.regions.annotated_objects import (
    OUTSIDE,
    AnnotatedObjects,
    UnusedAnnotation,
    find_annotated_objects,
)
from medmultipoints.transforms.regions.boxes import published_scale, released_size
from medmultipoints.transforms.regions.framing import AROUND_SHARE, covers_frame, is_inverted, may_be_inverted
from medmultipoints.transforms.regions.tracks import ParsedLabels, TrackRows, join_tracks, parse_labels, parse_tracked
from medmultipoints.transforms.sources.accounting import exclude_sample

LIBRARY_ERRORS = (
    cv2.error, *(kind for kind in PILLOW_ERRORS if kind is not OSError), AttributeError, MemoryError, SystemError,
)  # fmt: skip
"""What libraries raise for odd values; an OSError is of the machine."""


@dataclass(frozen=True, slots=True)
class DeriveParameters:
    """Recipe settings of the derive stage; sizes in pixels. ``threshold``: see ``mask_values.read_values``."""

    threshold: int | None = None
    orientation: Orientation = "stored"
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
    luma_blake3: str
    image_origin: ImageOrigin
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
    orientation_done: str | None
    colour_model: ColourModel


@dataclass(frozen=True, slots=True)
class Derived:
    """Rows and bytes derived from one sample; ``stored``: the released bytes if they differ from the source's.

    ``thumbnail`` is made from the released bytes, so it can be recomputed from a release. ``unused``: annotations that
    show no object. ``tracks``: the objects of label files, kept as columns because a frame has dozens.
    """

    image: ImageFacts
    regions: tuple[Region, ...]
    specks: tuple[Speck, ...]
    stored: bytes | None
    thumbnail: str
    unused: tuple[UnusedAnnotation, ...] = ()
    tracks: TrackRows | None = None

    @property
    def tracked(self) -> list[tuple[str, str]]:
        """Track id and label of every object that is on a track."""
        found = [(region.track_id, region.label) for region in self.regions if region.track_id is not None]
        return [*found, *zip(self.tracks.track_ids, self.tracks.labels, strict=True)] if self.tracks else found


def derive_sample(
    sample: Sample,
    read: Callable[[str], bytes],
    parameters: DeriveParameters,
    frame: NDArray[np.uint8] | None = None,
    scratch: Scratch | None = None,
    parsed: ParsedLabels | None = None,
) -> Derived | Exclusion:
    """Return the sample's image row, regions and specks, or the exclusion that rejects it.

    ``read`` returns a member's bytes. ``frame``: decoded video frame (H x W x 3, RGB), to be encoded as JPEG.
    ``scratch``: memory to decode into. ``parsed``: rows of label files from ``parse_label_files``, others are read.
    """
    try:
        return _derive(sample, read, parameters, frame, scratch or Scratch(), parsed or {})
    except MemberProblem as problem:
        return reject(sample, problem.reason, problem.detail)
    except LIBRARY_ERRORS as error:
        # A library error on one odd file rejects that file only; a machine without memory rejects nothing.
        if is_memory_short(error):
            raise MachineError(f"{sample.sample_id}: memory ran out. Use fewer --workers, then run again.") from error
        return reject(sample, "processing_failed", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def reject(sample: Sample, reason: str, detail: str) -> Exclusion:
    """Return the exclusion of a rejected sample; its detail begins with the picture's member."""
    member = sample.image_member or sample.video_member or sample.stem
    said = detail if detail.startswith(member) else f"{member}: {detail}"
    return exclude_sample(sample.sample_id, "rejected", reason, said)


def _derive(
    sample: Sample,
    read: Callable[[str], bytes],
    parameters: DeriveParameters,
    frame: NDArray[np.uint8] | None,
    scratch: Scratch,
    parsed: ParsedLabels,
) -> Derived:
    picture = _read_picture(sample, read, parameters, frame, scratch)
    pixels = picture.pixels
    height, width = pixels.shape[:2]
    _check_size(sample, picture)
    stored, size, scale = _store(picture, parameters)
    measured = pixels if scale == 1 and picture.origin in OWN_BYTES else None
    tracks = _read_tracks(sample, read, picture, parsed)
    found, regions = _find_objects(sample, read, parameters, picture, measured, scratch)
    annotated = _find_annotated(_with_min_area(sample, parameters), read, picture, measured)
    luma = to_luma(pixels, scratch)
    small = thumbnail(luma if frame is None and scale == 1 else to_luma(decode_image(stored, scratch).pixels, scratch))
    own_sha256 = hashlib.sha256(picture.data).hexdigest()
    image = ImageFacts(
        sample_id=sample.sample_id,
        source=sample.source,
        image_sha256=own_sha256,
        stored_sha256=own_sha256 if stored is picture.data else hashlib.sha256(stored).hexdigest(),
        luma_blake3=luma_blake3(luma),
        image_origin=picture.origin,
        format=picture.format if scale == 1 else "jpg",
        original_width=width,
        original_height=height,
        width=size[0],
        height=size[1],
        scale=scale,
        stored_bytes=len(stored),
        perceptual_hash=perceptual_hash(small),
        mask_off_binary=found.off_binary if found else None,
        annotated=bool(sample.labels_exhaustive) and not _is_doubtful(found, annotated, width, height),
        orientation_done=picture.done,
        colour_model=picture.model,
    )
    specks = (*(found.specks if found else ()), *annotated.specks)
    changed = None if stored is picture.data and picture.origin == "member" else stored
    return Derived(image, (*regions, *annotated.regions), specks, changed, pack(small), annotated.unused, tracks)


def _read_picture(
    sample: Sample,
    read: Callable[[str], bytes],
    parameters: DeriveParameters,
    frame: NDArray[np.uint8] | None,
    scratch: Scratch,
) -> SourcePicture:
    """Return the picture of a file, or a decoded video frame encoded as JPEG."""
    if frame is None:
        return read_picture(sample, read, parameters.orientation, scratch)
    return SourcePicture(encode_jpeg(frame, parameters.jpeg_quality), frame, "jpg", "rgb", origin="decoded")


def _find_annotated(
    sample: Sample, read: Callable[[str], bytes], picture: SourcePicture, measured: NDArray[np.uint8] | None
) -> AnnotatedObjects:
    """Return the annotated objects of a declared source, in the frame of the picture as stored."""
    if picture.turned and (sample.annotations or sample.layers):
        raise ImageProblem(
            "orientation_tag",
            f"its orientation {picture.turned} was applied, but its annotations are of the picture as stored: set "
            'orientation = "stored" in [pictures]',
        )
    height, width = picture.pixels.shape[:2]
    for layer in (one for one in sample.layers if not one.plane):
        _check_mask_orientation(sample, layer.member, read(layer.member), read)
    return find_annotated_objects(sample, width, height, lambda layer: read_codes(layer, read), measured)


def _with_min_area(sample: Sample, parameters: DeriveParameters) -> Sample:
    """Return the sample with the recipe's minimum area set in layers that declare none."""
    if all(layer.min_area_px for layer in sample.layers):
        return sample
    least = parameters.min_area_px
    return replace(
        sample, layers=tuple(replace(layer, min_area_px=layer.min_area_px or least) for layer in sample.layers)
    )


def _check_mask_orientation(sample: Sample, member: str, data: bytes, read: Callable[[str], bytes]) -> None:
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


def _find_objects(
    sample: Sample,
    read: Callable[[str], bytes],
    parameters: DeriveParameters,
    picture: SourcePicture,
    measured: NDArray[np.uint8] | None,
    scratch: Scratch,
) -> tuple[MaskRegions | None, tuple[Region, ...]]:
    """Return the contents of the mask, or None without one, and all regions.

    ``measured``: pixels to measure tones from.
    """
    others = tuple(_source_objects(sample, picture))
    if sample.mask_member is None:
        return None, others
    mask, threshold = _read_mask(sample, sample.mask_member, read, parameters.threshold, picture, scratch)
    found = find_regions(mask, threshold, parameters.min_area_px, scratch, measured)
    _check_inverted(sample.mask_member, mask >= threshold, found)
    return found, (*_mask_objects(sample, found), *others)


def _is_doubtful(found: MaskRegions | None, annotated: AnnotatedObjects, width: int, height: int) -> bool:
    """Return whether annotations may be incomplete: only specks, unknown areas, an object outside or frame-filling."""
    drawn = [region for region in annotated.regions if region.evidence == "mask"]
    drawn += found.regions if found else ()
    alone = bool(annotated.specks) and not annotated.regions
    return (
        alone
        or annotated.uncertain
        or any(one.reason == OUTSIDE for one in annotated.unused)
        or _has_only_specks(found)
        or any(covers_frame(region.box, width, height) or _may_be_inverted(region, width, height) for region in drawn)
    )


def _may_be_inverted(region: Region, width: int, height: int) -> bool:
    """Return whether an object covers much of the frame and surrounds a dark area."""
    if region.rle is None or (region.area_px or 0) <= AROUND_SHARE * width * height:
        return False
    return may_be_inverted(decode_rle(region.rle, height, width))


def _check_inverted(member: str, inside: NDArray[np.bool_], found: MaskRegions) -> None:
    height, width = inside.shape
    if any(covers_frame(region.box, width, height) for region in found.regions) and is_inverted(inside):
        raise ImageProblem(
            "mask_inverted",
            f"its mask {member} is white along the border and around a dark object: it is inverted. Invert the file",
        )


def _has_only_specks(found: MaskRegions | None) -> bool:
    """Return whether every component of a non-empty mask is below the minimum area."""
    return found is not None and not found.regions and any(speck.reason == "below_min_area" for speck in found.specks)


def _check_size(sample: Sample, picture: SourcePicture) -> None:
    if sample.source_width is None or sample.source_height is None:
        return
    height, width = picture.pixels.shape[:2]
    stated = (sample.source_width, sample.source_height)
    if (width, height) == picture.frame(*stated):
        return
    detail = f"the image is {width}x{height} px, its annotation says {stated[0]}x{stated[1]}"
    if picture.done and (height, width) == stated:
        detail += f"; its orientation was {picture.done}: the annotation is of the other frame"
    raise ImageProblem("size_mismatch", detail)


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
    _check_mask_orientation(sample, member, data, read)
    height, width = picture.pixels.shape[:2]
    if picture.turned and not (picture.turned >= 5 and mask.shape == (height, width) != (width, height)):
        mask = turn_pixels(mask, picture.turned)
    if mask.shape != (height, width):
        raise ImageProblem(
            "mask_size_mismatch",
            f"the mask {member} is {mask.shape[1]}x{mask.shape[0]} px, the image {width}x{height}",
        )
    return mask, threshold


def _mask_objects(sample: Sample, found: MaskRegions) -> Iterator[Region]:
    if sample.mask_label is None:
        return
    for index, region in enumerate(found.regions):
        yield replace(region, sample_id=sample.sample_id, label=sample.mask_label, index=index)


def _source_objects(sample: Sample, picture: SourcePicture) -> Iterator[Region]:
    height, width = picture.pixels.shape[:2]
    for index, stated in enumerate(sample.source_boxes):
        box = _turn(stated.box, picture)
        yield Region(
            sample_id=sample.sample_id,
            evidence="source",
            label=stated.label,
            index=index,
            box=box,
            truncated=box.x1 <= 0 or box.y1 <= 0 or box.x2 >= width or box.y2 >= height,
        )


def _turn(box: Box, picture: SourcePicture) -> Box:
    """Return a box of the stored picture in the frame of the released picture."""
    if picture.turned is None:
        return box
    height, width = picture.pixels.shape[:2]
    return turn_box(box, picture.turned, *turn_size(width, height, picture.turned))


def _read_tracks(
    sample: Sample, read: Callable[[str], bytes], picture: SourcePicture, parsed: ParsedLabels
) -> TrackRows | None:
    """Return the objects of the sample's label files, in the frame of the released picture."""
    if sample.label_member is None or sample.track_member is None:
        return None
    member, other = sample.label_member, sample.track_member
    labels = parsed.get(member) or parse_labels(read(member), file=member)
    tracked = parsed.get(other) or parse_tracked(read(other), file=other)
    height, width = picture.pixels.shape[:2]
    found = join_tracks(labels, tracked, *picture.frame(width, height))
    if picture.turned is None:
        return found
    return replace(found, boxes=np.array([_turn(Box(*edges), picture) for edges in found.boxes.tolist()]))


def _store(picture: SourcePicture, parameters: DeriveParameters) -> tuple[bytes, tuple[int, int], float]:
    """Return the bytes to release, their size in pixels, and the scale."""
    height, width = picture.pixels.shape[:2]
    scale = published_scale(width, height, parameters.max_side)
    if scale == 1:
        return picture.changed or picture.data, (width, height), 1.0
    size = released_size(width, height, parameters.max_side)
    resized = resize_image(picture.pixels, *size, parameters.resample)
    return encode_jpeg(resized, parameters.jpeg_quality), size, scale
