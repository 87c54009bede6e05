"""Words with a fixed meaning in prompts and answers, shared by asking and checking."""

from collections.abc import Mapping, Sequence
from typing import Final

REFERENTS: Final[Mapping[str, str]] = {
    "leftmost": "leftmost {name}",
    "rightmost": "rightmost {name}",
    "topmost": "topmost {name}",
    "lowest": "lowest {name}",
    "largest": "largest {name}",
    "smallest": "smallest {name}",
    "central": "most central {name}",
    "only": "only {name}",
}
"""Phrases that single out one object among those of its name; docs/tasks.md gives the margins."""

SIDE_MARGIN: Final = 0.05  # of the image's width, height or diagonal, between the first and the second
SIZE_MARGIN: Final = 1.25  # times the area of the second

MOST_FRAMES_APART: Final = 100  # of two frames that a question compares
LEAD_OF_MOVES: Final = 1.5  # times the way of the second
MOST_OF_A_CLASS: Final = 12  # objects in the answer to a question for those of the same class
CROP_MARGINS: Final = (0.1, 0.5)  # of a box's side: how far a crop goes beyond each of its edges, least and most
LEAST_CROP_PX: Final = 28  # the shortest side that the models of Qwen-VL can resize
MOST_CROP: Final = 0.25  # of the image's area
WINDOW: Final = 4  # frames of a question about a stretch of video
LEAST_PATH_PX: Final = 5.0  # what is less may be the annotator's hand
STEPS: Final = (1, 2, 5, 10, 20, 50)  # frames from one of them to the next

ROWS: Final = ("upper", "middle", "lower")
COLUMNS: Final = ("left", "centre", "right")
BORDERS: Final = ("left", "upper", "right", "lower")
SIZES: Final = ((0.1, "tiny (below 0.1 %)"), (1, "small (0.1 to 1 %)"), (10, "medium-sized (1 to 10 %)"))
LARGE: Final = "large (10 % or more)"
"""The size class of a region: below so many percent of the image, else ``LARGE``."""
ROUND_ASPECT: Final = 1.2  # of the sides of a box that is about as wide as high
CONTRAST: Final = 10  # gray levels by which an object that is brighter or darker than its surroundings differs
TEXTURE: Final = 1.25  # times the roughness of the other, for the rougher
NEAREST_LEAD: Final = 1.1  # times the distance of the nearest, for the second
RING: Final = ((3.0, 0.05), (10.0, 0.25))
"""Negative clicks: nearest and farthest from the mask, in px and as a share of the root of its area; the larger."""
JITTER: Final = 0.1  # of a box's side, by which each edge of a rough box is moved at most
SMALL_MASK: Final = 0.0005  # of the image's pixels
OUTLINE_IOU: Final = 0.95  # of the outline of a mask and the mask with its holes filled, at least
CLICKS: Final = "that holds the clicks {inside} and not the clicks {outside}"
HINTS: Final = {"clicks": CLICKS, "box": "in the box {box}", "rough": "in the rough box {box}", "text": "in this image"}

DENSITIES: Final = ((0, "none"), (5, "sparse"), (15, "moderate"), (30, "dense"))
"""The density of an image by its objects of all classes asked for: at most so many, else ``crowded``."""


def density_word(count: int) -> str:
    """Return the density class of a number of objects in an image."""
    return next((word for most, word in DENSITIES if count <= most), "crowded")


def listed(parts: Sequence[str]) -> str:
    """Return the parts as an enumeration: "a", "a and b", "a, b and c"."""
    return " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), parts[-1]])


def timing(frames: Sequence[int], fps: float) -> str:
    """Return which frames of a video the images are, and its frame rate."""
    return f"frames {listed([str(frame) for frame in frames])} of a video at {round(fps, 3):g} frames per second"


def size_word(percent: float) -> str:
    """Return the size class of a region by its share of the image."""
    return next((word for most, word in SIZES if percent < most), LARGE)


def in_image(size: str) -> str:
    """Return a size class that says what its percent are of: ``small (0.1 to 1 % of the image)``."""
    return f"{size.removesuffix(')')} of the image)"


def place_text(row: str, column: str) -> str:
    """Return one of the nine parts of an image."""
    return "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"


def borders_text(touched: Sequence[bool]) -> str:
    """Return the borders that a region touches, in the order of ``BORDERS``."""
    found = [border for border, yes in zip(BORDERS, touched, strict=True) if yes]
    return f"the {listed(found)} border{'s' if len(found) > 1 else ''}" if found else "no border"
