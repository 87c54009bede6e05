"""Keep thumbnails in a temporary file: ten million of them are 10 GB."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import temporary_file
from medmultipoints.transforms.pictures.thumbnails import SIDE, Album, Rows, Thumbnails, unpack

BYTES = SIDE * SIDE
ROWS_AT_ONCE = 20_000


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
            os.preadv(self.descriptor, [found[start:stop].data], int(places[start]) * BYTES)
        return found


@contextmanager
def open_album(lake: Lake, parts: Iterable[pl.LazyFrame]) -> Iterator[Album]:
    """Write the thumbnails of a table's parts (sample_id, thumbnail) to a file; it is removed afterwards."""
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
