"""Check by pixels that the pictures of a video are numbered like the frames of its file.

A missing picture is decoded from the video by its number. If pictures are numbered from 1, or the file lacks frames,
labels would get the wrong picture; comparing the pictures around the missing one detects this.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

REACH: Final = 2
"""Number of frames before and after its own that a picture is compared with."""
SIDE_PX: Final = 160
LIKE: Final = 8.0
"""Greatest root mean square difference, in gray levels, between two encodings of one frame."""
CLEARLY: Final = 1000.0
"""Least ratio of the summed squared difference of two distinct frames to the picture's mean squared difference."""
LEAST: Final = 0.01
"""Mean squared difference due to rounding."""


def miniature(pixels: NDArray[np.uint8]) -> Gray:
    """Return the picture (height x width x 3) in gray, at most 160 px wide and high, for comparing."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(
        cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA), np.uint8
    )


def frames_to_compare(pictures: Iterable[int]) -> frozenset[int]:
    """Return the numbers of the frames to compare with pictures of these numbers."""
    return frozenset(n + step for n in pictures for step in range(-REACH, REACH + 1) if n + step >= 0)


def find_numbering_problem(pictures: Mapping[int, Gray], frames: Mapping[int, Gray]) -> str | None:
    """Return why ``pictures`` are not proved to be numbered like ``frames``, or None if they are.

    A picture proves its number if its frame is similar, and clearly more so than the frames around it.
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
    """Return the frames of one video whose size differs from most, with a sentence; the first size wins ties.

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
    """Return the most similar frame and whether it is clearly the most similar; None if no frame is similar.

    Noise adds to the difference to every frame. So a frame is clearly nearest if the picture differs less from it than
    from another frame by at least half of the difference between these two frames.
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
