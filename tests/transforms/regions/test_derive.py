"""One sample from bytes to image row and regions."""

import io

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.records import Annotation, Sample, Tone
from medmultipoints.transforms.regions.derive import Derived, DeriveParameters, derive_sample


def save(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def derive(*rectangles: tuple[int, int, int, int], **parameters: int) -> Derived:
    """A gray picture of 64 x 48 pixels whose mask is white in these rectangles (x1, y1, x2, y2)."""
    mask = np.zeros((48, 64), np.uint8)
    for x1, y1, x2, y2 in rectangles:
        mask[y1:y2, x1:x2] = 255
    members = {"a.png": save(np.full((48, 64, 3), 90, np.uint8)), "m.png": save(mask)}
    sample = Sample(
        source="s",
        stem="a",
        image_member="a.png",
        mask_member="m.png",
        mask_label="polyps",
        organ="",
        finding="",
        classification="",
        labels_exhaustive=("polyps",),
    )
    found = derive_sample(sample, members.__getitem__, DeriveParameters(**parameters))
    assert isinstance(found, Derived)
    return found


def test_an_empty_mask_settles_that_nothing_is_there() -> None:
    assert derive().image.annotated
    assert derive((0, 0, 1, 1)).image.annotated, "a stray pixel at the origin is a known artefact"


def test_a_mask_of_specks_alone_settles_nothing() -> None:
    found = derive((10, 10, 13, 13))
    assert (len(found.regions), len(found.specks), found.image.annotated) == (0, 1, False)


def test_specks_beside_an_object_are_only_reported() -> None:
    found = derive((20, 20, 40, 40), (2, 2, 4, 4))
    assert (len(found.regions), len(found.specks), found.image.annotated) == (1, 1, True)


def test_objects_have_a_tone_where_the_picture_is_released_as_it_is() -> None:
    """Tones of a resized picture could not be measured again from a release."""
    assert [region.tone for region in derive((20, 20, 40, 40)).regions] == [Tone(90, 0, 90, 0)]
    assert [region.tone for region in derive((20, 20, 40, 40), max_side=32).regions] == [None]


def test_objects_of_a_picture_in_a_table_have_a_tone() -> None:
    """It is released with the bytes in its row."""
    picture, white = save(np.full((48, 64, 3), 90, np.uint8)), np.zeros((48, 64), np.uint8)
    white[20:40, 20:40] = 1
    rows = io.BytesIO()
    pl.DataFrame([{"image": {"bytes": picture, "path": "a.png"}}]).write_parquet(rows)
    sample = Sample(
        source="s",
        stem="a",
        image_member="a.parquet",
        plane="row:0",
        organ="",
        finding="",
        classification="",
        annotations=(Annotation(key="a.parquet#0", label="polyp", rle=encode_rle(white, 0, 0, 64, 48)),),
    )
    found = derive_sample(sample, lambda _: rows.getvalue(), DeriveParameters())
    assert isinstance(found, Derived)
    assert ("embedded", [Tone(90, 0, 90, 0)]) == (found.image.image_origin, [one.tone for one in found.regions])
