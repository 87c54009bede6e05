"""Find published versions that contain withdrawn images, and refuse releases that would bring them back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medmultipoints.data_lake.publish.places import Place, PlaceState
from medmultipoints.data_lake.publish.remote_release import fetch_manifest
from medmultipoints.data_lake.release.read.json_files import recipe_value
from medmultipoints.data_lake.release.read.released_tables import read_parquet, table_files
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.counted import plural

Hashes = tuple[str, str]
NAMES: Final = ("image_sha256", "luma_blake3", "pixel_sha256")
"""How a withdrawal names an image; releases have the third, older ones, or the second."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A published version that contains withdrawn images."""

    tag: str
    images: tuple[str, ...]


def withdrawn_hashes(manifest: Manifest) -> frozenset[str]:
    """Return the file hashes and, if given, pixel hashes of every image that a release's recipe withdraws."""
    stated = recipe_value(manifest, list, "corrections", "withdrawn") or []
    if not all(isinstance(entry, dict) for entry in stated):
        raise DataError(f"{MANIFEST} is damaged: recipe.corrections.withdrawn is of the wrong type.")
    return frozenset(str(entry[name]) for entry in stated for name in NAMES if entry.get(name))


def refuse_withdrawn(folder: Path, manifest: Manifest, previous: Manifest | None) -> None:
    """Raise DataError if the release contains an image that it, or the version before it, withdraws."""
    withdrawn = withdrawn_hashes(manifest) | (withdrawn_hashes(previous) if previous else frozenset())
    if not withdrawn:
        return
    images = read_parquet(folder, manifest, "images")
    held = _held(images.select(hash_columns(images.columns)).iter_rows(), withdrawn)
    if held:
        raise DataError(
            f"{manifest.title} would hold {plural(len(held), 'withdrawn image')}, for example "
            f"{min(held)}. "
            "Keep the [[withdrawn]] entries of the versions before in the recipe's corrections, and build again."
        )


def refuse_forgotten(manifest: Manifest, previous: Manifest | None) -> None:
    """Raise DataError if a withdrawal of the previous version is missing: a later one could bring the image back."""
    forgotten = (withdrawn_hashes(previous) if previous else frozenset()) - withdrawn_hashes(manifest)
    if previous and forgotten:
        raise DataError(
            f"{manifest.title} leaves out "
            f"{plural(len(forgotten), 'withdrawn hash', 'withdrawn hashes')} of {previous.version}, "
            f"for example {min(forgotten)}. Keep its [[withdrawn]] entries in the recipe's corrections for good, and "
            "build again."
        )


def hash_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns that identify an image and its pixels; releases before ``luma_blake3`` have an older one."""
    return ["image_sha256", next((name for name in NAMES[1:] if name in columns), "luma_blake3")]


def holds(place: Place, commit: str, withdrawn: frozenset[str]) -> bool:
    """Return whether a version contains an image with one of these hashes."""
    return bool(withdrawn and _held(_images_of(place, commit, {}), withdrawn))


def find_holders(place: Place, state: PlaceState, withdrawn: Iterable[str]) -> tuple[Holder, ...]:
    """Return the published versions that contain an image with one of these hashes, in the order of their tags."""
    wanted = frozenset(withdrawn)
    if not wanted:
        return ()
    known: dict[str, frozenset[Hashes]] = {}
    found = ((tag, _held(_images_of(place, commit, known), wanted)) for tag, commit in sorted(state.tags.items()))
    return tuple(Holder(tag, tuple(sorted(images))) for tag, images in found if images)


def _held(images: Iterable[Hashes], withdrawn: frozenset[str]) -> frozenset[str]:
    """Return the file sha256 of the images that are withdrawn by their bytes or pixels."""
    return frozenset(image for image, pixels in images if not withdrawn.isdisjoint((image, pixels)))


def _images_of(place: Place, commit: str, known: dict[str, frozenset[Hashes]]) -> frozenset[Hashes]:
    """Return the hashes of all images of a version; files that several versions share are read once."""
    kept = place.files(commit)
    if MANIFEST not in kept:
        return frozenset()
    manifest = fetch_manifest(place, commit)
    hashes = {entry.path: entry.sha256 for entry in manifest.files}
    paths = [path for path in table_files(manifest, "images") if path in kept]
    for path in paths:
        if hashes[path] not in known:
            known[hashes[path]] = frozenset(_read_hashes(place, commit, path))
    return frozenset().union(*(known[hashes[path]] for path in paths))


def _read_hashes(place: Place, commit: str, path: str) -> Iterator[Hashes]:
    try:
        with place.open(commit, path) as source, pq.ParquetFile(source) as file:
            names = hash_columns(file.schema_arrow.names)
            table = file.read(columns=names)
            yield from zip(*(table[name].to_pylist() for name in names), strict=True)
    except (pa.ArrowException, ValueError) as error:
        first = next(iter(str(error).splitlines()), "no reason given")
        raise DataError(f"{place.name}: {path} of {commit} cannot be read: {first}. Look at that version.") from None
