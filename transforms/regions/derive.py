"""Derive the image row and the regions of one sample from its bytes, decoding pixels once."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MachineError, MemberProblem, is_memory_short
from medmultipoints.transforms.masks.components import Speck
from medmultipoints.transforms.pictures.decode import (
    PILLOW_ERRORS,
    ColourModel,
    ImageProblem,
    decode_image,
    encode_jpeg,
    luma_blake3,
    resize_image,
    said_by,
)
from medmultipoints.transforms.pictures.orientation import Orientation, turn_box, turn_size
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.pictures.thumbnails import pack, thumbnail, to_luma
from medmultipoints.transforms.rasters.source_pictures import OWN_BYTES, ImageOrigin, SourcePicture, read_picture
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import Box, Exclusion, Region, Sample, UnusedAnnotation
from medmultipoints.transforms.regions.annotated_objects import AnnotatedObjects, find_annotated_objects
from medmultipoints.transforms.regions.boxes import published_scale, reaches_border, released_size
from medmultipoints.transforms.regions.completeness import may_be_incomplete
from medmultipoints.transforms.regions.source_masks import check_mask_orientation, mask_objects, read_mask_regions
from medmultipoints.transforms.regions.tracks import (
    Classes,
    JoinedFiles,
    TrackRows,
    join_tracks,
    parse_labels,
    parse_tracked,
)
from medmultipoints.transforms.sources.accounting import exclude_sample

LIBRARY_ERRORS = (
    cv2.error, *(kind for kind in PILLOW_ERRORS if kind is not OSError), AttributeError, MemoryError, SystemError,
)  # fmt: skip
"""What libraries raise for odd values; an OSError is of the machine."""


@dataclass(frozen=True, slots=True)
class DeriveParameters:
    """Settings of the derive stage; sizes in pixels. ``threshold``: see ``mask_values.read_values``.

    ``classes``: labels of the class numbers in the label files of the source.
    """

    threshold: int | None = None
    orientation: Orientation = "stored"
    min_area_px: int = 20
    max_side: int | None = None
    resample: Literal["lanczos", "bicubic", "bilinear", "box"] = "lanczos"
    jpeg_quality: int = 95
    classes: Classes = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """Identity and sizes of one decoded image: the table ``images`` without the perceptual hash."""

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
    joined: JoinedFiles | None = None,
) -> Derived | Exclusion:
    """Return the sample's image row, regions and specks, or the exclusion that rejects it.

    ``read`` returns a member's bytes. ``frame``: decoded video frame (H x W x 3, RGB), to be encoded as JPEG.
    ``scratch``: memory to decode into. ``joined``: label files from ``join_label_files``; others are read.
    """
    try:
        return _derive(sample, read, parameters, frame, scratch or Scratch(), joined)
    except MemberProblem as problem:
        return reject(sample, problem.reason, problem.detail)
    except LIBRARY_ERRORS as error:
        # A library error on one odd file rejects that file only; a machine without memory rejects nothing.
        if is_memory_short(error):
            raise MachineError(f"{sample.sample_id}: memory ran out. Use fewer --workers, then run again.") from error
        return reject(sample, "processing_failed", f"{type(error).__name__}: {said_by(error)[:300]}")


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
    joined: JoinedFiles | None,
) -> Derived:
    picture = _read_picture(sample, read, parameters, frame, scratch)
    pixels = picture.pixels
    _check_size(sample, picture)
    stored, size, scale = _store(picture, parameters)
    measured = pixels if scale == 1 and picture.origin in OWN_BYTES else None
    tracks = _read_tracks(sample, read, picture, parameters.classes, joined)
    found = read_mask_regions(sample, read, parameters.threshold, parameters.min_area_px, picture, measured, scratch)
    regions = (*mask_objects(sample, found), *_source_objects(sample, picture))
    annotated = _find_annotated(_with_min_area(sample, parameters), read, picture, measured)
    luma = to_luma(pixels, scratch)
    small = thumbnail(luma if frame is None and scale == 1 else to_luma(decode_image(stored, scratch).pixels, scratch))
    height, width = pixels.shape[:2]
    image = _image_facts(
        sample,
        picture,
        (stored, size, scale),
        luma_digest=luma_blake3(luma),
        mask_off_binary=found.off_binary if found else None,
        annotated=bool(sample.labels_exhaustive) and not may_be_incomplete(found, annotated, width, height),
    )
    specks = (*(found.specks if found else ()), *annotated.specks)
    changed = None if stored is picture.data and picture.origin == "member" else stored
    return Derived(image, (*regions, *annotated.regions), specks, changed, pack(small), annotated.unused, tracks)


def _image_facts(
    sample: Sample,
    picture: SourcePicture,
    released: tuple[bytes, tuple[int, int], float],
    *,
    luma_digest: str,
    mask_off_binary: int | None,
    annotated: bool,
) -> ImageFacts:
    """Return the row of an image; ``released``: see ``_store``; ``annotated``: no object can be missing."""
    stored, size, scale = released
    height, width = picture.pixels.shape[:2]
    own_sha256 = hashlib.sha256(picture.data).hexdigest()
    return ImageFacts(
        sample_id=sample.sample_id,
        source=sample.source,
        image_sha256=own_sha256,
        stored_sha256=own_sha256 if stored is picture.data else hashlib.sha256(stored).hexdigest(),
        luma_blake3=luma_digest,
        image_origin=picture.origin,
        format=picture.format if scale == 1 else "jpg",
        original_width=width,
        original_height=height,
        width=size[0],
        height=size[1],
        scale=scale,
        stored_bytes=len(stored),
        mask_off_binary=mask_off_binary,
        annotated=annotated,
        orientation_done=picture.done,
        colour_model=picture.model,
    )


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
        check_mask_orientation(sample, layer.member, read(layer.member), read)
    return find_annotated_objects(sample, width, height, lambda layer: read_codes(layer, read), measured)


def _with_min_area(sample: Sample, parameters: DeriveParameters) -> Sample:
    """Return the sample with the recipe's minimum area set in layers that declare none."""
    if all(layer.min_area_px for layer in sample.layers):
        return sample
    least = parameters.min_area_px
    return replace(
        sample, layers=tuple(replace(layer, min_area_px=layer.min_area_px or least) for layer in sample.layers)
    )


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


def _turn(box: Box, picture: SourcePicture) -> Box:
    """Return a box of the stored picture in the frame of the released picture."""
    if picture.turned is None:
        return box
    height, width = picture.pixels.shape[:2]
    return turn_box(box, picture.turned, *turn_size(width, height, picture.turned))


def _read_tracks(
    sample: Sample, read: Callable[[str], bytes], picture: SourcePicture, classes: Classes, joined: JoinedFiles | None
) -> TrackRows | None:
    """Return the objects of the sample's label files, in the frame of the released picture."""
    if sample.label_member is None or sample.track_member is None:
        return None
    member, other = sample.label_member, sample.track_member
    height, width = picture.pixels.shape[:2]
    size = picture.frame(width, height)
    found = joined.objects((member, other), *size) if joined else None
    if found is None:
        labels = None if member == other else parse_labels(read(member), classes, file=member)
        tracked = parse_tracked(read(other), classes, file=other)
        found = join_tracks(labels or tracked, tracked, *size)
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
            truncated=reaches_border(box, width, height),
        )
