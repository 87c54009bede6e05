"""Words with a fixed meaning that prompts and answers use; whoever asks and whoever checks must agree on them."""

from collections.abc import Mapping, Sequence
from typing import Final

REFERENTS: Final[Mapping[str, str]] = {
    "leftmost": "leftmost {name}",
    "rightmost": "rightmost {name}",
    "topmost": "topmost {name}",
    "lowest": "lowest {name}",
    "largest": "largest {name}",
    "smallest": "smallest {name}",
    "central": "{name} nearest to the centre of the image",
    "only": "only {name}",
}
"""What singles an object out among those of its name; margins stand in docs/tasks.md."""

SIDE_MARGIN: Final = 0.05  # of the image's width, height or diagonal, between the first and the second
SIZE_MARGIN: Final = 1.25  # times the area of the second

DENSITIES: Final = ((0, "none"), (5, "sparse"), (15, "moderate"), (30, "dense"))
"""The density of an image by its objects of all classes asked for: at most so many, else ``crowded``."""


def density_word(count: int) -> str:
    """The density class of a number of objects in an image."""
    return next((word for most, word in DENSITIES if count <= most), "crowded")


def listed(parts: Sequence[str]) -> str:
    """The parts as an enumeration: "a", "a and b", "a, b and c"."""
    return " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), parts[-1]])
