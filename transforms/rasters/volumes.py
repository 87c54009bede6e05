"""Read planes of volumes, and render pictures of formats other than JPEG and PNG.

Names of planes: ``axial:12``, ``coronal:3`` and ``sagittal:40`` of a volume, followed by ``:square`` to make pixels
square and by ``:channel2`` for an index on the fourth axis; ``frame:7`` of a DICOM file; ``page:2`` of a TIFF;
``item:KEY:3`` of an array in a NumPy file; ``row:5`` of a Parquet file; ``series:0`` for the voxels under a DICOM
picture; empty for the whole picture.
"""

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.pictures.decode import (
    MAX_PIXELS,
    PILLOW_ERRORS,
    ImageProblem,
    decode_image,
    refusing,
    said_by,
)
from medmultipoints.transforms.pictures.orientation import TURNED_BACK, find_orientations, turn_pixels
from medmultipoints.transforms.rasters import dicom, nifti
from medmultipoints.transforms.rasters.array_items import ITEM, array_item
from medmultipoints.transforms.rasters.intensity import Rendering, as_rgb, read_rendering, to_gray
from medmultipoints.transforms.rasters.parquet_rows import row_picture

_PLANES: Final = ("axial:", "coronal:", "sagittal:", "frame:", "series:")
_PLAIN_COLOURS: Final = ("MINISBLACK", "MINISWHITE", "RGB")
_SEPARATE: Final = 2
"""Planar configuration of TIFF files that store each colour as a plane of its own."""
TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
Read = Callable[[str], bytes]


def is_volume_plane(plane: str) -> bool:
    """Return whether a plane belongs to a volume or is a frame of a DICOM file."""
    return plane.startswith(_PLANES)


def read_plane(read: Read, member: str, plane: str, grid: str) -> NDArray[Any]:
    """Return the stored values of a plane of a mask, height x width.

    ``grid``: the member that the plane's number refers to. Raises ImageProblem ``geometry_differs`` if the mask is on
    another grid.
    """
    data = read(member)
    if plane.startswith("frame:"):
        return dicom.read_segment(data, member, _number(plane))
    if plane.startswith("series:"):
        return _under_picture(read, nifti.read_volume(data, member), member, grid)
    axis, index, square, channel = _split(plane)
    volume = nifti.read_volume(data, member, channel)
    if grid and grid != member:
        _check_grid(read, volume, member, grid)
    values = _whole(nifti.take_plane(volume, axis, index, member), member)
    return _resize(values, nifti.plane_spacing(volume.grid, axis), Image.Resampling.NEAREST) if square else values


def whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Return floating-point values as integers if all are whole, else unchanged."""
    whole = values.dtype.kind == "f" and bool(np.isfinite(values).all()) and bool((values == np.rint(values)).all())
    return values.astype(np.int64) if whole else values


def _under_picture(read: Read, volume: nifti.Volume, member: str, grid: str) -> NDArray[Any]:
    """Return the values of a volume under each pixel of a DICOM picture on its grid."""
    voxels = dicom.voxels_of(dicom.read_header(read(grid), grid), volume.grid)
    if voxels is None:
        raise ImageProblem("geometry_differs", f"{grid} is not aligned with the voxels of {member}")
    return _whole(volume.values[voxels[..., 0], voxels[..., 1], voxels[..., 2]], member)


def _whole(values: NDArray[Any], member: str) -> NDArray[Any]:
    values = whole_numbers(values)
    if values.dtype.kind == "f":
        raise ImageProblem("mask_not_whole", f"{member}: the values of a mask are whole numbers, these are fractions")
    return values


def render_plane(read: Read, member: str, plane: str, rendering: str) -> NDArray[np.uint8]:
    """Return a picture in RGB, height x width x 3. Raise ImageProblem if its format is not supported."""
    data, rule = read(member), read_rendering(rendering)
    if plane.startswith("row:"):
        return render_file(row_picture(data, member, _number(plane)), f"{member}, {plane}", rule)
    if plane.startswith(ITEM):
        return _render_array(array_item(data, member, plane), member, rule)
    if data[128:132] == b"DICM":
        return dicom.render(data, member, rule, _number(plane) if plane else 0)
    if is_volume_plane(plane):
        axis, index, square, channel = _split(plane)
        volume = nifti.read_volume(data, member, channel)
        gray = to_gray(nifti.take_plane(volume, axis, index, member), rule, volume.values)
        if square:
            gray = _resize(gray, nifti.plane_spacing(volume.grid, axis), Image.Resampling.BILINEAR)
        return as_rgb(gray)
    return render_file(data, member, rule, _number(plane) if plane else None)


def render_file(data: bytes, member: str, rule: Rendering, page: int | None = None) -> NDArray[np.uint8]:
    """Return the picture of an image file in RGB.

    Raises ImageProblem ``several_pages`` for a TIFF with several pages without ``page``, ``whole_slide`` for a slide.
    """
    if data[:4] in TIFF:
        return _render_tiff(data, member, page or 0, rule, page is None)
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        return _render_plain(data, rule)
    return _render_other(data, member, rule)


def _split(plane: str) -> tuple[str, int, bool, int | None]:
    axis, index, *rest = plane.split(":")
    channel = next((_number(f":{part[7:]}") for part in rest if part.startswith("channel")), None)
    return axis, _number(f"{axis}:{index}"), "square" in rest, channel


def _number(plane: str) -> int:
    text = plane.rpartition(":")[2]
    if not (text.isascii() and text.isdecimal()):
        raise ImageProblem("plane_missing", f"{plane!r} is not the name of a plane")
    return int(text)


def _check_grid(read: Read, mask: nifti.Volume, member: str, grid: str) -> None:
    data = read(grid)
    picture = nifti.read_grid(data[: 1 << 16], grid)
    if not nifti.same_grid(mask.grid, picture):
        shapes = f"{mask.grid.shape[:3]} and {picture.shape[:3]} voxels"
        raise ImageProblem("geometry_differs", f"{member} and {grid} are not on one grid: {shapes}, or other places")


def _resize(values: NDArray[Any], spacing: tuple[float, float], filtering: Image.Resampling) -> NDArray[Any]:
    """Return the values resampled to square pixels of the smaller side's size."""
    across, down = spacing
    side = min(spacing)
    height, width = values.shape
    size = max(1, round(width * across / side)), max(1, round(height * down / side))
    if size == (width, height):
        return values
    picture = Image.fromarray(np.ascontiguousarray(values.astype(np.uint8 if values.dtype == np.uint8 else np.int32)))
    return np.asarray(picture.resize(size, filtering))


def count_pages(data: bytes) -> int:
    """Return the number of full-resolution pages of a TIFF, 0 if it cannot be read."""
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            return _full_pages(file)
    except (tifffile.TiffFileError, ValueError, KeyError, OSError, RuntimeError, TypeError, IndexError):
        return 0


def _full_pages(file: Any) -> int:
    return sum(not held.is_reduced for held in file.pages)


def _refuse_unchosen(file: Any, member: str, plain: bool) -> None:
    """Raise ImageProblem for whole slides, and for files with several full-resolution pages if none is chosen."""
    if file.is_svs or file.is_ndpi or file.is_scn or file.is_bif:
        raise ImageProblem("whole_slide", f"{member} is a whole slide; export its regions as pictures")
    full = _full_pages(file)
    if plain and full > 1:
        raise ImageProblem("several_pages", f"{member} has {full} pages; save each page as a picture of its own")


def _render_tiff(data: bytes, member: str, page: int, rule: Rendering, plain: bool) -> NDArray[np.uint8]:
    import tifffile  # takes 0.25 s to import

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            if page >= len(file.pages):
                raise ImageProblem("plane_missing", f"{member} has {len(file.pages)} pages; page {page} does not exist")
            _refuse_unchosen(file, member, plain)
            held = file.pages[page]
            if int(held.imagewidth) * int(held.imagelength) > MAX_PIXELS:
                raise ImageProblem("unreadable_image", f"{member}: more than the {MAX_PIXELS} pixels allowed")
            if getattr(held.photometric, "name", "") not in _PLAIN_COLOURS:  # a palette, CMYK, Lab, YCbCr
                return _render_other(data, member, rule, page)
            values, white = held.asarray(), held.photometric.name == "MINISWHITE"
            if held.planarconfig == _SEPARATE and values.ndim == 3:
                values = np.moveaxis(values, 0, 2)
    except (tifffile.TiffFileError, ValueError, KeyError, OSError, RuntimeError, TypeError, IndexError) as error:
        if isinstance(error, ImageProblem):
            raise
        if "imagecodecs" in str(error):  # Pillow reads LZW and JPEG without it
            return _render_other(data, member, rule, page)
        raise ImageProblem("unreadable_image", f"{member}: TIFF decoder: {said_by(error)}") from error
    return _render_array(values, member, rule, white)


def _render_array(values: NDArray[Any], member: str, rule: Rendering, white: bool = False) -> NDArray[np.uint8]:
    if values.dtype == bool:
        values = values.astype(np.uint8) * np.uint8(255)
    if values.ndim == 3 and values.shape[2] in (3, 4):
        return np.ascontiguousarray(to_gray(values[..., :3], rule))
    if values.ndim == 3 and values.shape[2] in (1, 2):
        values = values[..., 0]
    if values.ndim != 2:
        raise ImageProblem("format_not_read", f"{member}: an array of shape {values.shape} is not a picture")
    gray = to_gray(values, rule)
    return as_rgb(255 - gray if white else gray)


def deep_values(data: bytes) -> NDArray[Any] | None:
    """Return the values of a gray picture of more than 8 bits a pixel; None for other files."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            deep = image.mode.startswith(("I", "F")) and image.width * image.height <= MAX_PIXELS
            return np.asarray(image) if deep else None
    except PILLOW_ERRORS:
        return None


def _render_plain(data: bytes, rule: Rendering) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG or PNG file; the rule applies to 16-bit gray only."""
    with Image.open(io.BytesIO(data)) as image:
        if image.mode.startswith("I"):
            return as_rgb(to_gray(np.asarray(image), rule))
    return decode_image(data).pixels


def _render_other(data: bytes, member: str, rule: Rendering, page: int = 0) -> NDArray[np.uint8]:
    """Return a BMP, WebP, GIF or TIFF picture decoded by Pillow, in stored orientation."""
    with refusing("unreadable_image", f"{member} cannot be read as a picture", *PILLOW_ERRORS, data=data):
        with Image.open(io.BytesIO(data), formats=["BMP", "WEBP", "GIF", "TIFF"]) as image:
            if image.format != "TIFF" and getattr(image, "n_frames", 1) > 1:
                raise ImageProblem("several_pages", f"{member} is animated: save the picture that is meant")
            if page:
                image.seek(page)
            if image.width * image.height > MAX_PIXELS:
                raise ImageProblem("unreadable_image", f"{member}: more than the {MAX_PIXELS} pixels allowed")
            turned = find_orientations(data, page) if image.format == "TIFF" else ()  # Pillow applies it
            if image.mode.startswith("I") or image.mode == "F":
                pixels = as_rgb(to_gray(np.asarray(image), rule))
            else:
                pixels = np.asarray(image.convert("RGB"))
        for tag in turned:
            pixels = turn_pixels(pixels, TURNED_BACK.get(tag, tag))
        return pixels
