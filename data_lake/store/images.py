"""Store images that differ from their source's bytes, one memory-mapped file per shard; open thumbnails as a file."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import StoredObject, object_path, put_file, temporary_file
from medmultipoints.transforms.pictures.thumbnails import SIDE, Album, Rows, Thumbnails, unpack

THUMBNAIL_BYTES = SIDE * SIDE
ROWS_AT_ONCE = 20_000
SCHEMA = pa.schema([("sample_id", pa.string()), ("data", pa.large_binary())])


def put_images(lake: Lake, images: Iterable[tuple[str, bytes]]) -> tuple[StoredObject, ...]:
    """Store the bytes of all images, sorted by sample_id, as one object; no object for no images."""
    rows = sorted(images)
    if not rows:
        return ()
    columns = [pa.array([sample_id for sample_id, _ in rows]), pa.array([data for _, data in rows], pa.large_binary())]
    with temporary_file(lake) as path:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
            writer.write_table(pa.table(columns, schema=SCHEMA))
        return (put_file(lake, path, len(rows)),)


def stored_reader(lake: Lake, objects: Sequence[StoredObject]) -> Callable[[str], bytes | None]:
    """Return a reader of an image's bytes by its sample_id; None for images that are stored unchanged."""
    tables = [_mapped(object_path(lake, entry.sha256)) for entry in objects]
    places = {
        sample_id: (table, row)
        for table in tables
        for row, sample_id in enumerate(table.column("sample_id").to_pylist())
    }

    def read(sample_id: str) -> bytes | None:
        if sample_id not in places:
            return None
        table, row = places[sample_id]
        return bytes(table.column("data")[row].as_py())

    return read


@lru_cache(maxsize=256)
def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


@dataclass(frozen=True, slots=True, eq=False)
class ThumbnailFile:
    """Thumbnails in a file, one after the other; rows that follow each other are read at once."""

    descriptor: int
    height: int

    def __len__(self) -> int:
        return self.height

    def __getitem__(self, rows: slice | Rows) -> Thumbnails:
        places = np.arange(self.height)[rows] if isinstance(rows, slice) else rows
        found = np.empty((len(places), SIDE, SIDE), np.uint8)
        starts = np.flatnonzero(np.diff(places, prepend=-2) != 1).tolist()
        for start, stop in pairwise([*starts, len(places)]):
            os.preadv(self.descriptor, [found[start:stop].data], int(places[start]) * THUMBNAIL_BYTES)
        return found


@contextmanager
def open_album(lake: Lake, parts: Iterable[pl.LazyFrame]) -> Iterator[Album]:
    """Write the thumbnails of a table's parts (sample_id, thumbnail) to a temporary file: ten million are 10 GB."""
    names = [pl.Series("sample_id", [], pl.String)]
    with temporary_file(lake) as path:
        with path.open("wb") as file:
            for part in parts:
                table = part.select("sample_id", "thumbnail").collect(engine="streaming")
                for rows in table.iter_slices(ROWS_AT_ONCE):
                    file.write(unpack(rows["thumbnail"]).data)
                names.append(table["sample_id"])
        with path.open("rb") as file:
            known = pl.concat(names)
            yield Album(known, ThumbnailFile(file.fileno(), len(known)))
