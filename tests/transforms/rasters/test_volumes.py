"""Pictures of other formats have the colours that other readers show, for any colour model."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from medmultipoints.transforms.pictures.decode import ImageProblem, colour_model
from medmultipoints.transforms.rasters.intensity import Rendering
from medmultipoints.transforms.rasters.volumes import render_file
from tests.transforms.sources.formats.scenes import SCENES

PIXELS = SCENES[0].pixels()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_tiff_of_any_colour_model_is_read_as_pillow_reads_it(mode: str, compression: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, "TIFF", compression=compression)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(expected, render_file(buffer.getvalue(), "a.tif", Rendering()))


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("width", "extra"), [(64, 0), (3, 0), (4, 0), (64, 1), (3, 1)])
def test_a_tiff_with_its_colours_in_planes_of_their_own_is_read(
    tile: tuple[int, int] | None, compression: str | None, width: int, extra: int
) -> None:
    """A width of three or four is never taken for the colours."""
    pixels = np.ascontiguousarray(PIXELS[:48, :width])
    opaque = np.full((*pixels.shape[:2], extra), 255, np.uint8)
    planes, buffer = np.moveaxis(np.concatenate([pixels, opaque], axis=2), 2, 0), io.BytesIO()
    names = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["unassalpha"] * extra}
    tifffile.imwrite(buffer, planes, tile=tile, compression=compression, **names)
    assert np.array_equal(pixels, render_file(buffer.getvalue(), "a.tif", Rendering()))


def test_16_bits_in_planes_are_those_of_whole_pixels() -> None:
    made = []
    for planar, values in (("contig", PIXELS), ("separate", np.moveaxis(PIXELS, 2, 0))):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values.astype(np.uint16) * 200, photometric="rgb", planarconfig=planar)
        made.append(render_file(buffer.getvalue(), "a.tif", Rendering()))
    assert np.array_equal(*made)


def test_a_tiff_of_a_colour_model_that_nobody_reads_is_refused() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.dstack([PIXELS, PIXELS[..., :1]]).astype(np.float32), photometric="separated")
    with pytest.raises(ImageProblem, match="cannot be read as a picture"):
        render_file(buffer.getvalue(), "a.tif", Rendering())


def test_16_bits_of_gray_are_a_colour_model_of_their_own() -> None:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[..., 0].astype(np.uint16)).save(buffer, "PNG")
    assert "gray16" == colour_model(buffer.getvalue())
