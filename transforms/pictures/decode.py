"""Decode and encode images strictly: a damaged file raises ImageProblem and is never partly decoded.

Pixels are RGB uint8, height x width x 3. The EXIF orientation is not applied: masks, boxes and labels of the
sources are in the frame of the pixels as stored. Decoding, hashing and resizing release Python's lock, so threads
can share the work.
"""

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

import cv2
import numpy as np
import simplejpeg
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.metadata import segments
from medmultipoints.transforms.pictures.png_chunks import SIGNATURE, PngDamage, check_pixels, read_chunks
from medmultipoints.transforms.pictures.scratch import Scratch

ImageFormat = Literal["jpg", "png"]
ColourModel = Literal["rgb", "gray", "gray16", "cmyk"]
AnyLevels = NDArray[np.uint8] | NDArray[np.uint16]
DecodedT = TypeVar("DecodedT")
Resample = Literal["lanczos", "bicubic", "bilinear", "box"]

MAX_PIXELS = 89_478_485
"""Greatest number of pixels of a picture: Pillow's own limit against decompression bombs."""

MOST_SCANS = 100
"""Greatest number of scans of a progressive JPEG: each is a pass over the picture, and encoders write about ten."""

SCAN = b"\xff\xda"
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

COLOUR_AREA_PX = 20
"""Least number of pixels of an area of a mask: pixels of one colour whose neighbours have it too."""

MOST_COLOURS = 6

PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, struct.error, zlib.error,
    Image.DecompressionBombError, Warning,
)  # fmt: skip
"""What Pillow raises for damaged files."""
_OBJECT = re.compile(r"\s*<[\w.]+ object at 0x[0-9A-Fa-f]+>")
_STARTS = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF", b"\x89PNG": "PNG", b"BM": "BMP"}
_STARTS |= {b"GIF8": "GIF", b"RIFF": "WebP"}
_EXTENSIONS: dict[str, ImageFormat] = {"jpg": "jpg", "jpeg": "jpg", "jpe": "jpg", "png": "png"}
_NAMES: dict[ImageFormat, str] = {"jpg": "JPEG", "png": "PNG"}
_RESAMPLE: dict[Resample, Image.Resampling] = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
}

# The pipeline runs one thread per image; a second pool inside OpenCV would compete with it and could make results
# depend on the number of cores.
cv2.setNumThreads(1)


class ImageProblem(MemberProblem):
    """Raised if an image file cannot be used; ``reason`` and ``detail`` are those of the exclusion.

    Reasons: ``empty_file``, ``mislabelled_image``, ``truncated_image``, ``unreadable_image``,
    ``palette_index_invalid``; for masks also ``alpha_only``, ``transparent``, ``colours_undeclared``.
    """


def said_by(error: Exception, data: bytes = b"") -> str:
    """Return the message of a library's error about a file, without addresses in memory, which differ in each run."""
    if isinstance(error, UnidentifiedImageError):
        kind = next((name for start, name in _STARTS.items() if data.startswith(start)), "picture")
        return f"a kind of {kind} that is not read; write it as PNG"
    return _OBJECT.sub("", " ".join(str(error).split()))


@contextmanager
def refusing(reason: str, text: str, *errors: type[Exception], data: bytes = b"") -> Iterator[None]:
    """Turn the errors of a library into ImageProblem; ``text`` and the error's own message are the detail."""
    try:
        yield
    except ImageProblem:
        raise
    except errors as error:
        raise ImageProblem(reason, f"{text}: {said_by(error, data)}") from error


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """Pixels of an image file (RGB uint8, height x width x 3) and its actual format."""

    pixels: NDArray[np.uint8]
    format: ImageFormat


def detect_format(data: bytes) -> ImageFormat:
    """Return the format by the first bytes. Raise ImageProblem if the file is empty or neither JPEG nor PNG."""
    if not data:
        raise ImageProblem("empty_file", "the file has no bytes")
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(SIGNATURE):
        return "png"
    raise ImageProblem("mislabelled_image", f"neither a JPEG nor a PNG file: it begins with {data[:8].hex(' ')}")


def check_extension(name: str, data: bytes) -> None:
    """Raise ImageProblem ``mislabelled_image`` if the extension and the bytes disagree on JPEG or PNG."""
    stated, found = _EXTENSIONS.get(name.rpartition(".")[2].lower()), detect_format(data)
    if stated is not None and stated != found:
        raise ImageProblem("mislabelled_image", f"named as {_NAMES[stated]}, but its bytes are {_NAMES[found]}")


def decode_image(data: bytes, scratch: Scratch | None = None) -> DecodedImage:
    """Return the picture in RGB. Raise ImageProblem if any part of the file is damaged.

    Gray and palette pictures become RGB, 16-bit pictures keep their high byte, an alpha channel is dropped.
    With ``scratch`` the pixels are valid until the next picture is decoded into it.
    """
    if detect_format(data) == "jpg":
        return DecodedImage(_decode_jpeg(data, "RGB", scratch), "jpg")
    channels = _decode_png(data, lambda _, image: _png_channels(image))
    return DecodedImage(np.ascontiguousarray(np.broadcast_to(channels, (*channels.shape[:2], 3))), "png")


def colour_model(data: bytes) -> ColourModel:
    """Return the colour model of a valid file as stored, without conversion."""
    if detect_format(data) == "jpg":
        _, _, model, _ = simplejpeg.decode_jpeg_header(data)
        return "cmyk" if model in ("CMYK", "YCCK") else "gray" if model == "Gray" else "rgb"
    depth, colour_type = data[24:26]  # colour types 0 and 4 are gray; 2, 3 and 6 are colours
    return "rgb" if colour_type & 2 else "gray16" if depth == 16 else "gray"


def decode_mask(data: bytes, scratch: Scratch | None = None) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the mask with one value per pixel (height x width). Raise ImageProblem if any part is damaged.

    JPEG: the luma, which equals the value of equal channels. PNG: the largest colour channel, so saturated colours
    count as white; 1-bit masks become 0 and 255, 16-bit masks keep their values (uint16). Transparent colours are
    blended with black. Further reasons: ``alpha_only`` if only the transparency shows an object, ``transparent`` if
    every pixel is transparent, ``colours_undeclared`` if areas have several bright colours, so several classes or
    objects.
    With ``scratch`` the mask is valid until the next mask is decoded into it.
    """
    if detect_format(data) == "jpg":
        return np.ascontiguousarray(_decode_jpeg(data, "GRAY", scratch)[..., 0])
    colours, alpha = _decode_png(data, _mask_channels)
    shown = colours if alpha is None else _over_black(colours, alpha)
    levels = shown.max(axis=2)
    _check_colours(shown, levels)
    return np.ascontiguousarray(levels)


def encode_jpeg(pixels: NDArray[np.uint8], quality: int = 95) -> bytes:
    """Return the picture as a JPEG file (4:2:0); bytes depend only on the pixels and the Pillow version."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the picture as a PNG file; bytes depend only on the pixels and the Pillow version."""
    buffer = io.BytesIO()
    # Level 1 takes a quarter of the default's time for a photograph, with a fifth more bytes.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def resize_image(pixels: NDArray[np.uint8], width: int, height: int, resample: Resample) -> NDArray[np.uint8]:
    """Return the picture resized to ``width`` x ``height`` pixels with Pillow's filter of that name."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), _RESAMPLE[resample]))


def luma_blake3(luma: NDArray[np.uint8]) -> str:
    """Return the BLAKE3 digest of the ASCII text ``<width>x<height>`` and the luma, row by row.

    ``luma`` is ``thumbnails.to_luma`` of the decoded RGB pixels. Equal pictures have equal digests; ``pixel_sha256``
    then compares colours. This takes a tenth of the time of SHA-256 over the pixels.
    """
    height, width = luma.shape
    digest = blake3(f"{width}x{height}".encode("ascii"))
    digest.update(np.ascontiguousarray(luma).data)
    return digest.hexdigest()


def pixel_sha256(pixels: NDArray[np.uint8]) -> str:
    """Return the SHA-256 digest of the ASCII text ``<width>x<height>`` and the RGB bytes, row by row."""
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{width}x{height}".encode("ascii"))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _decode_jpeg(data: bytes, colorspace: Literal["RGB", "GRAY"], scratch: Scratch | None) -> NDArray[np.uint8]:
    """Return height x width x 3 or 1. simplejpeg raises an error for every libjpeg warning, so damage is detected."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        _check_size(width, height)
        if (scans := _count_scans(data)) > MOST_SCANS:
            raise ImageProblem("unreadable_image", f"JPEG: {scans:,} scans, more than the {MOST_SCANS} allowed")
        room = scratch and scratch.take(colorspace, height, width, 3 if colorspace == "RGB" else 1)
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace=colorspace, buffer=room)
    except ImageProblem:
        raise
    except KeyError as error:  # this subsampling is missing from the decoder's table
        raise ImageProblem("unreadable_image", f"JPEG decoder: unknown subsampling {error}") from error
    except ValueError as error:
        if "Premature end" in str(error) or b"\xff\xd9" not in data:
            ends = f"the file ends at byte {len(data)}, before its end marker"
            raise ImageProblem("truncated_image", f"JPEG: {ends} (decoder: {error})") from error
        raise ImageProblem("unreadable_image", f"JPEG decoder: {error}") from error
    return pixels


def _count_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG file, or more.

    A file whose first scan holds all components has no other unless it is progressive: libjpeg refuses it. Looking at
    the segments before it takes a tenth of the time of searching 88 kB.
    """
    parts = list(segments(data))
    frames = [part for part in parts if part.marker in START_OF_FRAME]
    if len(frames) == 1 and frames[0].marker not in PROGRESSIVE:
        start = parts[-1].end
        if data[start : start + 2] == SCAN and data[start + 4 : start + 5] == frames[0].content[5:6]:
            return 1
    return data.count(SCAN)


def _decode_png(data: bytes, channels: Callable[[bytes, Image.Image], DecodedT]) -> DecodedT:
    """Return the result of ``channels`` for the file and its open picture. Raise ImageProblem for damage."""
    try:
        header, packed = read_chunks(data)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            _check_size(*image.size)
            check_pixels(header, packed)
            _check_palette(image)
            return channels(data, image)
    except PngDamage as error:
        raise ImageProblem("truncated_image" if error.cut else "unreadable_image", f"PNG: {error}") from error
    except ImageProblem:
        raise
    # Pillow raises any of these for damage; a decompression bomb is a Warning if warnings are errors.
    except PILLOW_ERRORS as error:
        raise ImageProblem("unreadable_image", f"PNG decoder: {said_by(error, data)}") from error


def _png_channels(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # 16-bit gray; Pillow's conversion would clip it at 255
        return (np.asarray(image) >> 8).astype(np.uint8)[..., None]
    if image.mode in ("1", "L", "LA"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))


def _check_palette(image: Image.Image) -> None:
    """Raise ImageProblem for indices beyond the palette, which readers show as black or as stray memory."""
    if image.mode == "P" and image.palette is not None:
        colours, largest = len(image.palette.palette) // 3, int(np.asarray(image).max())
        if largest >= colours:
            detail = f"PNG: it uses the palette index {largest}, but its palette has {colours} colours"
            raise ImageProblem("palette_index_invalid", detail)


def _mask_channels(data: bytes, image: Image.Image) -> tuple[AnyLevels, AnyLevels | None]:
    """Return colours (height x width x channels) and transparency of a mask, in the file's own depth."""
    if data[24] == 16:  # bit depth in the header; Pillow supports 16 bits only for gray
        levels = _decode_deep(data)
        return (levels[..., :3], levels[..., 3]) if levels.shape[2] == 4 else (levels, None)
    if image.has_transparency_data:
        channels = np.asarray(image.convert("RGBA"))
        return channels[..., :3], channels[..., 3]
    return _png_channels(image), None


def _check_colours(colours: AnyLevels, levels: AnyLevels) -> None:
    """Raise ImageProblem for a mask with areas of several bright colours; blurred and gray masks have none."""
    if colours.shape[2] == 1 or all(np.array_equal(colours[..., 0], colours[..., other]) for other in (1, 2)):
        return
    kernel = np.ones((3, 3), np.uint8)
    flat = (cv2.erode(colours, kernel) == cv2.dilate(colours, kernel)).all(axis=2)
    found, counts = np.unique(colours[flat & (levels >= _half(levels))], axis=0, return_counts=True)
    areas = found[counts >= COLOUR_AREA_PX].astype(np.int64)
    if len(areas) > 1 and int(np.ptp(areas, axis=0).max()) > _half(levels) // 8:
        named = "; ".join(",".join(map(str, colour)) for colour in areas[:MOST_COLOURS].tolist())
        detail = f"it has areas of {len(areas)} colours ({named}), and nothing says what they are"
        raise ImageProblem("colours_undeclared", f"{detail}. Set mask_values in [sources.NAME] to the label of each")


def _half(levels: AnyLevels) -> int:
    return int(np.iinfo(levels.dtype).max + 1) // 2


def _decode_deep(data: bytes) -> NDArray[np.uint16]:
    """Return a PNG with 16 bits per channel: height x width x 1, 3 or, with transparency, 4."""
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels is None or levels.dtype != np.uint16:
        raise ImageProblem("unreadable_image", "PNG decoder: 16 bits a channel, but not as gray or colours")
    return np.asarray(levels if levels.ndim == 3 else levels[..., None], np.uint16)


def _over_black(levels: AnyLevels, alpha: AnyLevels) -> AnyLevels:
    """Return the values of a transparent mask blended with black; constant transparency changes nothing."""
    if int(alpha.max()) == 0:
        raise ImageProblem("transparent", "every pixel is fully transparent, so that it shows nothing")
    if int(alpha.min()) == int(alpha.max()):
        return levels
    shown = levels.astype(np.uint32) * alpha[..., None] // int(np.iinfo(levels.dtype).max)
    if not shown.any():
        detail = "its object shows in the transparency (alpha) alone: nothing says whether that is the mask"
        raise ImageProblem("alpha_only", f"{detail}. Save the mask without transparency, white on black")
    return shown.astype(np.uint16) if levels.dtype == np.uint16 else shown.astype(np.uint8)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageProblem("unreadable_image", f"{width} x {height} pixels are more than the {MAX_PIXELS} allowed")
