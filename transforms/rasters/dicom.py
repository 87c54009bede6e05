"""Read DICOM files: headers, pixels, rendered pictures, and positions on the grid of a volume."""

import io
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.pictures.decode import ImageProblem, refusing
from medmultipoints.transforms.rasters.intensity import Rendering, as_rgb, to_gray
from medmultipoints.transforms.rasters.nifti import Grid

SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP: Final = "1.2.840.10008.5.1.4.1.1.66.7"
_OFF_VOXEL: Final = 0.1
_REMEDY: Final = "Run: pip install 'medmultipoints[dicom]'"


def require_pydicom() -> Any:
    """Return pydicom. Raise UsageError with the extra to install if it is missing."""
    try:
        import pydicom
    except ImportError as error:
        raise UsageError(f"reading DICOM requires pydicom. {_REMEDY}") from error
    return pydicom


def read_header(data: bytes, name: str) -> Any:
    """Return the attributes of a file without its pixels. Raise ImageProblem if it is not a DICOM file."""
    return _read(data, name, stop=True)


@lru_cache(maxsize=4)
def read_dataset(data: bytes, name: str) -> Any:
    """Return the attributes and pixels of a file. Raise ImageProblem if it is not a DICOM file."""
    return _read(data, name, stop=False)


def _read(data: bytes, name: str, *, stop: bool) -> Any:
    pydicom = require_pydicom()
    errors = (pydicom.errors.InvalidDicomError, ValueError, EOFError, OSError, KeyError, AttributeError)
    with refusing("unreadable_image", f"{name} cannot be read as DICOM", *errors):
        return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=stop)


def read_pixels(data: bytes, name: str, frame: int = 0) -> NDArray[Any]:
    """Return the stored values of one frame, rows x columns or x 3. Raise ImageProblem if they cannot be decoded."""
    dataset = read_dataset(data, name)
    pydicom = require_pydicom()
    if "PixelData" not in dataset:
        raise ImageProblem("no_pixels", f"{name} contains no picture")
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if not 0 <= frame < frames:
        raise ImageProblem("plane_missing", f"{name} has {frames} frames; frame {frame} does not exist")
    try:
        pixels = pydicom.pixels.pixel_array(dataset, index=frame)
    except (RuntimeError, NotImplementedError, ImportError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        raise ImageProblem("decoder_missing", f"{name} is packed as {syntax}: {error}. {_REMEDY}") from error
    except (ValueError, EOFError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise ImageProblem("truncated_image", f"{name}: its pixels cannot be read: {error}") from error
    return np.asarray(pixels)


def read_segment(data: bytes, name: str, frame: int) -> NDArray[Any]:
    """Return the values of a frame of a segmentation; fractions of at least one half are 1."""
    dataset, pixels = read_dataset(data, name), read_pixels(data, name, frame)
    if dataset.get("SegmentationType") != "FRACTIONAL":
        return pixels
    return np.asarray(pixels.astype(np.int64) * 2 >= int(dataset.get("MaximumFractionalValue", 255)), np.uint8)


def read_values(data: bytes, name: str, frame: int = 0) -> NDArray[Any]:
    """Return the values of one frame after the modality LUT or rescaling, such as Hounsfield units."""
    pydicom = require_pydicom()
    dataset = read_dataset(data, name)
    pixels = read_pixels(data, name, frame)
    return np.asarray(pydicom.pixels.apply_modality_lut(pixels, dataset)) if pixels.ndim == 2 else pixels


def render(data: bytes, name: str, rendering: Rendering, frame: int = 0) -> NDArray[np.uint8]:
    """Return the picture of one frame in RGB, height x width x 3.

    Applies modality, window and MONOCHROME1 inversion, in this order. Without a rule, the file's window applies, else
    the full range.
    """
    dataset = read_dataset(data, name)
    values = read_values(data, name, frame)
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if values.ndim == 3:
        return _colour(values, name)
    if photometric == "PALETTE COLOR":
        pydicom = require_pydicom()
        coloured = pydicom.pixels.apply_color_lut(read_pixels(data, name, frame), dataset)
        return _colour(np.asarray(coloured), name)
    gray = _windowed(dataset, values, rendering)
    if photometric == "MONOCHROME1" and rendering.invert:
        gray = 255 - gray
    return as_rgb(gray)


def _windowed(dataset: Any, values: NDArray[Any], rendering: Rendering) -> NDArray[np.uint8]:
    if rendering.rule not in ("dicom", "stored"):
        return to_gray(values, rendering)
    if "WindowCenter" in dataset or "VOILUTSequence" in dataset:
        pydicom = require_pydicom()
        return to_gray(np.asarray(pydicom.pixels.apply_voi_lut(values, dataset, index=0)), _range(dataset))
    return to_gray(values, Rendering("full"))


def _range(dataset: Any) -> Rendering:
    """Return the rendering for values after the file's window: over the range that the window maps to."""
    if "VOILUTSequence" in dataset:
        return Rendering("full")
    bits, signed = int(dataset.BitsStored), bool(dataset.get("PixelRepresentation", 0))
    slope, shift = float(dataset.get("RescaleSlope", 1) or 1), float(dataset.get("RescaleIntercept", 0) or 0)
    low = -(2 ** (bits - 1)) if signed else 0
    high = low + 2**bits - 1
    return Rendering("window", low * slope + shift, high * slope + shift)


def _colour(pixels: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.shape[-1] != 3:
        raise ImageProblem("format_not_read", f"{name}: a colour picture of {pixels.dtype} and shape {pixels.shape}")
    return np.ascontiguousarray(pixels)


def slice_affine(header: Any) -> NDArray[np.float64] | None:
    """Return the affine from column and row of a picture to right, front, head in mm, or None if it is missing."""
    position, turned = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    spacing = header.get("PixelSpacing")
    if not position or not turned or not spacing:
        return None
    down, across = float(spacing[0]), float(spacing[1])
    along_row = np.array([float(value) for value in turned[:3]])
    along_column = np.array([float(value) for value in turned[3:]])
    place = np.array([float(value) for value in position])
    lps = np.stack([along_row * across, along_column * down, place], axis=1)
    return np.asarray(lps * np.array([[-1.0], [-1.0], [1.0]]), np.float64)


def voxels_of(header: Any, grid: Grid) -> NDArray[np.int64] | None:
    """Return the voxel indices under each pixel (rows x columns x 3), or None if the picture is off the grid.

    The grids may differ by rotation and mirroring only: each pixel centre must lie within a tenth of a voxel of a voxel
    centre.
    """
    affine = slice_affine(header)
    if affine is None or not lies_on(header, grid):
        return None
    rows, columns = int(header.Rows), int(header.Columns)
    to_voxel = np.linalg.inv(grid.affine)
    row, column = np.mgrid[0:rows, 0:columns]
    world = np.stack([column, row, np.ones_like(row)], axis=-1) @ affine.T
    return np.asarray(np.rint(world @ to_voxel[:3, :3].T + to_voxel[:3, 3]), np.int64)


def lies_on(header: Any, grid: Grid) -> bool:
    """Return whether a picture lies on the grid of a volume."""
    affine = slice_affine(header)
    if affine is None or len(grid.shape) > 3:
        return False
    to_voxel = np.linalg.inv(grid.affine)
    corners = [(c, r) for c in (0, int(header.Columns) - 1) for r in (0, int(header.Rows) - 1)]
    found = np.array([to_voxel[:3, :3] @ (affine @ (c, r, 1)) + to_voxel[:3, 3] for c, r in corners])
    inside = found.min() > -_OFF_VOXEL and (found < np.array(grid.shape[:3]) - 1 + _OFF_VOXEL).all()
    return bool(inside and np.abs(found - np.rint(found)).max() <= _OFF_VOXEL)
