"""Planes of volumes and pictures of other formats than JPEG and PNG."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import ImageProblem

_PLANES = ("axial:", "coronal:", "sagittal:", "frame:", "series:")


def is_volume_plane(plane: str) -> bool:
    """Return whether a plane is one of a volume."""
    return plane.startswith(_PLANES)


def read_plane(_read: Callable[[str], bytes], member: str, plane: str, _grid: str) -> NDArray[np.int64]:
    """Return the values of a plane as stored. ImageProblem where its format is not read."""
    raise ImageProblem("format_not_read", f"{member}: planes such as {plane} are not read")


def render_plane(_read: Callable[[str], bytes], member: str, _plane: str, _rendering: str) -> NDArray[np.uint8]:
    """Return a picture in RGB, height x width x 3. ImageProblem where its format is not read."""
    raise ImageProblem("format_not_read", f"{member}: pictures of this format are not read")
