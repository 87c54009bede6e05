"""Read back the facts of PixMo entries."""

from collections.abc import Mapping
from typing import Any

from medmultipoints.transforms.dialects.conversations.answers import Facts
from medmultipoints.transforms.dialects.conversations.molmo import read_points
from medmultipoints.transforms.dialects.frames import Size


def decode_answer(line: Mapping[str, Any], size: Size) -> Facts:
    """Return the facts of a line, in pixels, ordered by x, y.

    Inverse of ``molmo.encode`` within 0.05 % of each side.
    """
    return read_points(str(line["messages"][-1]["content"]), size) or Facts(())
