"""Read arrays of NumPy files: single arrays, sparse arrays, and items of stacks (``item:KEY:5``)."""

import io
import re
import struct
import tokenize
import zipfile
import zlib
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import ImageProblem, refusing

_SPARSE: Final = frozenset({"data", "format", "shape"})
_SHAPE: Final = re.compile(r"\((\d+(?:, ?\d+)+)\)")
_ERRORS: Final = (
    ValueError, TypeError, LookupError, OSError, EOFError, SyntaxError, RuntimeError, ArithmeticError, MemoryError,
    tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise for damaged, encrypted and impossible arrays; NotImplementedError is a RuntimeError."""
ITEM: Final = "item:"


def read_array(data: bytes, name: str) -> NDArray[Any]:
    """Return the only array of a NumPy file (npy, npz); a sparse array takes its shape from the file name.

    Raises ImageProblem for several arrays, and for arrays of Python objects.
    """
    arrays = _load(data)
    if arrays.keys() >= _SPARSE:
        return _dense(arrays, data, name)
    if len(arrays) != 1:
        raise ImageProblem("unreadable_image", f"it has {len(arrays)} arrays, not one")
    return next(iter(arrays.values()))


def array_shapes(data: bytes) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return shape and type of each array of a NumPy file by key, without reading values; the key is empty for npy.

    Empty if the file is damaged.
    """
    try:
        if data.startswith(b"\x93NUMPY"):
            return {"": _header(io.BytesIO(data))}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = {}
            for name in archive.namelist():
                with archive.open(name) as stream:
                    found[name.removesuffix(".npy")] = _header(stream)
            return found
    except _ERRORS:
        return {}


def _header(stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(stream)
    return shape, kind


def array_item(data: bytes, name: str, plane: str) -> NDArray[Any]:
    """Return one item of a stack. Raise ImageProblem if the stack is shorter."""
    key, _, index = plane.removeprefix(ITEM).rpartition(":")
    stack = _stack(data, key)
    if not index.isdecimal() or int(index) >= len(stack):
        raise ImageProblem(
            "plane_missing", f"{name} has {len(stack)} items in {key or 'its array'}; item {index} does not exist"
        )
    return np.asarray(stack[int(index)])


@lru_cache(maxsize=2)
def _stack(data: bytes, key: str) -> NDArray[Any]:
    arrays = _load(data, key)
    if key not in arrays:
        raise ImageProblem("plane_missing", f"no array {key!r}; there are {', '.join(map(repr, arrays)) or 'none'}")
    return arrays[key]


def _load(data: bytes, key: str | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by key, or only the one of ``key``; the key is empty for npy."""
    with refusing("unreadable_image", "not an array of numbers", *_ERRORS):
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        if not hasattr(loaded, "files"):
            return {"": np.asarray(loaded)}
        return {name: loaded[name] for name in sorted(loaded.files) if key in (None, name)}


def _dense(arrays: dict[str, NDArray[Any]], data: bytes, name: str) -> NDArray[Any]:
    from scipy import sparse

    found = _SHAPE.search(name.rpartition("/")[2])
    shape = tuple(int(side) for side in found[1].split(",")) if found else None
    size = int(np.prod(arrays["shape"], dtype=np.int64))
    if shape is None or int(np.prod(shape, dtype=np.int64)) != size:
        raise ImageProblem("unreadable_image", f"a sparse array of {size} values, whose shape its name does not give")
    if size > 1 << 30:
        raise ImageProblem("unreadable_image", f"a sparse array of {size} values is more than allowed")
    with refusing("unreadable_image", "not a valid sparse array", *_ERRORS):
        dense = np.asarray(sparse.load_npz(io.BytesIO(data)).todense()).reshape(shape)
    return dense[..., 0] if dense.ndim == 4 and dense.shape[3] == 1 else dense
