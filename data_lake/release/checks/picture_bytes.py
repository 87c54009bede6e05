"""Compare the pictures of a release with the tables that describe them."""

import hashlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import PurePosixPath

import polars as pl
from PIL import Image

from medmultipoints.data_lake.release.checks.tones import check_tones, stated_tones
from medmultipoints.data_lake.release.read.released_tables import Picture
from medmultipoints.data_lake.release.write.files import image_extension
from medmultipoints.transforms.pictures.orientation import find_orientations


def check_pictures(pictures: Iterable[Picture], images: pl.DataFrame, objects: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each picture whose bytes, decoded size, name or objects' tones differ from the tables."""
    tones = stated_tones(objects, images)
    stated = {row[0]: row[1:] for row in images.select("sample_id", "stored_bytes", "image_file").iter_rows()}
    decoded: set[str] = set()
    for picture in pictures:
        found = hashlib.sha256(picture.data).hexdigest()
        if found != picture.stored_sha256:
            yield f"{picture.record_id}: bytes hash to {found}, stored_sha256 is {picture.stored_sha256}"
            continue
        size, file = stated.get(picture.sample_id, (None, ""))
        if size != len(picture.data):
            yield f"{picture.record_id}: {len(picture.data)} bytes, the images table says {size}"
        if PurePosixPath(file).suffix != f".{image_extension(picture.data)}":
            yield f"{picture.record_id}: {file} does not end in the true extension {image_extension(picture.data)}"
        if found not in decoded:
            yield from _check_pixels(picture) or check_tones(picture.data, tones.get(picture.sample_id, ()))
            decoded.add(found)


def _check_pixels(picture: Picture) -> list[str]:
    try:
        size = decoded_size(picture.data)
    except (OSError, ValueError, SyntaxError) as error:
        return [f"{picture.record_id}: cannot be decoded: {error}"]
    if size != (picture.width, picture.height):
        return [f"{picture.record_id}: decodes to {size}, img_size is {(picture.width, picture.height)}"]
    if tags := find_orientations(picture.data):
        named = ", ".join(map(str, sorted(tags)))
        return [f"{picture.record_id}: its orientation tag ({named}) makes readers turn it, but not its boxes"]
    return []


def decoded_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture that decodes to its end (at an eighth of the size where the format can)."""
    with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as image:
        size = image.size
        image.draft("L", (size[0] // 8, size[1] // 8))
        image.load()
    return size
