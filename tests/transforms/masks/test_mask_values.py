"""Masks that are not plain white on black are read correctly or rejected with a reason, never read as empty or full."""

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.masks.mask_values import read_values
from medmultipoints.transforms.pictures.decode import ImageProblem
from medmultipoints.transforms.records import Exclusion, MaskLayer, MaskObject, Sample
from medmultipoints.transforms.regions.derive import Derived, DeriveParameters, derive_sample
from medmultipoints.transforms.sources.pairs.stated_masks import check_values, state_masks

WIDTH, HEIGHT = 96, 72
OBJECT = (20.0, 10.0, 60.0, 50.0)
LABEL = "polyps"
Array = NDArray[Any]


def square(inside: Any = 255, outside: Any = 0, dtype: Any = np.uint8) -> Array:
    """Columns 20 to 59 and rows 10 to 49 inside."""
    mask = np.full((HEIGHT, WIDTH), outside, dtype)
    mask[10:50, 20:60] = inside
    return mask


def png(mask: Array) -> bytes:
    return bytes(cv2.imencode(".png", mask)[1].tobytes())


def halves(left: int, right: int, dtype: Any = np.uint8) -> Array:
    """Two areas that touch: columns 20 to 39 and 40 to 59."""
    mask = square(left, dtype=dtype)
    mask[10:50, 40:60] = right
    return mask


def by_pillow(mask: Array, mode: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(mask) if mode != "1" else Image.fromarray(mask).convert("1")
    assert image.mode == mode
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def palette(indices: Array, colours: Mapping[int, tuple[int, int, int]], **options: Any) -> bytes:
    image = Image.fromarray(indices).convert("L")
    indexed = Image.frombytes("P", image.size, image.tobytes())
    flat = [0] * 3 * (max(colours) + 1)
    for index, colour in colours.items():
        flat[3 * index : 3 * index + 3] = colour
    indexed.putpalette(flat)
    buffer = io.BytesIO()
    indexed.save(buffer, "PNG", **options)
    return buffer.getvalue()


def layers(*channels: Array) -> bytes:
    return by_pillow(np.dstack(channels), {2: "LA", 4: "RGBA"}[len(channels)])


def beyond_palette() -> bytes:
    """A palette of two colours, and an index 5 in the pixels."""
    rows = b"".join(b"\0" + row.tobytes() for row in square(5))
    return chunks(
        (b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes([0, 0, 0, 255, 255, 255])),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )


def chunks(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + body


def by_quality(mask: Array, quality: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.dstack([mask] * 3), quality=quality, colorspace="RGB"))


def jpeg(mask: Array) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(np.dstack([mask] * 3)), quality=92, colorspace="RGB"))


def derive(mask: bytes, **parameters: Any) -> Derived | Exclusion:
    picture = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    name = "m.jpg" if mask.startswith(b"\xff\xd8") else "m.png"
    sample = Sample(
        source="s",
        stem="a",
        image_member="a.png",
        mask_member=name,
        mask_label=LABEL,
        organ="",
        finding="",
        classification="",
        labels_exhaustive=(LABEL,),
    )
    members = {"a.png": png(picture), name: mask}
    return derive_sample(sample, members.__getitem__, DeriveParameters(**parameters))


BLACK, WHITE = np.zeros((HEIGHT, WIDTH), np.uint8), np.full((HEIGHT, WIDTH), 255, np.uint8)
SOFT = cv2.GaussianBlur(square(), (9, 9), 2.5)
VOC = {1: (128, 0, 0), 8: (64, 0, 0)}

SMALL = cv2.rectangle(BLACK.copy(), (75, 20), (79, 24), 1, -1)
"""25 pixels away from the square."""


def with_small(value: int) -> Array:
    return np.maximum(square(), SMALL * np.uint8(value))


def diagonal(first: int) -> Array:
    """Eight objects of 5 x 5 pixels and of eight numbers, each touching the next at a corner."""
    mask = BLACK.copy()
    for i in range(8):
        mask[2 + 5 * i : 7 + 5 * i, 10 + 5 * i : 15 + 5 * i] = first + i
    return mask


def packed(mask: Array, depth: int) -> bytes:
    """A gray PNG of 2 or 4 bits a pixel."""
    rows = b"".join(b"\0" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, -depth:]).tobytes() for row in mask)
    return chunks(
        (b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )


def animated(*masks: Array) -> bytes:
    buffer = io.BytesIO()
    first, *others = map(Image.fromarray, masks)
    first.save(buffer, "PNG", save_all=True, append_images=others, duration=100)
    return buffer.getvalue()


READ: dict[str, bytes] = {
    "2 bits": packed(square(3), 2),
    "4 bits": packed(square(15), 4),
    "decoded from a JPEG of low quality": png(cv2.imdecode(np.frombuffer(by_quality(square(), 10), np.uint8), 0)),
    "JPEG of low quality": by_quality(square(), 20),
    "faint noise": png(np.maximum(square(), np.random.default_rng(1).integers(0, 9, square().shape).astype(np.uint8))),
    "red, half transparent": layers(square(), BLACK, BLACK, square(128)),
    "8 bits": png(square()),
    "white 200": png(square(200)),
    "1 bit": by_pillow(square(), "1"),
    "16 bits, full": png(square(65535, dtype=np.uint16)),
    "16 bits, 8-bit values": png(square(255, dtype=np.uint16)),
    "16 bits, instance number 300": png(square(300, dtype=np.uint16)),
    "16 bits of three colours": png(np.dstack([square(65535, dtype=np.uint16)] * 3)),
    "red on black": png(np.dstack([BLACK, BLACK, square()])),
    "palette of VOC, index 1": palette(square(1), VOC),
    "palette with a transparent white background": palette(
        square(1), {0: (255, 255, 255), 1: (255, 255, 255)}, transparency=0
    ),
    "gray and alpha, all white": layers(WHITE, square()),
    "colours and alpha, all white": layers(WHITE, WHITE, WHITE, square()),
    "opaque alpha": layers(square(), square(), square(), WHITE),
    "alpha the same everywhere": layers(square(), np.full_like(WHITE, 90)),
    "soft edge": png(SOFT),
    "soft edge, JPEG": jpeg(SOFT),
    "JPEG": jpeg(square()),
    "JPEG with a background of 3": jpeg(square(outside=3)),
    "background 1": png(square(outside=1)),
    "background 90": png(square(outside=90)),
}


@pytest.mark.parametrize("kind", READ)
def test_a_mask_that_says_what_it_shows_is_read(kind: str) -> None:
    found = derive(READ[kind])
    assert isinstance(found, Derived), found
    (region,) = found.regions
    box = region.box
    near = 2.5 if "edge" in kind else 0
    assert [box.x1, box.y1, box.x2, box.y2] == pytest.approx(OBJECT, abs=near)
    assert found.image.annotated


REJECTED: dict[str, tuple[bytes, str, str]] = {
    "0 and 1": (png(square(1)), "mask_below_threshold", "values found: 0, 1"),
    "class number 2": (png(square(2)), "mask_below_threshold", "threshold = 2 in [boxes]"),
    "classes 1 and 2": (
        png(np.maximum(square(1), np.flipud(square(2)))),
        "mask_below_threshold",
        "values found: 0, 1, 2",
    ),
    "dim gray": (png(square(100)), "mask_below_threshold", "largest value is 100"),
    "one below the threshold": (png(square(127)), "mask_below_threshold", "largest value is 127"),
    "dim JPEG": (jpeg(square(100)), "mask_below_threshold", "objects begin at 128"),
    "one faint pixel": (png(np.where(np.arange(96) == 40, 1, BLACK).astype(np.uint8)), "mask_below_threshold", "0, 1"),
    "16 bits, 0 and 1": (png(square(1, dtype=np.uint16)), "mask_below_threshold", "values found: 0, 1"),
    "16 bits of three colours, 0 and 1": (
        png(np.dstack([square(1, dtype=np.uint16)] * 3)),
        "mask_below_threshold",
        "0, 1",
    ),
    "16 bits, dim": (png(square(90, dtype=np.uint16)), "mask_below_threshold", "largest value is 90"),
    "gray palette, index 1": (palette(square(1), {1: (1, 1, 1)}), "mask_below_threshold", "values found: 0, 1"),
    "palette of VOC, index 8": (palette(square(8), VOC), "mask_below_threshold", "values found: 0, 64"),
    "a dark palette": (palette(square(3), {3: (0, 40, 60)}), "mask_below_threshold", "largest value is 60"),
    "class 1 and a white border": (
        png(np.maximum(square(1), cv2.rectangle(BLACK.copy(), (70, 5), (90, 30), 255, -1))),
        "mask_values_undeclared",
        "several values below 128 (0, 1)",
    ),
    "instances 3 and 200": (png(np.maximum(square(3), np.rot90(square(200), 2))), "mask_values_undeclared", "0, 3"),
    "VOC classes 1 and 8": (
        palette(
            np.maximum(square(8), cv2.rectangle(BLACK.copy(), (70, 5), (90, 30), 9, -1)),
            {8: (64, 0, 0), 9: (192, 0, 0)},
        ),
        "mask_values_undeclared",
        "0, 64",
    ),
    "16-bit instances 3 and 400, apart": (
        png(np.maximum(square(3, dtype=np.uint16), np.rot90(square(400, dtype=np.uint16), 2))),
        "mask_values_undeclared",
        "0, 3",
    ),
    "JPEG of three levels": (
        jpeg(np.maximum(square(70), cv2.rectangle(BLACK.copy(), (68, 5), (92, 66), 255, -1))),
        "mask_values_undeclared",
        "below 128",
    ),
    "object in alpha alone": (layers(BLACK, BLACK, BLACK, square()), "mask_alpha_only", "transparency"),
    "black on transparent white": (layers(WHITE - square(), square()), "mask_alpha_only", "transparency"),
    "nothing but transparency": (layers(square(), BLACK), "mask_transparent", "fully transparent"),
    "half transparent": (layers(WHITE, square(100)), "mask_below_threshold", "largest value is 100"),
    "index beyond the palette": (beyond_palette(), "mask_palette_index_invalid", "palette index 5"),
    "classes 200 and 255, which touch": (png(halves(200, 255)), "mask_values_undeclared", "from 128 on (200, 255)"),
    "instances 254 and 255": (png(halves(254, 255)), "mask_values_undeclared", "from 128 on (254, 255)"),
    "16-bit instances 200 and 300": (
        png(halves(200, 300, np.uint16)),
        "mask_values_undeclared",
        "from 128 on (200, 300)",
    ),
    "16-bit, full range, two levels": (
        png(halves(40000, 65535, np.uint16)),
        "mask_values_undeclared",
        "from 32768 on (40000, 65535)",
    ),
    "white on gray 130": (png(square(255, 130)), "mask_values_undeclared", "from 128 on (130, 255)"),
    "half transparent white around an opaque object": (
        layers(WHITE, square(255, 128)),
        "mask_values_undeclared",
        "from 128 on (128, 255)",
    ),
    "VOC classes 1 and 2": (
        palette(halves(1, 2), {1: (128, 0, 0), 2: (0, 128, 0)}),
        "mask_colours_undeclared",
        "2 colours (0,128,0; 128,0,0)",
    ),
    "red and blue": (png(np.dstack([halves(255, 0), BLACK, halves(0, 255)])), "mask_colours_undeclared", "255,0,0"),
    "white on blue": (png(np.dstack([WHITE, square(), square()])), "mask_colours_undeclared", "0,0,255"),
    "a small object of class 1": (png(with_small(1)), "mask_values_undeclared", "below 128 (0, 1)"),
    "a small object of gray 100": (png(with_small(100)), "mask_values_undeclared", "below 128 (0, 100)"),
    "a small dim object, JPEG": (
        jpeg(with_small(60)),
        "mask_values_undeclared",
        "save the mask as PNG and set mask_values",
    ),
    "small instances 3 to 10": (png(np.maximum(square(), diagonal(3))), "mask_values_undeclared", "below 128"),
    "small instances 200 to 207, which touch": (png(diagonal(200)), "mask_values_undeclared", "200, 201"),
    "2 bits, class 1": (packed(square(1), 2), "mask_below_threshold", "threshold = 85 in [boxes]"),
    "4 bits, classes 8 and 15": (packed(halves(8, 15), 4), "mask_values_undeclared", "136, 255"),
    "JPEG, class 1": (jpeg(square(1)), "mask_below_threshold", "not exact enough"),
    "JPEG, dim and noisy": (by_quality(square(40), 10), "mask_below_threshold", "threshold = 35 in [boxes], or save"),
    "animated, empty first": (animated(BLACK, square()), "mask_unreadable_image", "animated"),
    "animated, empty last": (animated(square(), BLACK), "mask_unreadable_image", "animated"),
    "inverted": (png(255 - square()), "mask_inverted", "inverted"),
    "inverted, JPEG": (jpeg(255 - square()), "mask_inverted", "inverted"),
    "inverted by transparency": (layers(WHITE, 255 - square()), "mask_inverted", "inverted"),
    "inverted, two objects": (
        png(255 - np.maximum(square(), cv2.rectangle(BLACK.copy(), (70, 5), (90, 30), 255, -1))),
        "mask_inverted",
        "inverted",
    ),
}


@pytest.mark.parametrize("kind", REJECTED)
def test_a_mask_that_does_not_is_rejected_by_name(kind: str) -> None:
    """The reason names the kind, the detail the values that were found."""
    mask, reason, named = REJECTED[kind]
    found = derive(mask)
    assert isinstance(found, Exclusion)
    assert (found.verdict, found.reason) == ("rejected", reason)
    assert named in found.detail


@pytest.mark.parametrize(
    ("mask", "threshold"),
    [
        (png(square(1)), 1),
        (png(square(100)), 100),
        (png(square(1, dtype=np.uint16)), 1),
        (png(square(300, dtype=np.uint16)), 300),
        (png(square(40000, outside=39999, dtype=np.uint16)), 40000),
        (palette(square(8), VOC), 64),
        (png(np.maximum(square(2), cv2.rectangle(BLACK.copy(), (70, 5), (90, 30), 1, -1))), 2),
    ],
)
def test_a_declared_threshold_reads_the_numbers_of_the_file(mask: bytes, threshold: int) -> None:
    found = derive(mask, threshold=threshold)
    assert isinstance(found, Derived), found
    assert [(r.box.x1, r.box.y1, r.box.x2, r.box.y2) for r in found.regions] == [OBJECT]
    assert found.image.annotated


@pytest.mark.parametrize("mask", [png(halves(1, 2)), png(halves(1, 300, np.uint16)), png(halves(200, 255))])
def test_a_declared_threshold_never_joins_what_touches(mask: bytes) -> None:
    found = derive(mask, threshold=1)
    assert isinstance(found, Exclusion)
    assert found.reason == "mask_values_merged"
    assert "mask_values in [sources.NAME]" in found.detail


def test_a_threshold_in_the_noise_of_a_jpeg_is_refused() -> None:
    """It would make objects of the ringing around them."""
    found = derive(by_quality(square(), 60), threshold=1)
    assert isinstance(found, Exclusion)
    assert found.reason == "mask_threshold_in_noise"
    assert "Set threshold = 128 in [boxes]" in found.detail
    assert isinstance(derive(by_quality(square(), 60), threshold=100), Derived)


@pytest.mark.parametrize("mask", [png(BLACK), png(BLACK.astype(np.uint16)), jpeg(BLACK), layers(BLACK, WHITE)])
@pytest.mark.parametrize("threshold", [None, 1, 255, 65535])
def test_a_mask_of_zeros_alone_is_empty_under_any_threshold(mask: bytes, threshold: int | None) -> None:
    found = derive(mask, threshold=threshold)
    assert isinstance(found, Derived), found
    assert (found.regions, found.image.annotated) == ((), True)


@pytest.mark.parametrize(
    "mask",
    [
        png(WHITE),
        png(cv2.rectangle(BLACK.copy(), (0, 0), (95, 71), 255, 3)),
        png(cv2.line(cv2.line(BLACK.copy(), (0, 0), (95, 71), 255, 5), (95, 0), (0, 71), 255, 5)),
        png(cv2.rectangle(BLACK.copy(), (0, 0), (94, 71), 255, -1)),
        png(cv2.rectangle(255 - square(), (0, 0), (95, 71), 0, 10)),  # inverted inside a black border
        png(cv2.rectangle(255 - square(), (0, 0), (9, 71), 0, -1)),
    ],
)
def test_an_object_as_large_as_the_frame_settles_nothing_else(mask: bytes) -> None:
    """It is kept with a finding, but no label of the image counts as exhaustive."""
    found = derive(mask)
    assert isinstance(found, Derived), found
    assert (len(found.regions), found.image.annotated) == (1, False)


def layered(mask: bytes) -> Derived | Exclusion:
    """The same mask as the layer of a declared source."""
    picture = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    name = "m.jpg" if mask.startswith(b"\xff\xd8") else "m.png"
    sample = Sample(
        source="s",
        stem="a",
        image_member="a.png",
        layers=(MaskLayer(member=name, kind="binary", label=LABEL, min_area_px=20),),
        organ="",
        finding="",
        classification="",
        labels_exhaustive=(LABEL,),
    )
    return derive_sample(sample, {"a.png": png(picture), name: mask}.__getitem__, DeriveParameters())


@pytest.mark.parametrize("kind", [kind for kind in READ if "300" not in kind and "90" not in kind])
def test_a_declared_binary_mask_is_read_alike(kind: str) -> None:
    found = layered(READ[kind])
    assert isinstance(found, Derived), found
    (region,) = found.regions
    near = 2.5 if "edge" in kind else 0
    assert [region.box.x1, region.box.y1, region.box.x2, region.box.y2] == pytest.approx(OBJECT, abs=near)
    assert found.image.annotated


@pytest.mark.parametrize("kind", REJECTED)
def test_a_declared_binary_mask_never_becomes_empty_or_the_frame(kind: str) -> None:
    """In a binary mask of 0 and 1, 1 is the object; other unclear values are rejected with a reason."""
    found = layered(REJECTED[kind][0])
    if isinstance(found, Exclusion):
        assert found.reason.startswith("mask_")
        return
    assert kind in {"0 and 1", "16 bits, 0 and 1", "16 bits of three colours, 0 and 1", "gray palette, index 1"} | {
        "one faint pixel"
    }
    assert all((r.box.x1, r.box.y1, r.box.x2, r.box.y2) == OBJECT for r in found.regions) or kind == "one faint pixel"


@pytest.mark.parametrize("mask", [png(WHITE), png(cv2.rectangle(BLACK.copy(), (0, 0), (95, 71), 255, 3))])
def test_a_declared_mask_as_large_as_the_frame_settles_nothing(mask: bytes) -> None:
    found = layered(mask)
    assert isinstance(found, Derived), found
    assert not found.image.annotated


LEFT, RIGHT = (20.0, 10.0, 40.0, 50.0), (40.0, 10.0, 60.0, 50.0)


def stated(mask: bytes, values: Mapping[str, str], objects: MaskObject = "component") -> Derived | Exclusion:
    """The mask of a source whose recipe says what its values mean."""
    picture = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    facts = {"organ": "", "finding": "", "classification": "", "labels_exhaustive": (LABEL,)}
    name = "m.jpg" if mask.startswith(b"\xff\xd8") else "m.png"
    plain = Sample(source="s", stem="a", image_member="a.png", mask_member=name, mask_label=LABEL, **facts)  # type: ignore[arg-type]
    members = {"a.png": png(picture), name: mask}
    return derive_sample(state_masks(plain, values, objects), members.__getitem__, DeriveParameters())


@pytest.mark.parametrize(
    ("mask", "values", "objects", "boxes"),
    [
        (png(halves(1, 2)), "1 2", "component", [OBJECT]),
        (png(halves(1, 2)), "1 2", "value", [LEFT, RIGHT]),
        (png(halves(1, 300, np.uint16)), "1 300", "value", [LEFT, RIGHT]),
        (png(halves(40000, 65535, np.uint16)), "40000 65535", "value", [LEFT, RIGHT]),
        (palette(halves(1, 2), {1: (128, 0, 0), 2: (0, 128, 0)}), "1 2", "value", [LEFT, RIGHT]),
        (palette(halves(1, 2), {1: (128, 0, 0), 2: (0, 128, 0)}), "128,0,0 0,128,0", "value", [LEFT, RIGHT]),
        (png(np.dstack([halves(255, 0), BLACK, halves(0, 255)])), "255,0,0 0,0,255", "value", [LEFT, RIGHT]),
        (png(square()), "255,255,255", "component", [OBJECT]),
        (by_pillow(square(), "1"), "1", "component", [OBJECT]),
    ],
)
def test_stated_values_are_read_as_the_file_has_them(
    mask: bytes, values: str, objects: MaskObject, boxes: list[tuple[float, ...]]
) -> None:
    found = stated(mask, dict.fromkeys(values.split(), LABEL), objects)
    assert isinstance(found, Derived), found
    assert boxes == [(r.box.x1, r.box.y1, r.box.x2, r.box.y2) for r in found.regions]
    assert found.image.annotated


@pytest.mark.parametrize(
    ("mask", "values"),
    [
        (png(halves(1, 3)), {"1": LABEL, "2": LABEL}),
        (png(square()), {"0,0,255": LABEL}),  # gray 255 is white, not blue
        (jpeg(square()), {"255,255,255": LABEL}),
    ],
)
def test_a_mask_of_other_values_than_stated_is_rejected(mask: bytes, values: Mapping[str, str]) -> None:
    found = stated(mask, values)
    assert isinstance(found, Exclusion)
    assert found.reason in ("mask_value_unknown", "mask_unreadable_image")


def test_areas_of_which_nothing_is_said_settle_nothing() -> None:
    """An ignored border around an object is harmless; a separate ignored area may hide another object."""
    values = {"1": LABEL, "255": "ignore"}
    border = cv2.rectangle(square(1), (19, 9), (60, 50), 255, 1)
    for mask, settled in (
        (border, True),
        (square(), False),
        (np.maximum(square(1), cv2.rectangle(BLACK.copy(), (70, 5), (90, 30), 255, -1)), False),
    ):
        found = stated(png(mask), values)
        assert isinstance(found, Derived), found
        assert found.image.annotated == settled


@pytest.mark.parametrize(
    "values",
    [
        *({key: LABEL} for key in ("0", "65536", "1.5", "\u0661", "01", "1,2", "256,0,0", "", "-1")),
        {"1": "other"},
        {"1": LABEL, "255,0,0": LABEL},
    ],
)
def test_values_that_no_mask_has_are_refused(values: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="neither|not both"):
        check_values(values, [LABEL])


@pytest.mark.parametrize("largest", [255, 65535])
def test_objects_of_noise_are_refused_and_soft_edges_are_not(largest: int) -> None:
    """Any threshold tears an area apart whose pixels have all values; a blurred one keeps its shape."""
    kind = np.uint8 if largest == 255 else np.uint16
    noise = square(0, dtype=kind)
    noise[10:50, 20:60] = np.random.default_rng(1).integers(1, largest, (40, 40))
    with pytest.raises(ImageProblem, match="values_unclear: .* pixels inside of its areas differ .* as noise does"):
        read_values(noise, None)
    soft = cv2.GaussianBlur(square(largest, dtype=kind), (0, 0), 4)
    assert read_values(soft, None)[0].shape == soft.shape
