"""Draw endoscopy-like pictures and their masks: smooth noise on a red base, vignette, highlights, objects.

Sizes and shares follow the real sources: 0.65 megapixels on average, one polyp on 85 % of the masks, some at the
border, with a hole or crescent-shaped. Pictures are RGB, H x W x 3; masks H x W with 0 and 255.
"""

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

POLYP_SIZES = ((622, 529, 0.70), (1225, 996, 0.125), (1350, 1080, 0.125), (1920, 1072, 0.05))
INSTRUMENT_SIZES = ((768, 576, 0.43), (720, 576, 0.36), (1280, 1024, 0.14), (623, 530, 0.06), (1920, 1072, 0.01))
MASK_QUALITY = 90


def choose_size(rng: np.random.Generator, sizes: tuple[tuple[int, int, float], ...]) -> tuple[int, int]:
    """Return a random width and height, weighted by the shares of the sizes."""
    shares = np.array([share for _, _, share in sizes])
    width, height, _ = sizes[int(rng.choice(len(sizes), p=shares / shares.sum()))]
    return width, height


def draw_mucosa(rng: np.random.Generator, mask: Pixels, object_colour: tuple[int, int, int]) -> Pixels:
    """Return a picture of the mask's size with its objects in ``object_colour``."""
    height, width = mask.shape
    picture = cv2.resize(_coarse(rng, mask, object_colour), (width, height), interpolation=cv2.INTER_LINEAR)
    grain = rng.integers(0, 9, size=((height + 1) // 2, (width + 1) // 2), dtype=np.uint8)
    grain = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    picture = cv2.add(picture, cv2.merge([grain, grain, grain]))
    for _ in range(int(rng.integers(3, 9))):
        centre = (int(rng.integers(width // 8, 7 * width // 8)), int(rng.integers(height // 8, 7 * height // 8)))
        axes = (int(rng.integers(2, width // 60)), int(rng.integers(2, height // 80)))
        cv2.ellipse(picture, centre, axes, float(rng.integers(180)), 0, 360, (250, 245, 240), -1, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)


def _coarse(rng: np.random.Generator, mask: Pixels, object_colour: tuple[int, int, int]) -> Pixels:
    """Return the picture at an eighth of its size: base colour, two scales of noise, objects, vignette."""
    height, width = (side // 8 + 1 for side in mask.shape)
    base = np.array([165, 75, 60], dtype=np.float32) + rng.normal(0, 8, 3).astype(np.float32)
    noise = sum(
        cv2.resize(
            rng.normal(0, strength, (height // cell + 2, width // cell + 2)).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for cell, strength in ((16, 22.0), (3, 7.0))
    )
    cover = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    colours = base * (1 - cover) + np.array(object_colour, dtype=np.float32) * cover
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    vignette = (1 - 0.45 * (rows**2 + columns**2) / 2).astype(np.float32)[..., None]
    shaded = (colours + np.asarray(noise, dtype=np.float32)[..., None]) * vignette
    pixels: Pixels = np.clip(shaded, 0, 235).astype(np.uint8)
    return pixels


def draw_polyp_mask(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Return a mask of one ellipse (85 %), or of two to four in separate quadrants."""
    mask = np.zeros((height, width), dtype=np.uint8)
    if rng.random() < 0.85:
        _draw_single(rng, mask)
        return mask
    for quadrant in rng.permutation(4)[: int(rng.integers(2, 5))]:
        top, left = int(quadrant) // 2 * (height // 2), int(quadrant) % 2 * (width // 2)
        radius = int(min(width, height) * rng.uniform(0.04, 0.2))
        axes = (radius, int(radius * rng.uniform(0.6, 1)))
        centre = (
            left + int(rng.integers(radius + 4, width // 2 - radius - 4)),
            top + int(rng.integers(radius + 4, height // 2 - radius - 4)),
        )
        cv2.ellipse(mask, centre, axes, float(rng.integers(180)), 0, 360, 255, -1)
    return mask


def _draw_single(rng: np.random.Generator, mask: Pixels) -> None:
    height, width = mask.shape
    area = float(np.clip(rng.lognormal(np.log(0.11), 0.9), 0.004, 0.8)) * width * height
    aspect = rng.uniform(0.6, 1)
    axes = np.sqrt(area / np.pi / aspect) * np.array([1, aspect])
    reach = 0.5 if rng.random() < 0.18 else 0.2
    centre = np.array([width, height]) * (0.5 + rng.uniform(-reach, reach, 2))
    angle, kind = float(rng.integers(180)), rng.random()
    _fill(mask, centre, axes, angle, 255)
    if kind < 0.02:
        _fill(mask, centre, axes * 0.3, angle, 0)
    elif kind < 0.04:
        along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        _fill(mask, centre + 0.2 * axes[0] * along, axes * (1, 0.8), angle, 0)
        # Round the horns: JPEG may lose the pixels of a sharp tip, or cut it off as a separate component.
        rounded = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
        mask[:] = rounded


def _fill(mask: Pixels, centre: NDArray[np.float64], axes: NDArray[np.float64], angle: float, value: int) -> None:
    at = (round(float(centre[0])), round(float(centre[1])))
    cv2.ellipse(mask, at, (max(8, int(axes[0])), max(8, int(axes[1]))), angle, 0, 360, value, -1)


def draw_instrument_mask(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Return a mask of one long instrument from the lower border (96 %), or of two to four side by side."""
    mask = np.zeros((height, width), dtype=np.uint8)
    lanes = int(rng.integers(2, 5)) if rng.random() < 0.04 else 1
    lane = width // lanes
    for number in range(lanes):
        thickness = int(height * rng.uniform(0.05, 0.14) / lanes)
        margin = thickness // 2 + 4
        columns = number * lane + rng.integers(margin, lane - margin, 3)
        rows = np.array([height + thickness, height * rng.uniform(0.55, 0.8), height * rng.uniform(0.12, 0.5)])
        course = np.stack([columns, rows], axis=1).astype(np.int32)
        cv2.polylines(mask, [course.reshape(-1, 1, 2)], False, 255, thickness)
    return mask


def stored_boxes(mask: Pixels) -> list[tuple[int, int, int, int]]:
    """Return the boxes of the mask's 8-connected components in the sources' convention, in reading order.

    From inclusive pixel extents: ``max(minx - 1, 0), max(miny - 1, 0), maxx + 1, maxy + 1``.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = sorted((y, x, y + height, x + width) for x, y, width, height in map(cv2.boundingRect, contours))
    return [(max(x1 - 1, 0), max(y1 - 1, 0), x2, y2) for y1, x1, y2, x2 in boxes]


def encode_picture(picture: Pixels, quality: int = 90) -> bytes:
    """Return the RGB picture as baseline 4:2:0 JPEG."""
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=quality, colorspace="RGB"))


def encode_lossy_mask(mask: Pixels) -> bytes:
    """Return the mask as a gray JPEG of three channels: not exactly 0 and 255, but equal at threshold 128."""
    return encode_picture(cv2.merge([mask, mask, mask]).astype(np.uint8), MASK_QUALITY)


def encode_png(pixels: Pixels) -> bytes:
    """Return the mask or RGB picture as PNG."""
    ordered = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".png", ordered)[1].tobytes())


def decode_picture(data: bytes) -> Pixels:
    """Return the RGB pixels of a JPEG from ``encode_picture``."""
    return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB"), dtype=np.uint8)
