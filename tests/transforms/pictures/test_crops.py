"""Crop names are parsed back to the same crop, and other names are not crops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.crops import Crop, crop_path, read_crop

SHA = "0123456789abcdef" * 4
CROP = Crop(SHA, 3, 0, 40, 28)


@st.composite
def crops(draw: st.DrawFn) -> tuple[Crop, int, int]:
    """A crop that lies in a picture, and the size of the picture."""
    width, height = (draw(st.integers(1, 999_999)) for _ in range(2))
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
    sha256 = draw(st.text("0123456789abcdef", min_size=64, max_size=64))
    return Crop(sha256, x1, y1, x2, y2), width, height


@given(crops())
def test_a_path_names_its_crop(drawn: tuple[Crop, int, int]) -> None:
    """Picture and edges are recovered from the path."""
    crop, width, height = drawn
    assert read_crop(crop_path(crop, width, height)) == crop


@given(crops(), crops())
def test_different_crops_have_different_paths(one: tuple[Crop, int, int], other: tuple[Crop, int, int]) -> None:
    """Different crops have different names."""
    assert (crop_path(*one) == crop_path(*other)) == (one[0] == other[0])


@given(st.text() | st.from_regex(r"images/[0-9a-f]{64}\.crop(\.-?[0-9]{1,7}){3,5}\.(png|jpg)", fullmatch=True))
def test_a_path_that_is_read_is_the_one_that_is_written(path: str) -> None:
    """There is one name for a crop: no other digits, signs, zeros in front or endings."""
    crop = read_crop(path)
    if crop is not None and crop.fits(999_999, 999_999):
        assert crop_path(crop, 999_999, 999_999) == path


def test_the_name_is_as_documented() -> None:
    """Left, top, right, bottom: the last column and row are left out."""
    assert crop_path(CROP, 40, 28) == f"images/{SHA}.crop.3.0.40.28.png"
    assert (CROP.width, CROP.height) == (37, 28)


@pytest.mark.parametrize(
    "path",
    [
        f"images/{SHA}.png",
        f"images/{SHA}.crop.3.0.40.28.jpg",
        f"images/{SHA}.crop.3.0.40.png",
        f"images/{SHA}.crop.03.0.40.28.png",
        f"images/{SHA}.crop.-3.0.40.28.png",
        f"images/{SHA}.crop.3.0.40.2٨.png",
        f"images/{SHA}.crop.3.0.40.28.png\n",
        f"images/../{SHA}.crop.3.0.40.28.png",
        f"images/{SHA[1:]}.crop.3.0.40.28.png",
    ],
)
def test_other_paths_are_no_crops(path: str) -> None:
    assert read_crop(path) is None


@pytest.mark.parametrize("size", [(39, 28), (40, 27)])
def test_a_crop_that_passes_the_edge_has_no_path(size: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="lies outside a picture of"):
        crop_path(CROP, *size)


@pytest.mark.parametrize("edges", [(3, 0, 3, 28), (3, 5, 40, 5), (9, 0, 3, 28), (-1, 0, 40, 28)])
def test_a_crop_without_pixels_has_no_path(edges: tuple[int, int, int, int]) -> None:
    with pytest.raises(DataError, match="has no pixel"):
        crop_path(Crop(SHA, *edges), 640, 480)
