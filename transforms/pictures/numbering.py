"""Whether the pictures of a video are numbered as the frames of its file: proved by comparing their pixels.

Frames are decoded by number where their picture is missing. Pictures numbered from 1, or a file that lacks frames,
would put another picture under a frame's labels; the pictures before and after the missing one show it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

REACH: Final = 2
"""A picture is compared with its frame and with so many frames before and after it."""
SIDE_PX: Final = 160
LIKE: Final = 8.0
"""Root mean square difference in gray levels up to which two pictures can be one frame, encoded twice."""
CLEARLY: Final = 1000.0
"""Two frames are distinct where their squared difference, summed, is so many times the mean one of the picture."""
LEAST: Final = 0.01
"""Smaller mean squared differences are those of rounding."""


def miniature(pixels: NDArray[np.uint8]) -> Gray:
    """Return the picture (height x width x 3) in gray, at most 160 px wide and high, to be compared."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(
        cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA), np.uint8
    )


def frames_to_compare(pictures: Iterable[int]) -> frozenset[int]:
    """Return the numbers of the frames that pictures of these numbers are compared with."""
    return frozenset(n + step for n in pictures for step in range(-REACH, REACH + 1) if n + step >= 0)


def find_numbering_problem(pictures: Mapping[int, Gray], frames: Mapping[int, Gray]) -> str | None:
    """Return why the numbers of ``pictures`` are not those of ``frames``, or are not proved to be; None where they are.

    A picture proves its number where its frame is like it and clearly more so than the frames around it.
    """
    proved = False
    for number, picture in sorted(pictures.items()):
        found = _nearest(picture, number, frames)
        if found is None:
            continue
        nearest, clear = found
        if clear and nearest != number:
            return f"its picture {number} is frame {nearest} of the file: the two are numbered differently"
        proved |= clear
    return None if proved else "no neighbouring picture proves that the file's frames have the pictures' numbers"


def odd_sizes(frames: Iterable[tuple[str, int, int]]) -> dict[str, str]:
    """Return the frames of one video that have another size than most, with a sentence; of ties the first wins.

    ``frames``: sample_id, width and height in pixels.
    """
    sizes = {sample_id: (width, height) for sample_id, width, height in frames}
    counts = Counter(sizes.values())
    if len(counts) < 2:
        return {}
    ((width, height), _), *_ = counts.most_common()
    return {
        sample_id: f"it is {size[0]}x{size[1]} px, most frames of its video {width}x{height}"
        for sample_id, size in sizes.items()
        if size != (width, height)
    }


def _nearest(picture: Gray, number: int, frames: Mapping[int, Gray]) -> tuple[int, bool] | None:
    """Return the frame most like the picture, and whether it clearly is; None where no frame is like it at all.

    Noise of the picture is in its difference to all frames: what separates frames is how much less it differs from
    one than from another, against how much these two differ.
    """
    near = {n: frames[n] for n in frames_to_compare([number]) & frames.keys() if frames[n].shape == picture.shape}
    distances = {n: _distance(picture, frame) for n, frame in near.items()}
    if not distances:
        return None
    nearest = min(distances, key=lambda n: (distances[n], abs(n - number)))
    best = distances[nearest]
    if best > LIKE**2:
        return None
    others = [(distances[n] - best, _distance(frame, near[nearest])) for n, frame in near.items() if n != nearest]
    clear = all(gap >= apart / 2 and apart * picture.size >= CLEARLY * max(best, LEAST) for gap, apart in others)
    return nearest, bool(others) and clear


def _distance(first: Gray, second: Gray) -> float:
    """Return the mean squared difference in gray levels."""
    return float(cv2.norm(first, second, cv2.NORM_L2SQR)) / first.size
