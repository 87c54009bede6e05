"""Read volumes (NIfTI, NRRD, MetaImage) and their planes in radiological view, for any voxel order.

Axial planes: columns run to the patient's left, rows to the back, counted from the feet. Coronal planes: columns run to
the left, rows to the feet, counted from the back. Sagittal planes: columns run to the back, rows to the feet, counted
from the left.
"""

import gzip
import io
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.pictures.decode import ImageProblem, refusing
from medmultipoints.transforms.rasters.volume_files import is_metaimage, is_nrrd, read_header, read_values

MOST_BYTES: Final = 8 << 30
_HEADER: Final = 4096
AXES: Final = {"sagittal": 0, "coronal": 1, "axial": 2}
_TOLERANCE: Final = 0.05
"""Greatest distance, in voxels, between the grids of a picture and its mask."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Grid of a volume: shape in voxels along right, front, head; voxel size in mm; affine from voxels to mm."""

    shape: tuple[int, ...]
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Values of a volume along right, front, head, and their grid."""

    values: NDArray[Any]
    grid: Grid


def require_nibabel() -> Any:
    """Return nibabel. Raise UsageError with the extra to install if it is missing."""
    try:
        import nibabel
    except ImportError as error:
        raise UsageError("reading NIfTI requires nibabel. Run: pip install 'medmultipoints[nifti]'") from error
    return nibabel


def read_volume(data: bytes, name: str, channel: int | None = None) -> Volume:
    """Return the volume of a file; ``channel``: index on a fourth axis, ignored if the volume has none.

    Raises ImageProblem if the file is damaged or truncated, or the volume does not have three dimensions.
    """
    return _cached(data, name, channel)


@lru_cache(maxsize=160)
def _cached(data: bytes, name: str, channel: int | None) -> Volume:
    """Return a volume, cached because each of its planes needs it."""
    nibabel = require_nibabel()
    plain = _unpack(data, name)
    try:
        image = _open(plain, name)
        turned = nibabel.as_closest_canonical(image)
        values = np.asarray(turned.dataobj)
    except (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError) as error:
        raise ImageProblem("unreadable_image", f"{name} cannot be read as NIfTI: {error}") from error
    except (ValueError, OSError, EOFError, nibabel.spatialimages.ImageDataError) as error:
        raise ImageProblem("truncated_image", f"{name}: the volume ends early or is damaged: {error}") from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 4 and channel is not None:
        if channel >= values.shape[3]:
            raise ImageProblem(
                "plane_missing", f"{name} has {values.shape[3]} channels; channel {channel} does not exist"
            )
        values = values[..., channel]
    if values.ndim != 3:
        raise ImageProblem("volume_not_3d", f"{name} has {values.ndim} dimensions ({values.shape}); volumes have 3")
    return Volume(values, Grid(values.shape, _spacing(turned.affine), turned.affine))


def orientation_doubt(head: bytes, name: str) -> str:
    """Return in words why the orientation of a NIfTI file is in doubt, or an empty string."""
    plain = _unpack(head, name, _HEADER) if head.startswith(b"\x1f\x8b") else head
    header = _open(plain, name).header
    if "sform_code" not in header:
        return ""
    codes = int(header["sform_code"]), int(header["qform_code"])
    if codes == (0, 0):
        return "it gives no orientation (sform and qform codes are 0): left, right, front and back are guesses"
    if all(codes) and np.abs(header.get_sform() - header.get_qform()).max() > _TOLERANCE * max(header.get_zooms()[:3]):
        return "its sform and its qform differ; the sform is used"
    return ""


def read_grid(head: bytes, name: str) -> Grid:
    """Return the grid of a file from its first bytes, without reading values."""
    nibabel = require_nibabel()
    plain = _unpack(head, name, _HEADER) if head.startswith(b"\x1f\x8b") else head
    errors = (ValueError, TypeError, nibabel.spatialimages.HeaderDataError)
    with refusing("unreadable_image", f"{name}: its header is damaged", *errors):
        affine, stored = _place(plain, name)
        if len(stored) < 3 or min(stored) < 1 or not np.isfinite(affine).all():
            raise ValueError(f"a volume of shape {stored}")
        turned = nibabel.orientations.io_orientation(affine)
    if np.isnan(turned).any():
        raise ImageProblem("unreadable_image", f"{name}: its affine has an axis of zero length")
    shape = tuple(int(stored[int(np.flatnonzero(turned[:, 0] == axis)[0])]) for axis in range(3))
    placed = affine @ nibabel.orientations.inv_ornt_aff(turned, stored[:3])
    return Grid((*shape, *map(int, stored[3:])), _spacing(placed), placed)


def _place(plain: bytes, name: str) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Return the affine of a file and its shape by voxel axis, from its header."""
    if is_nrrd(plain) or is_metaimage(plain):
        found = read_header(plain, name)
        return found.affine, found.shape
    kind = _kind(plain).header_class
    header = kind(plain[: kind.template_dtype.itemsize])
    return header.get_best_affine(), header.get_data_shape()


def _open(plain: bytes, name: str) -> Any:
    """Return the nibabel image of a file."""
    if not (is_nrrd(plain) or is_metaimage(plain)):
        return _kind(plain).from_bytes(plain)
    values = read_values(plain, name)
    held = values.astype(np.float64) if values.dtype.kind in "iu" and values.dtype.itemsize == 8 else values
    return require_nibabel().Nifti1Image(held, read_header(plain[: 1 << 16], name).affine)


def _kind(plain: bytes) -> Any:
    nibabel = require_nibabel()
    return nibabel.Nifti2Image if plain[4:8] in (b"n+2\0", b"ni2\0") else nibabel.Nifti1Image


def _unpack(data: bytes, name: str, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file, decompressed if gzipped, at most ``most``."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    errors = (OSError, EOFError, zlib.error)
    with refusing("truncated_image", f"{name}: its gzip stream ends early or is damaged", *errors):
        if most == _HEADER:
            return zlib.decompressobj(31).decompress(data, most)
        plain = gzip.GzipFile(fileobj=io.BytesIO(data)).read(most + 1)
    if len(plain) > most:
        raise ImageProblem("unreadable_image", f"{name} unpacks to more than {most:,} bytes")
    return plain


def _spacing(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    right, front, head = np.sqrt((affine[:3, :3] ** 2).sum(axis=0)).tolist()
    return right, front, head


def same_grid(a: Grid, b: Grid) -> bool:
    """Return whether two grids have the same shape and their voxels the same positions, within ``_TOLERANCE``."""
    if a.shape[:3] != b.shape[:3]:
        return False
    corners = np.array([(x, y, z, 1) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
    corners[:, :3] *= np.array(a.shape[:3]) - 1
    apart = np.abs(corners @ a.affine.T - corners @ b.affine.T)[:, :3].max()
    return bool(apart <= _TOLERANCE * min(a.spacing) + 1e-3)


def take_plane(volume: Volume, axis: str, index: int, name: str) -> NDArray[Any]:
    """Return one plane of a volume in radiological view. Raise ImageProblem if the index is out of range."""
    values, place = volume.values, AXES[axis]
    if not 0 <= index < values.shape[place]:
        raise ImageProblem(
            "plane_missing", f"{name} has {values.shape[place]} {axis} planes; plane {index} does not exist"
        )
    if axis == "axial":
        return values[::-1, ::-1, index].T
    if axis == "coronal":
        return values[::-1, index, ::-1].T
    return values[index, ::-1, ::-1].T


def plane_spacing(grid: Grid, axis: str) -> tuple[float, float]:
    """Return the pixel size of a plane in mm: width, height."""
    right, front, head = grid.spacing
    return {"axial": (right, front), "coronal": (right, head), "sagittal": (front, head)}[axis]


def plane_size(grid: Grid, axis: str) -> tuple[int, int]:
    """Return width and height of a plane in pixels."""
    right, front, head = grid.shape[:3]
    return {"axial": (right, front), "coronal": (right, head), "sagittal": (front, head)}[axis]
