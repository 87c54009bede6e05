"""Make small pictures for a page from the released bytes."""

import base64
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from medmultipoints.data_lake.release.read.released_tables import Picture, read_chosen_pictures
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.errors import DataError

SIDE: Final = 448
"""The longer side of a picture, in pixels: sharp enough to judge a box at the width of a card."""
QUALITY: Final = 62


def read_thumbnails(folder: Path, manifest: Manifest, wanted: Collection[str]) -> dict[str, str]:
    """Return a data URI of each wanted image in the release, by the sha256 of its source file."""
    chosen = {picture.image_sha256: picture for picture in read_chosen_pictures(folder, manifest, wanted)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(chosen, pool.map(data_uri, chosen.values()), strict=True))


def data_uri(picture: Picture) -> str:
    """Return the picture of a record as a small WebP in a data URI; DataError if it does not decode."""
    try:
        with Image.open(BytesIO(picture.data)) as image:
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = image.convert("RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{picture.sample_id}: the picture cannot be decoded: {error}. Verify the release.") from error
    return webp_uri(small, QUALITY)


def webp_uri(small: Image.Image, quality: int) -> str:
    """Return a picture as WebP in a data URI."""
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=quality, method=2)  # a third of the time of 4 for a twelfth more bytes
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
