"""Every damaged image has a reason, every valid file its pixels."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.pictures import decode as images
from medmultipoints.transforms.pictures.decode import (
    ImageProblem,
    check_extension,
    decode_image,
    decode_mask,
    detect_format,
    encode_jpeg,
    luma_blake3,
    pixel_sha256,
    resize_image,
)
from medmultipoints.transforms.pictures.scratch import Scratch
from medmultipoints.transforms.pictures.thumbnails import to_luma


def picture(width: int = 40, height: int = 30) -> NDArray[np.uint8]:
    """A smooth colour gradient, which survives JPEG well."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([across, down, 255 - across], axis=2).astype(np.uint8)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    return save(image, "PNG")


def reason_of(data: bytes) -> str:
    with pytest.raises(ImageProblem) as found:
        decode_image(data)
    with pytest.raises(ImageProblem) as of_mask:
        decode_mask(data)
    assert of_mask.value.reason == found.value.reason
    return found.value.reason


JPEG = encode_jpeg(picture())
PNG = png(Image.fromarray(picture()))


def test_a_jpeg_gives_the_pixels_that_pillow_reads() -> None:
    decoded = decode_image(JPEG)
    assert "jpg" == decoded.format
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(JPEG))), decoded.pixels)


def test_a_png_gives_its_pixels_exactly() -> None:
    decoded = decode_image(PNG)
    assert "png" == decoded.format
    assert np.array_equal(picture(), decoded.pixels)


def test_a_gray_jpeg_becomes_rgb() -> None:
    decoded = decode_image(save(Image.fromarray(picture()[..., 0]), "JPEG"))
    assert (30, 40, 3) == decoded.pixels.shape
    assert np.array_equal(decoded.pixels[..., 0], decoded.pixels[..., 2])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_becomes_rgb(mode: str) -> None:
    decoded = decode_image(png(Image.fromarray(picture()).convert(mode)))
    assert (30, 40, 3) == decoded.pixels.shape
    assert np.uint8 == decoded.pixels.dtype
    assert decoded.pixels.flags.c_contiguous


def test_alpha_is_left_out_and_not_blended() -> None:
    transparent = np.dstack([picture(), np.zeros((30, 40), np.uint8)])
    assert np.array_equal(picture(), decode_image(png(Image.fromarray(transparent))).pixels)


def test_a_16_bit_mask_keeps_its_numbers() -> None:
    values = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    assert [[0, 255, 256, 32768, 65535]] == decode_mask(png(Image.fromarray(values))).tolist()
    assert [0, 0, 1, 128, 255] == decode_image(png(Image.fromarray(values))).pixels[0, :, 1].tolist()


def test_the_exif_orientation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert (30, 40, 3) == decode_image(save(Image.fromarray(picture()), "JPEG", exif=exif)).pixels.shape


def test_a_gray_three_channel_jpeg_mask_is_read_as_its_gray() -> None:
    gray = np.repeat(picture()[..., :1], 3, axis=2)
    data = encode_jpeg(gray)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("L")), decode_mask(data))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_binary_png_mask_is_0_and_255_in_every_mode(mode: str) -> None:
    mask = np.zeros((6, 9), np.uint8)
    mask[2:5, 3:7] = 255
    assert np.array_equal(mask, decode_mask(png(Image.fromarray(mask).convert(mode))))


def test_the_saturated_colours_of_a_palette_mask_count_as_white() -> None:
    image = Image.new("P", (3, 1))
    for column in range(3):
        image.putpixel((column, 0), column)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    assert [[0, 255, 255]] == decode_mask(png(image)).tolist()


def test_no_bytes_are_an_empty_file() -> None:
    assert "empty_file" == reason_of(b"")


@pytest.mark.parametrize("data", [b"GIF89a......", b"<html></html>", b"\xff", b"\x89PNG", bytes(64)])
def test_bytes_that_are_neither_jpeg_nor_png_are_mislabelled(data: bytes) -> None:
    assert "mislabelled_image" == reason_of(data)


@pytest.mark.parametrize("kept", [4, 100, len(JPEG) // 2, len(JPEG) - 100, len(JPEG) - 2, len(JPEG) - 1])
def test_a_jpeg_that_ends_too_early_is_truncated(kept: int) -> None:
    assert "truncated_image" == reason_of(JPEG[:kept])


def test_a_jpeg_whose_tail_is_zeros_is_no_image() -> None:
    assert reason_of(JPEG[: len(JPEG) // 2] + bytes(len(JPEG) // 2)) in {"truncated_image", "unreadable_image"}


def test_a_damaged_jpeg_is_unreadable_and_says_what_the_decoder_said() -> None:
    damaged = bytearray(JPEG)
    table = damaged.find(b"\xff\xdb")
    damaged[table + 2 : table + 4] = b"\xff\xff"
    with pytest.raises(ImageProblem, match=r"^unreadable_image: JPEG decoder: .+"):
        decode_image(bytes(damaged))


@pytest.mark.parametrize("data", [JPEG, PNG], ids=["jpg", "png"])
def test_a_picture_beyond_the_largest_size_is_not_decoded(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 40 * 30 - 1)
    with pytest.raises(ImageProblem, match="40 x 30 pixels are more than the 1199 allowed"):
        decode_image(data)


@pytest.mark.parametrize("name", ["a.jpg", "folder/b.JPEG", "no-extension", "other.dat"])
def test_a_jpeg_may_have_any_name_that_does_not_say_png(name: str) -> None:
    check_extension(name, JPEG)


@pytest.mark.parametrize(
    ("name", "data", "detail"),
    [
        ("a.png", JPEG, "named as PNG, but its bytes are JPEG"),
        ("a.JPG", PNG, "named as JPEG, but its bytes are PNG"),
        ("a.jpg", b"GIF89a", "neither a JPEG nor a PNG file: it begins with 47 49 46 38 39 61"),
    ],
)
def test_a_name_that_says_another_format_is_mislabelled(name: str, data: bytes, detail: str) -> None:
    with pytest.raises(ImageProblem) as found:
        check_extension(name, data)
    assert ("mislabelled_image", detail) == (found.value.reason, found.value.detail)


def test_the_format_is_read_from_the_first_bytes() -> None:
    assert ("jpg", "png") == (detect_format(JPEG), detect_format(PNG))


def test_the_pixel_hash_is_that_of_size_and_bytes() -> None:
    black = np.zeros((1, 2, 3), np.uint8)
    assert hashlib.sha256(b"2x1" + bytes(6)).hexdigest() == pixel_sha256(black)
    assert blake3(b"2x1" + bytes(2)).hexdigest() == luma_blake3(to_luma(black))


def test_the_pixel_hash_sees_the_shape_and_not_the_memory_layout() -> None:
    pixels = picture()
    assert pixel_sha256(pixels) == pixel_sha256(np.asfortranarray(pixels))
    assert pixel_sha256(pixels) != pixel_sha256(pixels.reshape(40, 30, 3))


def test_encoding_is_the_same_each_time_and_says_its_quality() -> None:
    assert encode_jpeg(picture()) == encode_jpeg(picture()) == encode_jpeg(picture(), quality=95)
    assert len(encode_jpeg(picture(), quality=50)) < len(JPEG)


@pytest.mark.parametrize("resample", ["lanczos", "bicubic", "bilinear", "box"])
def test_resizing_gives_the_size_asked_for_by_pillows_filter(resample: images.Resample) -> None:
    expected = Image.fromarray(picture()).resize((20, 17), getattr(Image.Resampling, resample.upper()))
    assert np.array_equal(np.asarray(expected), resize_image(picture(), 20, 17, resample))


def test_resizing_to_the_same_size_changes_nothing() -> None:
    assert np.array_equal(picture(), resize_image(picture(), 40, 30, "lanczos"))


def test_every_real_file_decodes_as_pillow_decodes_it(real: Path) -> None:
    with zipfile.ZipFile(real / "hyper-kvasir/hyper-kvasir-segmented-images.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        for name in names:
            check_extension(name, archive.read(name))
        for name in names[::20]:
            data = archive.read(name)
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), decode_image(data).pixels)
    assert 240 == len(names)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=2, max_size=4))
def test_scratch_memory_changes_no_pixel(sizes: list[tuple[int, int]]) -> None:
    """Pictures of any size after another, each as if decoded into fresh memory."""
    scratch = Scratch()
    for number, (width, height) in enumerate(sizes):
        data = save(Image.fromarray(np.full((height, width, 3), 40 * number, np.uint8)), "JPEG")
        assert np.array_equal(decode_image(data, scratch).pixels, decode_image(data).pixels)
        assert np.array_equal(decode_mask(data, scratch), decode_mask(data))


def test_a_jpeg_of_unknown_subsampling_is_unreadable() -> None:
    """1 x 4: the decoder's own table has no name for it."""
    data = bytearray(JPEG)
    data[data.index(b"\xff\xc0") + 11] = 0x14
    with pytest.raises(ImageProblem, match=r"^unreadable_image: JPEG decoder: unknown subsampling"):
        decode_image(bytes(data))


@pytest.mark.parametrize(
    ("progressive", "times", "refused"),
    [(False, 1, None), (False, 2, "one scan"), (False, 300, "one scan"), (True, 1, None), (True, 300, "300 scans")],
)
def test_a_jpeg_of_very_many_scans_is_refused(progressive: bool, times: int, refused: str | None) -> None:
    """A progressive file is a pass over the picture for each scan; any other may have one scan of all colours."""
    data = save(Image.fromarray(picture()), "JPEG", progressive=progressive)
    start = data.index(b"\xff\xda")
    scan = data[start : data.find(b"\xff\xc4", start) if progressive else -2]
    made = data[:start] + times * scan + b"\xff\xd9"
    if refused is None:
        assert decode_image(made).pixels.shape == picture().shape
        return
    with pytest.raises(ImageProblem, match=refused):
        decode_image(made)
