"""Phrases and thresholds with a fixed meaning in prompts and answers, shared by questions and proofs."""

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
"""Phrases that identify one object among those of its name; docs/tasks.md gives the margins."""

GAP: Final = "\ufffc"
"""Replaces a value or a placeholder in a text, so that no word spans it."""
ORDINALS: Final = ("first", "second", "third")
"""Words for one of several images."""

SIDE_MARGIN: Final = 0.05  # fraction of the image's width, height or diagonal, between first and second
SIZE_MARGIN: Final = 1.25  # ratio of the areas of first and second

MOST_FRAMES_APART: Final = 100  # largest distance of two frames in one question
LEAD_OF_MOVES: Final = 1.5  # ratio of the distances moved by first and second
MOST_OF_A_CLASS: Final = 12  # objects in the answer to a question for those of the same class
CROP_MARGINS: Final = (0.1, 0.5)  # least and largest margin around a box, as fractions of its side
LEAST_CROP_PX: Final = 28  # shortest side that Qwen-VL models can resize
MOST_CROP: Final = 0.25  # fraction of the image's area
WINDOW: Final = 4  # frames per question about a video segment
LEAST_PATH_PX: Final = 5.0  # shorter paths may be noise of the annotation
STEPS: Final = (1, 2, 5, 10, 20, 50)  # possible distances between consecutive frames of a window

ROWS: Final = ("upper", "middle", "lower")
COLUMNS: Final = ("left", "centre", "right")
BORDERS: Final = ("left", "upper", "right", "lower")
SIZES: Final = ((0.1, "tiny (below 0.1 %)"), (1, "small (0.1 to 1 %)"), (10, "medium-sized (1 to 10 %)"))
LARGE: Final = "large (10 % or more)"
"""The size classes of a region, with their upper limit in percent of the image; above them ``LARGE``."""
ROUND_ASPECT: Final = 1.2  # largest ratio of sides of a box that is about as wide as high
CONTRAST: Final = 10  # least difference in gray levels between an object and its surroundings
TEXTURE: Final = 1.25  # least ratio of the roughness of two areas that differ
NEAREST_LEAD: Final = 1.1  # least ratio of the distances of the second nearest and the nearest object
RING: Final = ((3.0, 0.05), (10.0, 0.25))
"""Least and largest distance of negative clicks from the mask: the larger of px and a share of its area's root."""
JITTER: Final = 0.1  # largest move of an edge of a rough box, as a fraction of the side
SMALL_MASK: Final = 0.0005  # fraction of the image's pixels
OUTLINE_IOU: Final = 0.95  # least IoU of an outline and the mask with filled holes
CLICKS: Final = "that holds the clicks {inside} and not the clicks {outside}"
HINTS: Final = {"clicks": CLICKS, "box": "in the box {box}", "rough": "in the rough box {box}", "text": "in this image"}

DENSITIES: Final = ((0, "none"), (5, "sparse"), (15, "moderate"), (30, "dense"))
"""The density classes of an image, with their largest number of requested objects; above them ``crowded``."""


def density_word(count: int) -> str:
    """Return the density class of an object count."""
    return next((word for most, word in DENSITIES if count <= most), "crowded")


def listed(parts: Sequence[str]) -> str:
    """Return the parts as an enumeration: "a", "a and b", "a, b and c"."""
    return " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), parts[-1]])


def timing(frames: Sequence[int], fps: float) -> str:
    """Return a phrase with the frame numbers and the frame rate of a video."""
    return f"frames {listed([str(frame) for frame in frames])} of a video at {round(fps, 3):g} frames per second"


def size_word(percent: float) -> str:
    """Return the size class of a region by its share of the image."""
    return next((word for most, word in SIZES if percent < most), LARGE)


def in_image(size: str) -> str:
    """Return a size class with the reference of its percentages: ``small (0.1 to 1 % of the image)``."""
    return f"{size.removesuffix(')')} of the image)"


def place_text(row: str, column: str) -> str:
    """Return the name of one of the nine parts of an image."""
    return "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"


def third(at: float, side: float) -> int:
    """Return the third of a side that contains a position: 0, 1 or 2."""
    return min(int(3 * at / side), 2)


def place_of(x: float, y: float, width: float, height: float) -> str:
    """Return the name of the part of an image that contains a point."""
    return place_text(ROWS[third(y, height)], COLUMNS[third(x, width)])


def borders_text(touched: Sequence[bool]) -> str:
    """Return a phrase for the borders that a region touches, in the order of ``BORDERS``."""
    found = [border for border, yes in zip(BORDERS, touched, strict=True) if yes]
    return f"the {listed(found)} border{'s' if len(found) > 1 else ''}" if found else "no border"
