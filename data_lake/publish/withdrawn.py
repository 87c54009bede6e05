"""Withdrawn images at a place: the old versions that still hold them, and releases that must not bring them back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_lake.publish.kept import fetch_manifest
from data_lake.publish.places import Place, PlaceState
from data_lake.release.manifest import MANIFEST, Manifest
from data_lake.release.read import read_parquet, table_files
from transforms.errors import DataError


@dataclass(frozen=True, slots=True)
class Holder:
    """A published version that holds withdrawn images."""

    tag: str
    images: tuple[str, ...]


def withdrawn_images(manifest: Manifest) -> frozenset[str]:
    """The sha256 of every image that the recipe of a release withdraws."""
    stated = manifest.recipe.get("corrections") or {}
    return frozenset(str(entry["image_sha256"]) for entry in stated.get("withdrawn", ()))


def refuse_withdrawn(folder: Path, manifest: Manifest, previous: Manifest | None) -> None:
    """DataError where the release holds an image that it, or the version before it, withdraws."""
    withdrawn = withdrawn_images(manifest) | (withdrawn_images(previous) if previous else frozenset())
    if not withdrawn:
        return
    held = withdrawn & set(read_parquet(folder, manifest, "images")["image_sha256"])
    if held:
        raise DataError(
            f"{manifest.name} {manifest.version} would hold {len(held)} withdrawn images, for example {min(held)}. "
            "Keep the [[withdrawn]] entries of the versions before in the recipe's corrections, and build again."
        )


def find_holders(place: Place, state: PlaceState, withdrawn: Iterable[str]) -> tuple[Holder, ...]:
    """The versions at the place that still hold one of the images, in the order of their tags."""
    wanted = frozenset(withdrawn)
    if not wanted:
        return ()
    known: dict[str, frozenset[str]] = {}
    found = ((tag, wanted & _images_of(place, commit, known)) for tag, commit in sorted(state.tags.items()))
    return tuple(Holder(tag, tuple(sorted(images))) for tag, images in found if images)


def _images_of(place: Place, commit: str, known: dict[str, frozenset[str]]) -> frozenset[str]:
    """The sha256 of all images of a version; files that several versions share are read once."""
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


def _read_hashes(place: Place, commit: str, path: str) -> Iterator[str]:
    try:
        with place.open(commit, path) as source, pq.ParquetFile(source) as file:
            yield from file.read(columns=["image_sha256"])["image_sha256"].to_pylist()
    except (pa.ArrowException, ValueError) as error:
        first = next(iter(str(error).splitlines()), "no reason given")
        raise DataError(f"{place.name}: {path} of {commit} cannot be read: {first}. Look at that version.") from None
