"""Pictures with objects that are known exactly, for layouts of every format. Written without the code under test."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 120, 90


@dataclass(frozen=True)
class Thing:
    """An object: its label and its pixels. ``box``: half-open edges."""

    label: str
    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.x1, self.y1, self.x2, self.y2

    @property
    def corners(self) -> list[tuple[int, int]]:
        return [(self.x1, self.y1), (self.x2, self.y1), (self.x2, self.y2), (self.x1, self.y2)]

    def mask(self) -> NDArray[np.uint8]:
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        drawn[self.y1 : self.y2, self.x1 : self.x2] = 1
        return drawn


@dataclass(frozen=True)
class Scene:
    """One picture: its stem, its group of a split, and the objects on it."""

    stem: str
    split: str
    things: tuple[Thing, ...]

    def pixels(self) -> NDArray[np.uint8]:
        """Noise with brighter objects, which cannot be mistaken for a mask."""
        seed = sum(map(ord, self.stem))
        noise = np.random.Generator(np.random.PCG64(seed)).integers(20, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        for thing in self.things:
            noise[thing.y1 : thing.y2, thing.x1 : thing.x2] += np.uint8(90)
        return noise

    def png(self) -> bytes:
        return encode(self.pixels())

    def jpg(self) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(self.pixels()).save(buffer, "JPEG", quality=95)
        return buffer.getvalue()


SCENES = (
    Scene(
        "cell_001", "train", (Thing("wbc", 0, 0, 30, 25), Thing("rbc", 40, 10, 60, 34), Thing("rbc", 70, 50, 120, 90))
    ),
    Scene("cell_002", "train", (Thing("rbc", 10, 12, 33, 41), Thing("platelet", 80, 5, 88, 14))),
    Scene("cell_003", "val", (Thing("wbc", 50, 30, 99, 77),)),
    Scene("cell_004", "val", (Thing("rbc", 5, 60, 25, 85), Thing("rbc", 30, 60, 55, 86), Thing("wbc", 60, 3, 111, 40))),
    Scene("cell_005", "test", ()),
)
LABELS = ("rbc", "wbc", "platelet")
COUNTS = {"platelet": 1, "rbc": 5, "wbc": 3}


def boxes() -> dict[str, list[tuple[str, tuple[int, int, int, int]]]]:
    """Label and box of each object by picture."""
    return {scene.stem: sorted((thing.label, thing.box) for thing in scene.things) for scene in SCENES}


def encode(pixels: NDArray[np.generic], form: str = "PNG", palette: list[int] | None = None) -> bytes:
    """An image file of an array: gray, RGB, 16 bit, or indices of a palette."""
    image = Image.fromarray(pixels)
    if palette is not None:
        image = image.convert("P") if image.mode != "L" else Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(palette)
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()
