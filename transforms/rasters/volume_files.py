"""Read NRRD and MetaImage volumes, with the affine from voxels to right, front, head."""

import io
import re
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.pictures.decode import ImageProblem, refusing

_FLIP: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_SPACES: Final = {
    "left-posterior-superior": _FLIP,
    "lps": _FLIP,
    "right-anterior-superior": np.eye(4),
    "ras": np.eye(4),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0, 1.0]),
    "las": np.diag([-1.0, 1.0, 1.0, 1.0]),
}
_TYPES: Final = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SEGMENT: Final = re.compile(rb"^(Segment\d+_(?:Name|LabelValue|Layer))\s*:=\s*([^\r\n]*)", re.MULTILINE)
_LINE: Final = re.compile(rb"\s*(\w+)\s*=\s*([^\r\n]*)\r?\n")


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """Header of a volume: shape by voxel axis, and affine from voxels to right, front, head in mm."""

    shape: tuple[int, ...]
    affine: NDArray[np.float64]


def is_nrrd(head: bytes) -> bool:
    """Return whether a file begins like NRRD."""
    return head.startswith(b"NRRD000")


def is_metaimage(head: bytes) -> bool:
    """Return whether a file begins with the text header of a MetaImage (MHA, MHD)."""
    return head.lstrip()[:64].startswith((b"ObjectType", b"NDims")) and b"DimSize" in head[:4096]


def read_header(head: bytes, name: str) -> Header:
    """Return the header of a NRRD or MetaImage file. Raise ImageProblem if it is damaged or incomplete."""
    errors = (ValueError, KeyError, TypeError, IndexError, np.linalg.LinAlgError)
    with refusing("unreadable_image", f"{name}: its header is damaged", *errors):
        return _nrrd_header(_nrrd(head, name), name) if is_nrrd(head) else _meta_header(_fields(head)[0], name)


def segment_names(head: bytes) -> dict[int, dict[int, str]]:
    """Return the names of segments by value, by layer, in the header of a segmentation of 3D Slicer (``.seg.nrrd``)."""
    fields = dict(_SEGMENT.findall(head.partition(b"\n\n")[0])) if is_nrrd(head) else {}
    found: dict[int, dict[int, str]] = {}
    for key, name in fields.items():
        number, _, what = key.partition(b"_")
        value, layer = fields.get(number + b"_LabelValue", b""), fields.get(number + b"_Layer", b"0")
        if what == b"Name" and name.strip() and value.strip().isdigit() and layer.strip().isdigit():
            found.setdefault(int(layer), {})[int(value)] = name.decode("utf-8", "replace").strip()
    return found


def read_values(data: bytes, name: str) -> NDArray[Any]:
    """Return the values of a file by voxel axis. Raise ImageProblem if it is truncated or a header alone."""
    return _nrrd_values(data, name) if is_nrrd(data) else _meta_values(data, name)


def _nrrd(head: bytes, name: str) -> Any:
    try:
        import nrrd  # type: ignore[import-untyped]
    except ImportError as error:
        raise UsageError("reading NRRD requires pynrrd. Run: pip install 'medmultipoints[nifti]'") from error
    errors = (nrrd.NRRDError, ValueError, KeyError, UnicodeDecodeError)
    with refusing("unreadable_image", f"{name}: its NRRD header is damaged", *errors):
        return nrrd.read_header(io.BytesIO(head))


def _nrrd_header(fields: Any, name: str) -> Header:
    space = str(fields.get("space", "")).lower()
    directions = np.asarray(fields.get("space directions", np.full((3, 3), np.nan)), np.float64)
    shape = tuple(int(side) for side in fields["sizes"])
    spatial = [at for at in range(len(directions)) if np.isfinite(directions[at]).all()]
    if space not in _SPACES or len(spatial) != 3 or len(directions) != len(shape):
        raise ImageProblem("geometry_missing", f"{name} does not say where its voxels lie (space {space or 'missing'})")
    if spatial not in ([0, 1, 2], list(range(len(shape) - 3, len(shape)))):
        raise ImageProblem("volume_not_3d", f"{name}: axes {spatial} of {len(shape)} are those of space")
    affine = np.eye(4)
    affine[:3, :3] = directions[spatial].T
    affine[:3, 3] = np.asarray(fields.get("space origin", np.zeros(3)), np.float64)
    ordered = [shape[at] for at in spatial] + [side for at, side in enumerate(shape) if at not in spatial]
    return Header(tuple(ordered), _SPACES[space] @ affine)


def _nrrd_values(data: bytes, name: str) -> NDArray[Any]:
    import nrrd

    stream, errors = io.BytesIO(data), (nrrd.NRRDError, ValueError, KeyError, OSError, EOFError, zlib.error)
    with refusing("truncated_image", f"{name}: the volume ends early or is damaged", *errors):
        fields = nrrd.read_header(stream)
        if "data file" in fields or "datafile" in fields:
            raise ImageProblem("data_apart", f"{name} contains only a header; save the volume as one NRRD file")
        values = nrrd.read_data(fields, stream, None, index_order="F")
    spatial_last = values.ndim > 3 and not np.isfinite(np.asarray(fields["space directions"], np.float64)[0]).all()
    return np.moveaxis(values, 0, -1) if spatial_last else np.asarray(values)


def _fields(head: bytes) -> tuple[dict[str, str], int]:
    """Return the fields of a MetaImage up to ``ElementDataFile``, and the offset of its data."""
    found: dict[str, str] = {}
    at = 0
    while match := _LINE.match(head, at):
        found[match[1].decode()] = match[2].decode("utf-8", "replace").strip()
        at = match.end()
        if match[1] == b"ElementDataFile":
            return found, at
    raise ValueError("no line ElementDataFile")


def _meta_header(fields: dict[str, str], name: str) -> Header:
    shape = tuple(map(int, fields["DimSize"].split()))
    if len(shape) != 3:
        raise ImageProblem("volume_not_3d", f"{name} has {len(shape)} dimensions; volumes have 3")
    matrix = fields.get("TransformMatrix") or fields.get("Rotation") or fields.get("Orientation") or "1 0 0 0 1 0 0 0 1"
    spacing = fields.get("ElementSpacing") or fields.get("ElementSize")
    if spacing is None:
        raise ImageProblem("geometry_missing", f"{name} does not say how large its voxels are (ElementSpacing)")
    affine = np.eye(4)
    affine[:3, :3] = np.array(list(map(float, matrix.split()))).reshape(3, 3).T * list(map(float, spacing.split()))
    affine[:3, 3] = list(map(float, (fields.get("Offset") or fields.get("Position") or "0 0 0").split()))
    return Header(shape, _FLIP @ affine)


def _meta_values(data: bytes, name: str) -> NDArray[Any]:
    with refusing("unreadable_image", f"{name} cannot be read as MetaImage", ValueError, KeyError, zlib.error):
        fields, at = _fields(data)
        shape = tuple(map(int, fields["DimSize"].split()))
        order = (
            ">" if fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")) == "True" else "<"
        )
        kind = np.dtype(order + _TYPES[fields["ElementType"]])
        if fields["ElementDataFile"] != "LOCAL":
            raise ImageProblem("data_apart", f"{name} contains only a header; save the volume as one .mha file")
        if fields.get("BinaryData", "True") != "True" or fields.get("ElementNumberOfChannels", "1") != "1":
            raise ImageProblem("format_not_read", f"{name}: MetaImage of text, or of several channels")
        expected = int(np.prod(shape)) * kind.itemsize
        packed = fields.get("CompressedData") == "True"
        plain = zlib.decompressobj().decompress(data[at:], expected + 1) if packed else data[at : at + expected]
    if len(plain) != expected:
        raise ImageProblem("truncated_image", f"{name}: {len(plain):,} bytes of values, not {expected:,}")
    return np.frombuffer(plain, kind).reshape(shape, order="F")
