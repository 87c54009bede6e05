"""Find keypoints of a picture, to recognise a scene from two viewpoints (SIFT, as RootSIFT).

Ignores the black border, burned-in text, highlights and the position marker.
Descriptors are whole numbers from 0 to 255: their products are exact in float32, so matches do not depend on the
library or the number of threads.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

POINTS = 1200
"""Greatest number of keypoints per picture; the strongest are kept."""
MOST_HEIGHT, USED_HEIGHT = 640, 530
"""Pictures higher than the first (pixels) are reduced to the second."""
CONTRAST = 0.02
"""Detector threshold: even pictures of smooth tissue have at least 800 keypoints."""
SIZE = 128
DESCRIPTOR_NORM = 512

BLACK, GLARE, STROKE_CONTRAST = 24, 220, 30
"""Brightest channel of the border; darkest channel of highlights; contrast of strokes with their surroundings."""
STROKE_PX, BORDER_PX = 9, 15
MARKER_LOW, MARKER_HIGH = (60, 90, 60), (100, 255, 255)
"""Hue (half degrees), saturation and value of the position marker."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """Keypoints of one picture: ``points`` in its pixels, float32 (n, 2); ``descriptors``: uint8 (n, 128)."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


def find_scene(pixels: Pixels) -> Scene:
    """Return the keypoints of an RGB picture, the strongest first."""
    height = pixels.shape[0]
    factor = USED_HEIGHT / height if height > MOST_HEIGHT else 1.0
    reduced = pixels
    if factor != 1:
        reduced = np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    detector = cv2.SIFT.create(nfeatures=0, contrastThreshold=CONTRAST)
    green = cv2.createCLAHE(2.0, (8, 8)).apply(np.ascontiguousarray(reduced[:, :, 1]))
    found = detector.detect(green, _mask_scene(reduced))
    strongest = sorted(found, key=lambda point: (-point.response, point.pt, point.size, point.angle))[:POINTS]
    points, descriptors = detector.compute(green, strongest)
    if descriptors is None:
        return Scene(np.zeros((0, 2), np.float32), np.zeros((0, SIZE), np.uint8))
    places = np.array([point.pt for point in points], np.float32) / np.float32(factor)
    return Scene(places, _root(descriptors))


def pack_scene(scene: Scene) -> bytes:
    """Return a scene as bytes: the points, then the descriptors."""
    return scene.points.astype("<f4").tobytes() + scene.descriptors.tobytes()


def unpack_scene(data: bytes) -> Scene:
    """Return the scene packed by ``pack_scene``."""
    count = len(data) // (8 + SIZE)
    points = np.frombuffer(data, "<f4", 2 * count).reshape(count, 2)
    return Scene(points, np.frombuffer(data, np.uint8, count * SIZE, 8 * count).reshape(count, SIZE))


def _root(descriptors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return RootSIFT descriptors as whole numbers: square roots of the L1-normalised values."""
    shares = descriptors.astype(np.float64) / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.minimum(np.rint(DESCRIPTOR_NORM * np.sqrt(shares)), 255), np.uint8)


def _mask_scene(pixels: Pixels) -> Pixels:
    """Return a mask that is 255 where the picture shows the scene, else 0."""
    darkest, brightest = pixels.min(axis=2), pixels.max(axis=2)
    strokes = cv2.morphologyEx(darkest, cv2.MORPH_TOPHAT, np.ones((STROKE_PX, STROKE_PX), np.uint8)) > STROKE_CONTRAST
    glare = _grow(strokes | (darkest > GLARE), STROKE_PX)
    teal = cv2.inRange(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV), MARKER_LOW, MARKER_HIGH)
    marker = _grow(cv2.morphologyEx(teal, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0, BORDER_PX)
    hidden = glare | marker | _grow(_find_border(brightest < BLACK), BORDER_PX)
    return np.where(hidden, 0, 255).astype(np.uint8)


def _find_border(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the dark areas that touch an edge of the picture."""
    opened = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, areas = cv2.connectedComponents(opened, connectivity=8)
    edges = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
    return np.isin(areas, edges[edges > 0])


def _grow(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
