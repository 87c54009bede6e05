"""Train the small model: a fixed U-Net of about 200,000 weights, trained with jax from a seed, written as ONNX.

It is the same on every release, so that a change in the data shows as a change in its score. It takes clicks: half of
the training examples contain a wrong mask and one or two clicks in its error. Needs the extra ``train``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.witnesses.clicks import next_click
from medmultipoints.transforms.witnesses.network import CLICK_CHANNELS, Network, Tensor

SIDE: Final = 64
WIDTHS: Final = (8, 16, 40, 80)
CHANNELS: Final = 3 + CLICK_CHANNELS
BATCH: Final = 16
RATE: Final = 5e-3
EPSILON: Final = 1e-3
MEAN: Final = (120.0, 80.0, 60.0)
STD: Final = (80.0, 60.0, 50.0)
CLICK_RADIUS: Final = 2
Weights = list[Any]
"""Kernel and bias of each convolution, in the order in which the layers run; kernels are height x width x in x out."""


@dataclass(frozen=True, slots=True)
class Example:
    """One training picture in input size: normalised levels, one 0/1 map per label."""

    tensor: Tensor
    truth: NDArray[np.bool_]


def network_of(labels: Sequence[str]) -> Network:
    """Return the small model's input and output for these labels; its output is probabilities."""
    return Network(
        width=SIDE, height=SIDE, mean=MEAN, std=STD, labels=tuple(labels), activation="sigmoid", threshold=0.5,
        click_radius=CLICK_RADIUS,
    )  # fmt: skip


def layers(labels: int) -> list[tuple[int, int]]:
    """Return input and output channels of each convolution, in execution order."""
    found, before = [], CHANNELS
    for width in WIDTHS:
        found += [(before, width), (width, width)]
        before = width
    for width in reversed(WIDTHS[:-1]):
        found += [(before + width, width), (width, width)]
        before = width
    return [*found, (before, labels)]


def train(
    examples: Sequence[Example], labels: int, *, seed: int, steps: int, progress: Callable[[int, int], None]
) -> Weights:
    """Return the trained weights: equal for equal examples, seed and packages on one machine."""
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(seed)
    layers_ = [tuple(map(jnp.asarray, layer)) for layer in _initial(labels, random)]
    moments = [jax.tree_util.tree_map(jnp.zeros_like, layers_) for _ in range(2)]
    levels = [(jnp.zeros(layer[1].shape), jnp.ones(layer[1].shape)) for layer in layers_[:-1]]
    state = (layers_, *moments, levels)
    update = _updater(jax, jnp, steps)
    for step in range(steps):
        chosen = random.integers(0, len(examples), BATCH)
        inputs, truths = zip(*(vary(examples[place], random) for place in chosen.tolist()), strict=True)
        state = update(state, np.stack(inputs), np.stack(truths), step)
        progress(step + 1, steps)
    return _folded(
        [tuple(map(np.asarray, layer)) for layer in state[0]], [tuple(map(np.asarray, one)) for one in state[3]]
    )


def _initial(labels: int, random: np.random.Generator) -> list[tuple[Any, Any, Any]]:
    """Return kernel (He initialisation), gain and bias of each layer; the last layer starts small."""
    found = []
    for before, after in layers(labels):
        kernel = random.standard_normal((3, 3, before, after)) * np.sqrt(2 / (9 * before))
        found.append((kernel.astype(np.float32), np.ones(after, np.float32), np.zeros(after, np.float32)))
    kernel, gain, bias = found[-1]
    return [*found[:-1], (kernel * np.float32(0.1), gain, bias)]


def _folded(trained: Sequence[tuple[Any, ...]], levels: Sequence[tuple[Any, ...]]) -> Weights:
    """Fold the normalisation into kernels and biases, with mean and variance of the last training batches."""
    found = []
    for (kernel, gain, bias), (mean, variance) in zip(trained[:-1], levels, strict=True):
        factor = gain / np.sqrt(variance + EPSILON)
        found.append((kernel * factor, bias - mean * factor))
    return [*found, (trained[-1][0], trained[-1][2])]


@cache
def _updater(jax: Any, jnp: Any, steps: int) -> Callable[..., Any]:
    """Return one step of Adam with a cosine rate, on the sum of cross-entropy and soft Dice loss.

    It is compiled once, for the models of all folds.
    """
    each = jax.tree_util.tree_map

    def loss(weights: Any, inputs: Any, truths: Any) -> Any:
        logits, levels = _forward(jax, jnp, weights, inputs)
        cross = jnp.maximum(logits, 0) - logits * truths + jnp.log1p(jnp.exp(-jnp.abs(logits)))
        seen = jax.nn.sigmoid(logits)
        shared, total = (seen * truths).sum((1, 2)), seen.sum((1, 2)) + truths.sum((1, 2))
        return cross.mean() + (1 - (2 * shared + 1) / (total + 1)).mean(), levels

    def update(state: Any, inputs: Any, truths: Any, step: Any) -> Any:
        weights, mean, square, kept = state
        slope, levels = jax.grad(loss, has_aux=True)(weights, inputs, truths)
        rate = RATE * 0.5 * (1 + jnp.cos(jnp.pi * step / steps)) * jnp.minimum(1.0, (step + 1) / 20)
        mean = each(lambda old, new: 0.9 * old + 0.1 * new, mean, slope)
        square = each(lambda old, new: 0.999 * old + 0.001 * new * new, square, slope)
        first, second = 1 - 0.9 ** (step + 1), 1 - 0.999 ** (step + 1)
        weights = each(
            lambda own, m, s: own - rate * (m / first) / (jnp.sqrt(s / second) + 1e-8), weights, mean, square
        )
        return weights, mean, square, each(lambda old, new: 0.95 * old + 0.05 * new, kept, levels)

    compiled: Callable[..., Any] = jax.jit(update)
    return compiled


def _forward(jax: Any, jnp: Any, weights: Any, inputs: Any) -> tuple[Any, Any]:
    """Run the U-Net on batch x height x width x channels: logits, and each layer's mean and variance in the batch."""
    shown, held, remaining, levels = inputs, [], list(weights), []

    def convolve(values: Any, kernel: Any) -> Any:
        return jax.lax.conv_general_dilated(values, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def layer(values: Any) -> Any:
        kernel, gain, bias = remaining.pop(0)
        values = convolve(values, kernel)
        mean, variance = values.mean((0, 1, 2)), values.var((0, 1, 2))
        levels.append((mean, variance))
        return jax.nn.relu((values - mean) * (gain / jnp.sqrt(variance + EPSILON)) + bias)

    for level in range(len(WIDTHS)):
        shown = layer(layer(shown))
        if level < len(WIDTHS) - 1:
            held.append(shown)
            batch, height, width, channels = shown.shape
            shown = shown.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))
    for skipped in reversed(held):
        larger = jnp.repeat(jnp.repeat(shown, 2, 1), 2, 2)
        shown = layer(layer(jnp.concatenate([larger, skipped], -1)))
    kernel, _, bias = remaining.pop(0)
    return convolve(shown, kernel) + bias, levels


def vary(example: Example, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return an example randomly turned, moved, resized and recoloured; half of them with clicks in a wrong mask.

    Height x width x channels, and height x width x labels.
    """
    levels = np.moveaxis(example.tensor[0, :3], 0, 2)
    truth = np.moveaxis(example.truth, 0, 2).astype(np.float32)
    angle, scale = random.uniform(-180, 180), random.uniform(0.8, 1.25)
    turn = cv2.getRotationMatrix2D((SIDE / 2 - 0.5, SIDE / 2 - 0.5), angle, scale)
    turn[:, 2] += random.uniform(-6, 6, 2)
    if random.random() < 0.5:
        levels, truth = levels[:, ::-1], truth[:, ::-1]
    levels = cv2.warpAffine(np.ascontiguousarray(levels), turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101)
    truth = cv2.warpAffine(np.ascontiguousarray(truth), turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101)
    truth = (truth.reshape(SIDE, SIDE, -1) >= 0.5).astype(np.float32)
    levels = levels * random.uniform(0.8, 1.2, 3) + random.uniform(-0.2, 0.2, 3)
    clicked = _clicked(truth, random) if random.random() < 0.5 else np.zeros((SIDE, SIDE, CLICK_CHANNELS))
    return np.concatenate([levels, clicked], 2).astype(np.float32), truth


def _clicked(truth: Tensor, random: np.random.Generator) -> NDArray[np.float64]:
    """Return one or two clicks in the error of a wrong mask: empty, moved, shrunk or grown."""
    whole = truth.max(2) > 0
    kind = random.integers(0, 4)
    shown = np.zeros_like(whole)
    if kind == 1:
        shown = np.roll(whole, tuple(random.integers(-10, 11, 2)), (0, 1))
    elif kind > 1:
        disk = np.ones((int(random.integers(3, 12)),) * 2, np.uint8)
        shown = (cv2.erode if kind == 2 else cv2.dilate)(whole.view(np.uint8), disk) > 0
    disks = np.zeros((CLICK_CHANNELS, SIDE, SIDE), np.float32)
    left = shown
    for _ in range(int(random.integers(1, 3))):
        click = next_click(whole, left)
        if click is None:
            break
        cv2.circle(disks[0 if click.positive else 1], (click.x, click.y), CLICK_RADIUS, 1.0, thickness=-1)
        near = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (click.x, click.y), 10, 1.0, thickness=-1) > 0
        left = np.where(near, whole, left)
    disks[2] = shown
    return np.moveaxis(disks, 0, 2).astype(np.float64)
