"""Read a published release: its manifest and tables, and whether its files are those that it lists."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.data_lake.publish.places import KeptFile, LocalFile, Place, download, hash_local
from medmultipoints.data_lake.release.read.released_tables import table_place
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest, ReleasedFile, read_manifest
from medmultipoints.data_lake.store.temporary import system_temporary_folder
from medmultipoints.transforms.errors import DataError

SMALL = 8_000_000  # below this, one whole fetch is faster than reading ranges


def fetch_manifest(place: Place, revision: str) -> Manifest:
    """Return the manifest of a revision; DataError if it is damaged."""
    with system_temporary_folder() as made:
        download(place, revision, MANIFEST, made / MANIFEST)
        return read_manifest(made)


@contextmanager
def fetched_tables(
    place: Place, revision: str, kept: Mapping[str, KeptFile], known: Sequence[LocalFile], folder: Path
) -> Iterator[Path]:
    """Provide a temporary release folder with the tables of a revision, without pictures; ``kept`` are its files.

    Files that ``folder`` holds with the same content are copied from there; the pictures of others are not fetched.
    """
    mine = {file.path: file for file in known}
    with system_temporary_folder() as made:
        download(place, revision, MANIFEST, made / MANIFEST)
        for entry in read_manifest(made).files:
            table = table_place(entry.path)
            if table is None:
                continue
            target = made / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if entry.path in mine and entry.path in kept and kept[entry.path].holds(mine[entry.path]):
                target.symlink_to((folder / entry.path).absolute())
            elif table[0] == "data" and entry.bytes > SMALL:
                _fetch_rows(place, revision, entry.path, target)
            else:
                download(place, revision, entry.path, target)
        yield made


def _fetch_rows(place: Place, revision: str, path: str, target: Path) -> None:
    """Write the rows of a Parquet file without its picture column, which is nearly all of its size."""
    try:
        with place.open(revision, path) as source, pq.ParquetFile(source, pre_buffer=True) as file:
            columns = [name for name in file.schema_arrow.names if name != "image"]
            pq.write_table(file.read(columns=columns), target)
    except (pa.ArrowException, ValueError) as error:
        first = next(iter(str(error).splitlines()), "no reason given")
        raise DataError(
            f"{place.name}: {path} cannot be read: {first}. Verify the version that is published there."
        ) from None


def wrong_files(kept: Mapping[str, KeptFile], files: Sequence[LocalFile]) -> list[str]:
    """Return the paths of the release that are missing or have other content."""
    return [file.path for file in files if file.path not in kept or not kept[file.path].holds(file)]


def broken_files(place: Place, revision: str, manifest: Manifest) -> list[str]:
    """Return the paths of a revision that differ from its own manifest; large files are compared by the stored hash."""
    kept = place.files(revision)
    return [entry.path for entry in manifest.files if not _is_as_listed(place, revision, kept, entry)]


def _is_as_listed(place: Place, revision: str, kept: Mapping[str, KeptFile], entry: ReleasedFile) -> bool:
    found = kept.get(entry.path)
    if found is None or found.bytes != entry.bytes:
        return False
    if found.sha256 is not None:
        return found.sha256 == entry.sha256
    with system_temporary_folder() as made:
        download(place, revision, entry.path, made / "file")
        return hash_local(made, "file").sha256 == entry.sha256
