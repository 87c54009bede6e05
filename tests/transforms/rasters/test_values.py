"""The channel of a mask file that is declared is the one that is read; a file without it is refused."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import MaskLayer

PIXELS = np.zeros((4, 6, 4), np.uint8)
PIXELS[1:3, 1:4] = (9, 8, 7, 255)


def read(pixels: Any, channel: str, form: str = "PNG") -> list[int]:
    """The values of the mask at a background pixel and in its object."""
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, form)
    found = read_codes(MaskLayer(member="m.png", kind="binary", channel=channel), lambda _: held.getvalue())
    return [int(found[0, 0]), int(found[1, 1])]


@pytest.mark.parametrize(("channel", "value"), [("alpha", 255), ("r", 9), ("g", 8), ("b", 7)])
def test_a_declared_channel_is_read(channel: str, value: int) -> None:
    assert [0, value] == read(PIXELS, channel)


@pytest.mark.parametrize(
    ("pixels", "form"), [(PIXELS[..., :3], "PNG"), (PIXELS[..., 0], "PNG"), (PIXELS[..., 0], "JPEG")]
)
def test_a_mask_without_the_declared_channel_is_refused(pixels: Any, form: str) -> None:
    with pytest.raises(ImageProblem, match="no alpha channel|does not keep the exact colours"):
        read(pixels, "alpha", form)
