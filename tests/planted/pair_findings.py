"""What the audit is to find in image and mask sources, planted under the very names of its kinds of findings."""

import io
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from PIL import Image

from medmultipoints.transforms.sources.simulated.image_mask_pairs import Draft, box_entry, pair_mask
from medmultipoints.transforms.sources.simulated.images import (
    Pixels,
    decode_picture,
    draw_mucosa,
    encode_picture,
    stored_boxes,
)
from medmultipoints.transforms.sources.simulated.members import generator
from medmultipoints.transforms.sources.simulated.pair_faults import PairFault

Stated = tuple[int, int, int, int]
Ellipse = tuple[float, float, float, float]
"""Centre and half axes, as shares of width and height."""

ONE: tuple[Ellipse, ...] = ((0.5, 0.5, 0.15, 0.15),)
TWO: tuple[Ellipse, ...] = ((0.3, 0.4, 0.08, 0.08), (0.62, 0.55, 0.09, 0.1))
TEAL = (15, 165, 135)


def _redraw(
    shapes: Sequence[Ellipse],
    restate: Callable[[list[Stated], int, int], list[Stated]],
    retouch: Callable[[Pixels], None] = lambda _mask: None,
) -> PairFault:
    """Another mask: ellipses, then ``retouch``; the boxes of the ellipses as ``restate`` wants them."""

    def plant(draft: Draft, stem: str, _: str) -> str:
        mask = _draw(pair_mask(draft.source, draft.seed, stem).shape, shapes)
        height, width = mask.shape
        boxes = restate(stored_boxes(mask), width, height)
        draft.entries[stem] = {**draft.entries[stem], "bbox": [box_entry(draft.source.label, box) for box in boxes]}
        retouch(mask)
        draft.contents[draft.source.mask(stem)] = lambda: draft.source.encode_mask(mask)
        return draft.source.image(stem)

    return PairFault(plant, None)


def _draw(shape: tuple[int, ...], shapes: Sequence[Ellipse]) -> Pixels:
    height, width = shape
    mask = np.zeros((height, width), np.uint8)
    for x, y, across, down in shapes:
        axes = (round(across * width), round(down * height))
        cv2.ellipse(mask, (round(x * width), round(y * height)), axes, 0, 0, 360, 255, -1)
    return mask


def _union(boxes: list[Stated], _width: int, _height: int) -> list[Stated]:
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return [(min(x1), min(y1), max(x2), max(y2))]


def _halves(boxes: list[Stated], _width: int, _height: int) -> list[Stated]:
    ((x1, y1, x2, y2),) = boxes
    middle = (x1 + x2) // 2
    return [(x1, y1, middle, y2), (middle, y1, x2, y2)]


def _shift(boxes: list[Stated], _width: int, _height: int) -> list[Stated]:
    return [(x1 + 7, y1, x2 + 7, y2) for x1, y1, x2, y2 in boxes]


def _add_elsewhere(boxes: list[Stated], width: int, height: int) -> list[Stated]:
    return [*boxes, (round(0.8 * width), round(0.1 * height), round(0.9 * width), round(0.2 * height))]


def _add_sliver(boxes: list[Stated], _width: int, _height: int) -> list[Stated]:
    return [*boxes, (19, 29, 22, 90)]


def _sliver(mask: Pixels) -> None:
    mask[30:90, 20:22] = 255


def _speck(mask: Pixels) -> None:
    mask[40:43, 40:43] = 255


def _near_origin(mask: Pixels) -> None:
    mask[:] = 0
    mask[2:60, 2:80] = 255


def _picture(change: Callable[[Pixels], Pixels]) -> PairFault:
    """The same picture with other pixels."""

    def plant(draft: Draft, stem: str, _: str) -> str:
        name = draft.source.image(stem)
        content = draft.contents[name]
        draft.contents[name] = lambda: encode_picture(change(decode_picture(content())))
        return name

    return PairFault(plant, None)


def _darken(pixels: Pixels) -> Pixels:
    return (pixels * 0.12).astype(np.uint8)


def _blur(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), pixels.shape[1] / 100), np.uint8)


def _even(pixels: Pixels) -> Pixels:
    return np.full_like(pixels, 90)


def _write(pixels: Pixels) -> Pixels:
    size = max(1, max(pixels.shape) // 600)
    written = pixels.copy()
    for line, text in enumerate(("14/03/2015", "08:33:57")):
        at = (12 * size, (200 + 24 * line) * size)
        cv2.putText(written, text, at, cv2.FONT_HERSHEY_PLAIN, 1.2 * size, (250, 250, 250), size)
    return written


def _mark(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    marked = pixels.copy()
    marked[round(0.75 * height) :, : round(0.3 * width)] = TEAL
    cv2.line(marked, (width // 9, round(0.8 * height)), (width // 7, round(0.95 * height)), (10, 10, 10), 3)
    return marked


def _stretch(draft: Draft, stem: str, _: str) -> str:
    """A picture three times as wide as high, with its mask and boxes."""
    source = draft.source
    mask = _draw((320, 960), ONE)
    picture = draw_mucosa(generator(draft.seed, source.name, stem, "wide"), mask, source.object_colour)
    draft.contents[source.image(stem)] = lambda: encode_picture(picture)
    draft.contents[source.mask(stem)] = lambda: source.encode_mask(mask)
    boxes = [box_entry(source.label, box) for box in stored_boxes(mask)]
    draft.entries[stem] = {"height": 320, "width": 960, "bbox": boxes}
    return source.image(stem)


def _file(change: Callable[[bytes], bytes]) -> PairFault:
    """The same picture in another file."""

    def plant(draft: Draft, stem: str, _: str) -> str:
        name = draft.source.image(stem)
        content = draft.contents[name]
        draft.contents[name] = lambda: change(content())
        return name

    return PairFault(plant, None)


def _as_cmyk(data: bytes) -> bytes:
    written = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("CMYK").save(written, "JPEG", quality=95)
    return written.getvalue()


def _with_exif(tag: int, value: object) -> Callable[[bytes], bytes]:
    """The JPEG with an EXIF block of one tag, or of one directory of tags."""

    def change(data: bytes) -> bytes:
        exif = Image.Exif()
        if isinstance(value, dict):
            exif.get_ifd(tag).update(value)
        else:
            exif[tag] = value
        block = exif.tobytes()
        return data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block + data[2:]

    return change


def _repeat_with_another_mask(draft: Draft, stem: str, other: str) -> str:
    """The picture of another image once more, with an object at another place."""
    source = draft.source
    draft.contents[source.image(stem)] = draft.contents[source.image(other)]
    mask = _draw(pair_mask(source, draft.seed, other).shape, ((0.8, 0.15, 0.05, 0.05),))
    draft.contents[source.mask(stem)] = lambda: source.encode_mask(mask)
    boxes = [box_entry(source.label, box) for box in stored_boxes(mask)]
    draft.entries[stem] = {**draft.entries[other], "bbox": boxes}
    return source.image(stem)


ORIENTATION, ARTIST, GPS = 0x0112, 0x013B, 0x8825
OSLO = {1: "N", 2: (59.0, 54.0, 0.0), 3: "E", 4: (10.0, 45.0, 0.0)}
PAIR_FINDINGS: Mapping[str, PairFault] = {
    "missing": _redraw(TWO, lambda boxes, _w, _h: boxes[:1]),
    "extra": _redraw(ONE, _add_elsewhere),
    "merged": _redraw(TWO, _union),
    "split": _redraw(ONE, _halves),
    "shifted": _redraw(ONE, _shift),
    "sliver": _redraw(ONE, _add_sliver, _sliver),
    "covers_frame": _redraw(ONE, lambda _boxes, width, height: [(0, 0, width, height)]),
    "speck": _redraw(ONE, lambda boxes, _w, _h: boxes, _speck),
    "inflated_by_one_pixel": _redraw(ONE, lambda _boxes, _w, _h: [(0, 0, 80, 60)], _near_origin),
    "dark": _picture(_darken),
    "blurred": _picture(_blur),
    "near_uniform": _picture(_even),
    "overlay_text": _picture(_write),
    "position_marker": _picture(_mark),
    "odd_aspect": PairFault(_stretch, None),
    "not_rgb": _file(_as_cmyk),
    "orientation_tag": _file(_with_exif(ORIENTATION, 6)),
    "carries_gps": _file(_with_exif(GPS, OSLO)),
    "carries_metadata": _file(_with_exif(ARTIST, "A Person")),
    "contradicting_copies": PairFault(_repeat_with_another_mask, None, repeats=True),
}
