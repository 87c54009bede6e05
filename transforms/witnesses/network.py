"""Convert pictures to the input tensor of a declared model, and its output to probability maps.

A tensor is 1 x channels x height x width of float32. Its channels are red, green and blue, ``(level - mean) / std``
with levels of 0 to 255; a model with clicks has three more: disks around positive clicks, disks around negative
clicks, and the mask of the previous round, each 0 or 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Activation = Literal["none", "sigmoid", "softmax"]
Pixels = NDArray[np.uint8]
Tensor = NDArray[np.float32]
CLICK_CHANNELS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Input and output of a model: one probability map per label, in the order of ``labels``.

    ``activation`` converts the output to probabilities (``none``: it already is); with ``softmax`` the output has an
    additional first channel for the background. ``click_radius``: radius of click disks in input pixels; 0 for a model
    without clicks.
    """

    width: int
    height: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    labels: tuple[str, ...]
    activation: Activation = "none"
    threshold: float = 0.5
    click_radius: int = 0

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the input."""
        return 3 + CLICK_CHANNELS * (self.click_radius > 0), self.height, self.width

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the output."""
        return len(self.labels) + (self.activation == "softmax"), self.height, self.width


@dataclass(frozen=True, slots=True)
class Click:
    """A corrective click at the centre of a pixel; ``positive``: the pixel belongs to the object."""

    x: int
    y: int
    positive: bool


def to_tensor(
    pixels: Pixels, network: Network, clicks: Sequence[Click] = (), previous: NDArray[np.bool_] | None = None
) -> Tensor:
    """Return the input for an RGB picture; clicks and previous mask are in the picture's frame."""
    size = network.width, network.height
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    levels = (small - np.array(network.mean, np.float32)) / np.array(network.std, np.float32)
    channels = [np.moveaxis(levels, 2, 0)]
    if network.click_radius:
        channels.append(_click_channels(network, pixels.shape[:2], clicks, previous))
    return np.ascontiguousarray(np.concatenate(channels)[None], np.float32)


def _click_channels(
    network: Network, frame: tuple[int, ...], clicks: Sequence[Click], previous: NDArray[np.bool_] | None
) -> Tensor:
    """Return the channels of clicks and previous mask, in the frame of the input."""
    height, width = frame[:2]
    disks = np.zeros((CLICK_CHANNELS, network.height, network.width), np.float32)
    for click in clicks:
        x = int((click.x + 0.5) * network.width / width)
        y = int((click.y + 0.5) * network.height / height)
        cv2.circle(disks[0 if click.positive else 1], (x, y), network.click_radius, 1.0, thickness=-1)
    if previous is not None:
        size = network.width, network.height
        disks[2] = cv2.resize(previous.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    return disks


def to_probabilities(output: Tensor, network: Network) -> Tensor:
    """Return the probability maps of an output, labels x height x width, in [0, 1]."""
    scores = output.reshape(network.output_shape).astype(np.float64)
    if network.activation == "sigmoid":
        scores = 1 / (1 + np.exp(-np.clip(scores, -60, 60)))
    elif network.activation == "softmax":
        grown = np.exp(scores - scores.max(axis=0))
        scores = (grown / grown.sum(axis=0))[1:]
    return np.clip(scores, 0, 1).astype(np.float32)


def in_frame(probabilities: Tensor, width: int, height: int) -> Tensor:
    """Return a map resized to another frame by bilinear interpolation between pixel centres."""
    return np.asarray(cv2.resize(probabilities, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


SHIFTS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Small shifts of the input in pixels (x, y)."""
FLIPS: Final = (3, 2)
"""Axes of the tensor to mirror: horizontally and vertically."""


def variants(tensor: Tensor) -> Tensor:
    """Return the input and its small shifts and flips as one batch, the input first; edges are replicated."""
    padded = np.pad(tensor, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = tensor.shape[2:]
    moved = [padded[:, :, 1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width] for dx, dy in SHIFTS]
    return np.ascontiguousarray(np.concatenate([tensor, *moved, *(np.flip(tensor, axis) for axis in FLIPS)]))


def undo_variants(maps: Tensor) -> Iterator[tuple[Tensor, NDArray[np.bool_]]]:
    """Yield each variant's map in the frame of the input, with a mask of its known pixels.

    ``maps``: variants x height x width; the first, of the input itself, is not yielded.
    """
    height, width = maps.shape[1:]
    for (dx, dy), moved in zip(SHIFTS, maps[1 : 1 + len(SHIFTS)], strict=True):
        known = np.zeros((height, width), np.bool_)
        rows, columns = slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0))
        known[rows, columns] = True
        yield np.roll(moved, (-dy, -dx), (0, 1)), known
    for axis, flipped in zip(FLIPS, maps[1 + len(SHIFTS) :], strict=True):
        yield np.flip(flipped, axis - 2), np.ones((height, width), np.bool_)
