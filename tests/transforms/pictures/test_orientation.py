"""Orientation tags: removed or applied, so that every reader loads the frame of the boxes."""

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.orientation import (
    find_orientations,
    neutralise,
    turn_box,
    turn_pixels,
    turn_size,
)
from medmultipoints.transforms.records import Box, Exclusion, Sample, SourceBox
from medmultipoints.transforms.regions.derive import Derived, DeriveParameters, derive_sample

WIDTH, HEIGHT = 96, 72
BOX = Box(20, 10, 60, 50)
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {}/></x:xmpmeta>'


def pixels() -> NDArray[np.uint8]:
    blocks = np.random.default_rng(3).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((8, 8, 1), np.uint8))


def exif(value: int, order: str = "<") -> bytes:
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)


def save(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels()).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(kind: bytes, body: bytes, *, last: bool = False) -> bytes:
    data = save("PNG")
    at = len(data) - 12 if last else 33
    return data[:at] + chunk(kind, body) + data[at:]


def xmp(value: int) -> bytes:
    return XMP.format(f'tiff:Orientation="{value}"').encode()


def raw_profile(value: int) -> bytes:
    body = b"Exif\0\0" + exif(value)
    return b"\nexif\n%8d\n" % len(body) + body.hex().encode() + b"\n"


TAGGED = {
    "JPEG, EXIF, Intel": lambda v: save("JPEG", exif=b"Exif\0\0" + exif(v), quality=95),
    "JPEG, EXIF, Motorola": lambda v: save("JPEG", exif=b"Exif\0\0" + exif(v, ">"), quality=95),
    "JPEG, EXIF by Pillow": lambda v: save("JPEG", exif=by_pillow(v), quality=95),
    "JPEG, XMP attribute": lambda v: save("JPEG", xmp=xmp(v)),
    "JPEG, XMP element": lambda v: save("JPEG", xmp=b"<rdf><tiff:Orientation>%d</tiff:Orientation></rdf>" % v),
    "JPEG, EXIF and XMP": lambda v: save("JPEG", exif=b"Exif\0\0" + exif(v), xmp=xmp(v)),
    "PNG, eXIf": lambda v: png_with(b"eXIf", exif(v)),
    "PNG, eXIf at the end": lambda v: png_with(b"eXIf", exif(v, ">"), last=True),
    "PNG, XMP": lambda v: png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(v)),
    "PNG, compressed XMP": lambda v: png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(v))),
    "PNG, raw profile": lambda v: png_with(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(v))),
}


def by_pillow(value: int) -> bytes:
    made = Image.Exif()
    made[0x0112] = value
    made[0x010F] = "a maker with a long name"
    return made.tobytes()


def as_loaded(data: bytes) -> NDArray[np.uint8]:
    """As the Hub's library loads it: turned by its tag."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("value", range(2, 9))
def test_a_tag_is_taken_out_without_touching_pixels(kind: str, value: int) -> None:
    """Pillow and OpenCV then load the stored pixels."""
    tagged = TAGGED[kind](value)
    assert find_orientations(tagged) == {value}
    made = neutralise(tagged)
    assert made is not None
    assert find_orientations(made) == frozenset()
    stored = decode_image(tagged).pixels
    assert np.array_equal(decode_image(made).pixels, stored)
    assert np.array_equal(as_loaded(made), as_loaded(neutralise(made) or b""))
    assert as_loaded(made).shape == stored.shape
    loaded = cv2.cvtColor(cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert loaded.shape == stored.shape
    assert np.abs(loaded.astype(int) - stored).mean() < 2


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("value", [0, 1, 9])
def test_other_values_turn_nothing(kind: str, value: int) -> None:
    assert find_orientations(TAGGED[kind](value)) == frozenset()


@pytest.mark.parametrize(
    "data", [save("JPEG"), save("PNG"), save("JPEG", exif=b"Exif\0\0broken"), save("JPEG", progressive=True)]
)
def test_a_file_without_a_tag_is_left_alone(data: bytes) -> None:
    assert find_orientations(data) == frozenset()


@pytest.mark.parametrize("value", range(2, 9))
def test_pixels_are_turned_as_pillow_turns_them(value: int) -> None:
    expected = as_loaded(TAGGED["PNG, eXIf"](value))
    turned = turn_pixels(pixels(), value)
    assert np.array_equal(turned, expected)
    assert turn_size(WIDTH, HEIGHT, value) == (turned.shape[1], turned.shape[0])


@pytest.mark.parametrize("value", range(2, 9))
def test_a_box_is_turned_with_its_pixels(value: int) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:50, 20:60] = 255
    x, y, width, height = cv2.boundingRect(turn_pixels(mask, value))
    assert turn_box(BOX, value, WIDTH, HEIGHT) == Box(x, y, x + width, y + height)


def same(found: Derived, expected: NDArray[np.uint8]) -> bool:
    """Whether the released picture is the expected one, but for the few colours of a palette."""
    shown = as_loaded(found.stored or b"")
    return shown.shape == expected.shape and float(np.abs(shown.astype(int) - expected).mean()) < 12


def indexed_tiff(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels()).quantize(256).save(buffer, "TIFF", tiffinfo={0x0112: value})
    return buffer.getvalue()


NAMES = {"a.png": b"\x89PNG", "a.jpg": b"\xff\xd8", "a.tif": b"II*", "a.webp": b"RIFF"}
OTHERS = {
    "TIFF": lambda value: save("TIFF", tiffinfo={0x0112: value}),
    "TIFF, packed": lambda value: save("TIFF", tiffinfo={0x0112: value}, compression="tiff_lzw"),
    "TIFF, palette": lambda value: indexed_tiff(value),
    "WebP, EXIF": lambda value: save("WEBP", lossless=True, exif=b"Exif\0\0" + exif(value)),
    "WebP, XMP": lambda value: save("WEBP", lossless=True, xmp=xmp(value)),
}


def derive(
    data: bytes,
    orientation: Any,
    *,
    mask_tag: int | None = None,
    stated: tuple[int, int] = (WIDTH, HEIGHT),
    drawn_on: Any = None,
) -> Any:
    name = next(name for name, begins in NAMES.items() if data.startswith(begins))
    mask = np.zeros((stated[1], stated[0]), np.uint8)
    mask[10:50, 20:60] = 255
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", **({"exif": exif(mask_tag)} if mask_tag else {}))
    sample = Sample(
        source="s",
        stem="a",
        image_member=name,
        mask_member="m.png",
        mask_label="polyps",
        organ="",
        finding="",
        classification="",
        source_width=stated[0],
        source_height=stated[1],
        source_boxes=(SourceBox("polyps", BOX),),
        drawn_on=drawn_on,
    )
    return derive_sample(
        sample, {name: data, "m.png": buffer.getvalue()}.__getitem__, DeriveParameters(orientation=orientation)
    )


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("value", [2, 3, 6, 8])
def test_stored_keeps_pixels_and_boxes_and_says_so(kind: str, value: int) -> None:
    found = derive(TAGGED[kind](value), "stored")
    assert isinstance(found, Derived), found
    assert found.image.orientation_done == f"removed {value}"
    assert found.stored is not None
    assert as_loaded(found.stored).shape == (HEIGHT, WIDTH, 3)
    assert (found.image.width, found.image.height) == (WIDTH, HEIGHT)
    assert {region.box for region in found.regions} == {BOX}


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("value", range(2, 9))
def test_displayed_turns_picture_mask_and_boxes_alike(kind: str, value: int) -> None:
    tagged = TAGGED[kind](value)
    found = derive(tagged, "displayed")
    assert isinstance(found, Derived), found
    assert found.image.orientation_done == f"applied {value}"
    assert found.stored is not None
    assert np.array_equal(as_loaded(found.stored), turn_pixels(decode_image(tagged).pixels, value))
    assert {region.box for region in found.regions} == {turn_box(BOX, value, WIDTH, HEIGHT)}


@pytest.mark.parametrize("value", [5, 6, 7, 8])
def test_an_annotation_of_the_displayed_size_is_not_turned_again(value: int) -> None:
    found = derive(TAGGED["JPEG, EXIF, Intel"](value), "displayed", stated=(HEIGHT, WIDTH))
    assert isinstance(found, Derived), found
    assert {region.box for region in found.regions} == {BOX}
    assert (found.image.width, found.image.height) == (HEIGHT, WIDTH)


def test_an_annotation_of_the_other_frame_is_rejected_by_name() -> None:
    found = derive(TAGGED["JPEG, EXIF, Intel"](6), "stored", stated=(HEIGHT, WIDTH))
    assert isinstance(found, Exclusion)
    assert found.reason == "size_mismatch"
    assert "other frame" in found.detail


@pytest.mark.parametrize("kind", TAGGED)
def test_refuse_rejects_by_name(kind: str) -> None:
    found = derive(TAGGED[kind](6), "refuse")
    assert isinstance(found, Exclusion)
    assert found.reason == "orientation_tag"
    assert "orientation 6" in found.detail


def test_tags_that_contradict_each_other_cannot_be_applied() -> None:
    both = save("JPEG", exif=b"Exif\0\0" + exif(3), xmp=xmp(6))
    found = derive(both, "displayed")
    assert isinstance(found, Exclusion)
    assert "3 and 6" in found.detail
    assert derive(both, "stored").image.orientation_done == "removed 3 and 6"


def test_a_mask_with_a_tag_of_its_own_is_rejected_by_name() -> None:
    found = derive(save("JPEG"), "stored", mask_tag=3)
    assert isinstance(found, Exclusion)
    assert found.reason == "mask_orientation_tag"
    assert isinstance(derive(TAGGED["PNG, eXIf"](3), "stored", mask_tag=3), Derived)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("value", range(2, 9))
def test_pictures_of_other_formats_are_treated_alike(kind: str, value: int) -> None:
    """They are released as PNG, which holds no tag: it says what was done all the same."""
    data = OTHERS[kind](value)
    kept, shown = derive(data, "stored"), derive(data, "displayed")
    assert isinstance(kept, Derived), kept
    assert isinstance(shown, Derived), shown
    assert kept.image.orientation_done == f"removed {value}"
    assert same(kept, pixels())
    assert shown.image.orientation_done == f"applied {value}"
    assert same(shown, turn_pixels(pixels(), value))
    assert {region.box for region in shown.regions} == {turn_box(BOX, value, WIDTH, HEIGHT)}
    assert isinstance(derive(data, "refuse"), Exclusion)


@pytest.mark.parametrize("orientation", ["stored", "displayed"])
@pytest.mark.parametrize("kind", ["JPEG, EXIF, Intel", "PNG, eXIf", "TIFF", "WebP, EXIF"])
@pytest.mark.parametrize("value", [2, 3, 4, 6])
def test_annotations_declared_as_of_the_displayed_picture_turn_it_and_stay(
    orientation: str, kind: str, value: int
) -> None:
    """Of tags that keep the size only the declaration can say on which frame people drew."""
    data = (TAGGED | OTHERS)[kind](value)
    found = derive(data, orientation, stated=turn_size(WIDTH, HEIGHT, value), drawn_on="displayed")
    assert isinstance(found, Derived), found
    assert found.image.orientation_done == f"applied {value}"
    assert np.array_equal(as_loaded(found.stored or b""), turn_pixels(decode_any(data), value))
    assert {region.box for region in found.regions} == {BOX}
    assert isinstance(derive(data, "refuse", drawn_on="displayed"), Exclusion)
    tagged_mask = derive(
        data, orientation, mask_tag=value, stated=turn_size(WIDTH, HEIGHT, value), drawn_on="displayed"
    )
    assert tagged_mask.reason == "mask_orientation_tag"


def decode_any(data: bytes) -> NDArray[np.uint8]:
    return decode_image(data).pixels if data[:1] in b"\x89\xff" else pixels()
