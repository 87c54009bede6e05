"""Serve the pictures of a release by the sha256 of their source file: released bytes and thumbnails."""

from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Final

import pyarrow.parquet as pq
from PIL import Image

from medmultipoints.data_lake.release.read.released_tables import own_file, readable, table_files
from medmultipoints.data_lake.release.write.manifest import Manifest

MOST_BYTES: Final = 256 * 1024 * 1024
THUMBNAIL: Final = 220


class Pictures:
    """Pictures of a release: locations are read once, and the most recent pictures are cached."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self._places = _places(folder, manifest)
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, image_sha256: object) -> bool:
        return image_sha256 in self._places

    def read(self, image_sha256: str) -> bytes | None:
        """Return the released bytes of a picture; None if the release does not contain it."""
        if image_sha256 not in self._places:
            return None
        with self._lock:
            if image_sha256 not in self._held:
                self._load(*self._places[image_sha256])
            self._held.move_to_end(image_sha256)
            return self._held[image_sha256]

    def thumbnail(self, image_sha256: str) -> bytes | None:
        """Return a small WebP of a picture."""
        data = self.read(image_sha256)
        if data is None:
            return None
        with Image.open(BytesIO(data)) as image:
            image.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
            small = image.convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        buffer = BytesIO()
        small.save(buffer, "WEBP", quality=70)
        return buffer.getvalue()

    def _load(self, path: str, group: int) -> None:
        """Cache the pictures of a row group and evict the oldest ones."""
        with readable(own_file(self._folder, self._manifest, path)) as file:
            for row in file.read_row_group(group, columns=["image_sha256", "image"]).to_pylist():
                self._held[row["image_sha256"]] = row["image"]["bytes"]
        while len(self._held) > 1 and sum(map(len, self._held.values())) > MOST_BYTES:
            self._held.popitem(last=False)


def _places(folder: Path, manifest: Manifest) -> dict[str, tuple[str, int]]:
    """Return file and row group of each picture."""
    places: dict[str, tuple[str, int]] = {}
    for path in (*table_files(manifest, "data"), *table_files(manifest, "proposals")):
        with readable(own_file(folder, manifest, path)) as file:
            for group in range(file.num_row_groups):
                for name in _names(file, group):
                    places.setdefault(name, (path, group))
    return places


def _names(file: pq.ParquetFile, group: int) -> list[str]:
    names: list[str] = file.read_row_group(group, columns=["image_sha256"])["image_sha256"].to_pylist()
    return names
