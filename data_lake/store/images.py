"""Store images that differ from their source's bytes: one memory-mapped file per shard."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import StoredObject, object_path, put_file, temporary_file

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
