"""Compare the pictures of a release with the tables that describe them."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from io import BytesIO
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import polars as pl
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from medmultipoints.data_lake.release.read.released_tables import Picture
from medmultipoints.data_lake.release.write.files import image_extension
from medmultipoints.transforms.masks.run_lengths import box_of_rle
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.orientation import find_orientations
from medmultipoints.transforms.pictures.tones import tone_of_rle
from medmultipoints.transforms.rasters.source_pictures import UNCHANGED
from medmultipoints.transforms.records import SIDES, TONE_COLUMNS, Tone

AT_ONCE = 64
"""So many pictures are decoded before their sentences are given."""

ObjectTone = Mapping[str, Any]
"""The mask, the box and the stated tone of an object; ``measurable``: its picture is the one that was measured."""


def check_pictures(pictures: Iterable[Picture], images: pl.DataFrame, objects: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each picture whose bytes, decoded size, name or object tones differ from the tables.

    Pictures are decoded on all cores; the sentences follow the order of the pictures.
    """
    tones = stated_tones(objects, images)
    stated = {row[0]: row[1:] for row in images.select("sample_id", "stored_bytes", "image_file").iter_rows()}
    decoded: set[str] = set()

    def check(picture: Picture, found: str, first: bool) -> list[str]:
        problems = _check_bytes(picture, found, *stated.get(picture.sample_id, (None, "")))
        if first:
            problems += _check_pixels(picture, tones.get(picture.sample_id, ()))
        return problems

    left = iter(pictures)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := list(islice(left, AT_ONCE)):
            hashes = list(pool.map(_sha256, batch))
            first = [_is_new(picture, found, decoded) for picture, found in zip(batch, hashes, strict=True)]
            yield from chain.from_iterable(pool.map(check, batch, hashes, first))


def _sha256(picture: Picture) -> str:
    return hashlib.sha256(picture.data).hexdigest()


def _is_new(picture: Picture, found: str, decoded: set[str]) -> bool:
    """Return whether the bytes match their hash and were not decoded for an earlier record; updates ``decoded``."""
    new = found == picture.stored_sha256 and found not in decoded
    if new:
        decoded.add(found)
    return new


def _check_bytes(picture: Picture, found: str, size: int | None, file: str) -> list[str]:
    if found != picture.stored_sha256:
        return [f"{picture.record_id}: bytes hash to {found}, stored_sha256 is {picture.stored_sha256}"]
    problems = []
    if size != len(picture.data):
        problems.append(f"{picture.record_id}: {len(picture.data)} bytes, the images table says {size}")
    if PurePosixPath(file).suffix != f".{image_extension(picture.data)}":
        problems.append(
            f"{picture.record_id}: {file} does not end in the true extension {image_extension(picture.data)}"
        )
    return problems


def _check_pixels(picture: Picture, tones: Sequence[ObjectTone]) -> list[str]:
    """Return the differences between a picture and the tables; it is decoded once, in full if tones are measured."""
    pixels = None
    try:
        if any(row["measurable"] for row in tones):
            pixels = decode_image(picture.data).pixels
        size = (pixels.shape[1], pixels.shape[0]) if pixels is not None else decoded_size(picture.data)
    except (OSError, ValueError, SyntaxError, KeyError) as error:
        return [f"{picture.record_id}: cannot be decoded: {error}"]
    if size != (picture.width, picture.height):
        return [f"{picture.record_id}: decodes to {size}, img_size is {(picture.width, picture.height)}"]
    if tags := find_orientations(picture.data):
        named = ", ".join(map(str, sorted(tags)))
        return [f"{picture.record_id}: its orientation tag ({named}) makes readers turn it, but not its boxes"]
    return list(check_tones(pixels, tones))


def decoded_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture that decodes to its end (at an eighth of the size if the format can)."""
    if image_extension(data) == "jpg":
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)
        return width, height
    with Image.open(BytesIO(data), formats=("PNG",)) as image:
        size = image.size
        image.load()
    return size


def stated_tones(objects: pl.DataFrame, images: pl.DataFrame) -> Mapping[str, Sequence[ObjectTone]]:
    """Return by image what to measure again: masks in unchanged source pictures, and every stated tone.

    Masks of reviewers need no tone: releases of earlier versions do not have it.
    """
    own = UNCHANGED & pl.col("rle").is_not_null()
    stated = pl.any_horizontal(pl.col(name).is_not_null() for name in TONE_COLUMNS)
    held = objects.join(images.select("sample_id", "scale", "image_origin"), on="sample_id")
    held = held.filter((own & (pl.col("evidence") != "correction")) | stated)
    columns = held.select("object_id", "sample_id", "rle", *SIDES, own.alias("measurable"), *TONE_COLUMNS)
    return columns.rows_by_key("sample_id", named=True)


def check_tones(pixels: NDArray[np.uint8] | None, stated: Sequence[ObjectTone]) -> Iterator[str]:
    """Yield a sentence for every object of a picture whose stated tone differs from the measured one.

    ``pixels``: height x width x 3, RGB; required if an object can be measured.
    """
    for row in stated:
        own = tuple(row[name] for name in TONE_COLUMNS)
        try:
            tone = _measure(pixels, row) if pixels is not None and row["measurable"] else None
        except ValueError as error:
            yield f"{row['object_id']}: rle: {error}"
            continue
        if own != (astuple(tone) if tone else (None,) * len(TONE_COLUMNS)):
            yield f"{row['object_id']}: {', '.join(TONE_COLUMNS)} are {own}, its picture gives {tone and astuple(tone)}"


def _measure(pixels: NDArray[np.uint8], row: ObjectTone) -> Tone | None:
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box_of_rle(row["rle"], height, width)
    if x1 <= row["x1"] - 1 or y1 <= row["y1"] - 1 or x2 >= row["x2"] + 1 or y2 >= row["y2"] + 1:
        raise ValueError(f"the object passes the box {tuple(row[name] for name in SIDES)}")
    return tone_of_rle(pixels, row["rle"])
