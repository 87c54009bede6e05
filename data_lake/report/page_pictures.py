"""Make small pictures for a page from the released bytes."""

import base64
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from PIL import Image

from medmultipoints.data_lake.release.read.released_tables import own_file, readable, table_files
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.errors import DataError

SIDE: Final = 448
"""The longer side of a picture, in pixels: sharp enough to judge a box at the width of a card."""
QUALITY: Final = 62


def read_thumbnails(folder: Path, manifest: Manifest, wanted: Collection[str]) -> dict[str, str]:
    """Return a data URI of each wanted image in the release, by the sha256 of its source file.

    Only the row groups with a wanted image are read.
    """
    found: dict[str, str] = {}
    left = set(wanted)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in table_files(manifest, "data") if left else ():
            with readable(own_file(folder, manifest, path)) as file:
                for group in _groups_with(file, left):
                    rows = file.read_row_group(group, columns=["sample_id", "image_sha256", "image"]).to_pylist()
                    chosen = {row["image_sha256"]: row for row in rows if row["image_sha256"] in left}
                    found |= zip(chosen, pool.map(data_uri, chosen.values()), strict=True)
                    left -= chosen.keys()
    return found


def _groups_with(file: pq.ParquetFile, wanted: set[str]) -> list[int]:
    names = file.read(columns=["image_sha256"])["image_sha256"].to_pylist()
    groups, start = [], 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        if not wanted.isdisjoint(names[start:end]):
            groups.append(group)
        start = end
    return groups


def data_uri(row: dict[str, Any]) -> str:
    """Return the picture of a record as a small WebP in a data URI; DataError if it does not decode."""
    try:
        with Image.open(BytesIO(row["image"]["bytes"])) as image:
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = image.convert("RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{row['sample_id']}: the picture cannot be decoded: {error}. Verify the release.") from error
    return webp_uri(small, QUALITY)


def webp_uri(small: Image.Image, quality: int) -> str:
    """Return a picture as WebP in a data URI."""
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=quality, method=2)  # a third of the time of 4 for a twelfth more bytes
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
