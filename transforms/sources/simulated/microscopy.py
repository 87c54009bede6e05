"""Draw microscopy-like frames of 640 x 480 px: bright cells on drifting gray noise."""

from functools import lru_cache

import cv2
import numpy as np

from medmultipoints.transforms.sources.simulated.images import Pixels, encode_picture
from medmultipoints.transforms.sources.simulated.members import generator
from medmultipoints.transforms.sources.simulated.tracks import HEIGHT, WIDTH, Floats

DRIFT_PX = 48
FRAME_QUALITY = 75


@lru_cache(maxsize=32)
def video_background(seed: int, video: str) -> Pixels:
    """Return the read-only noise shared by all frames of a video, larger than a frame by the drift."""
    rng = generator(seed, "background", video)
    rows, columns = HEIGHT + DRIFT_PX, WIDTH + DRIFT_PX
    grids = [rng.normal(0, strength, (rows // cell, columns // cell)) for cell, strength in ((44, 9.0), (16, 2.5))]
    noise = sum(cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_CUBIC) for grid in grids)
    background: Pixels = np.clip(110 + np.asarray(noise), 0, 255).astype(np.uint8)
    background.setflags(write=False)
    return background


def draw_frame(seed: int, video: str, frame: int, boxes: Floats) -> Pixels:
    """Return the gray picture (H x W) of one frame with a cell in each box; the noise offset depends on the frame."""
    across, down = frame % DRIFT_PX, frame // DRIFT_PX % DRIFT_PX
    picture = video_background(seed, video)[down : down + HEIGHT, across : across + WIDTH].copy()
    for x1, y1, x2, y2 in boxes.tolist():
        centre = (round((x1 + x2) / 2), round((y1 + y2) / 2))
        axes = (max(1, round((x2 - x1) / 2) - 1), max(1, round((y2 - y1) / 2) - 1))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, 178, -1)
        cv2.ellipse(picture, centre, (max(1, axes[0] // 2), max(1, axes[1] // 2)), 0, 0, 360, 226, -1)
    return np.asarray(picture, dtype=np.uint8)


def encode_frame(picture: Pixels) -> bytes:
    """Return the frame as a JPEG of three equal channels."""
    return encode_picture(cv2.merge([picture, picture, picture]).astype(np.uint8), FRAME_QUALITY)
