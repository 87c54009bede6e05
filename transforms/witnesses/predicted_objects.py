"""Find objects in a model's probability maps: components above the threshold, with score bin and stability."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.masks.components import find_regions
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Box, Tone
from medmultipoints.transforms.witnesses.network import Network, Pixels, Tensor, in_frame, undo_variants

BINS: Final = 10
LEAST_SHARE: Final = 0.0001
"""Least share of the picture of an object; smaller components are below half a pixel of the model's map."""
FINER: Final = 4
"""Factor of the model's resolution at which stability is measured."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A predicted object in the frame of the picture.

    ``score_bin``: mean probability, from 0 (below 0.1) to 9 (0.9 and above). ``stability``: mean IoU with the model's
    predictions for small shifts and flips of the picture.
    """

    label: str
    box: Box
    rle: str
    area_px: int
    score_bin: int
    stability: float
    tone: Tone | None


def find_objects(maps: Tensor, network: Network, pixels: Pixels) -> list[Predicted]:
    """Return the objects of all labels.

    ``maps``: variants x labels x height x width, as ``network.variants`` orders them; ``pixels``: the RGB picture.
    If labels overlap, a pixel belongs to the label with the highest probability.
    """
    height, width = pixels.shape[:2]
    framed = np.stack([in_frame(one, width, height) for one in maps[0]])
    winner = framed.argmax(axis=0)
    found: list[Predicted] = []
    for place, label in enumerate(network.labels):
        mask = (framed[place] >= network.threshold) & (winner == place)
        least = max(1, round(LEAST_SHARE * mask.size))
        white = mask.astype(np.uint8) * 255
        for region in find_regions(white, min_area_px=least, picture=pixels).regions:
            assert region.rle is not None
            assert region.area_px is not None
            own = decode_rle(region.rle, height, width)
            mean = float(framed[place][own].mean(dtype=np.float64))
            steady = measure_stability(maps[:, place], own, network.threshold)
            bin_ = min(int(mean * BINS), BINS - 1)
            found.append(Predicted(label, region.box, region.rle, region.area_px, bin_, steady, region.tone))
    return found


def measure_stability(maps: Tensor, own: NDArray[np.bool_], threshold: float) -> float:
    """Return the mean IoU of an object with its counterpart in each variant of the picture, to two decimals.

    The value is rounded down, so that 0.95 means at least 0.95. ``maps``: variants x height x width of the object's
    label. The counterpart consists of the variant's components that share a pixel with the object.
    """
    size = FINER * maps.shape[2], FINER * maps.shape[1]
    small = cv2.resize(own.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    if not small.any():
        return 0.0
    found = []
    for moved, known in undo_variants(maps):
        fine = cv2.resize(np.ascontiguousarray(moved), size, interpolation=cv2.INTER_LINEAR) >= threshold
        seen = np.repeat(np.repeat(known, FINER, axis=0), FINER, axis=1)
        found.append(_overlap(small & seen, fine & seen))
    return math.floor(100 * float(np.mean(found)) + 1e-6) / 100


def _overlap(own: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the IoU of an object with the components that share a pixel with it."""
    _, parts = cv2.connectedComponents(other.view(np.uint8), connectivity=8)
    touching = np.isin(parts, np.unique(parts[own & other])) & other
    return float((own & touching).sum() / max((own | touching).sum(), 1))
