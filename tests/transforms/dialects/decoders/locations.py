"""Read back the facts of PaliGemma and Florence-2 entries."""

from collections.abc import Mapping
from typing import Any

from medmultipoints.transforms.dialects.conversations.answers import Facts
from medmultipoints.transforms.dialects.conversations.locations import (
    DETECT,
    read_florence,
    read_number,
    read_paligemma,
)
from medmultipoints.transforms.dialects.frames import Size


def decode_paligemma(line: Mapping[str, Any], size: Size) -> Facts:
    """Return the facts of a line, in pixels. Inverse of ``encode_paligemma`` within half a 1,023rd of each side."""
    read = read_paligemma if str(line["prefix"]).startswith(DETECT) else read_number
    return read(str(line["suffix"]), size) or Facts(())


def decode_florence(line: Mapping[str, Any], size: Size) -> Facts:
    """Return the facts of a line, in pixels. Inverse of ``encode_florence`` within half a 1,000th of each side."""
    return read_florence(str(line["suffix"]), size) or Facts(())
