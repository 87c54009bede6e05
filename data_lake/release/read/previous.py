"""Read an earlier release as an input of a build: the splits of its images, under its manifest root."""

from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.read.digest import logical_digest
from medmultipoints.data_lake.release.read.released_tables import read_parquet, read_tables, table_files
from medmultipoints.data_lake.release.write.files import hash_file
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest, manifest_root, read_manifest
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.splits.split_changes import split_reference

COLUMNS = ("image_sha256", "luma_blake3", "split")


def read_previous(reference: str, releases: Path) -> tuple[str, pl.DataFrame]:
    """Return ``name@root`` with the full root, and image_sha256, luma_blake3 and split of the release's images, sorted.

    ``reference``: a release folder, with or without @ROOT, or NAME@ROOT of a release below ``releases``. UsageError if
    there is no such release or its root differs, DataError if its files do not match its manifest.
    """
    folder, manifest = _find(reference, releases)
    _check_files(folder, manifest)
    images = read_parquet(folder, manifest, "images")
    if "luma_blake3" not in images.columns:  # older releases identify images by their bytes alone
        images = images.with_columns(luma_blake3=pl.lit(None, pl.String))
    images = images.select(COLUMNS).unique().sort(COLUMNS)
    return f"{manifest.name}@{manifest.manifest_root}", images


def read_previous_tables(reference: str, releases: Path) -> tuple[str, Tables]:
    """Return ``name version`` and all rows of the same release, without pictures.

    DataError if they do not match its manifest.
    """
    folder, manifest = _find(reference, releases)
    tables = read_tables(folder, manifest)
    found = logical_digest(tables)
    if found != manifest.logical_digest:
        raise DataError(
            f"{folder}: the rows are not those of {MANIFEST}. Get that release again: `medmultipoints verify` "
            "names what changed."
        )
    return manifest.title, tables


def _find(reference: str, releases: Path) -> tuple[Path, Manifest]:
    """Return the folder and the manifest of the referenced release."""
    place, root = split_reference(reference)
    folder = Path(place).expanduser()
    if not (folder / MANIFEST).is_file():
        folder = _in_lake(reference, place, root, releases)
    manifest = read_manifest(folder)
    if not manifest.manifest_root.startswith(root):
        raise UsageError(
            f"splits.previous = '{reference}': the release in {folder} has the manifest root {manifest.manifest_root}. "
            "Give that root, or another release."
        )
    return folder, manifest


def _in_lake(reference: str, name: str, root: str, releases: Path) -> Path:
    """Return the folder of the release of that name and root below ``releases``."""
    folders = sorted(path.parent for path in (releases / name).glob(f"*/{MANIFEST}")) if root else []
    found = [folder for folder in folders if read_manifest(folder).manifest_root.startswith(root)]
    if not found:
        there = "; ".join(f"{folder.name}: {read_manifest(folder).manifest_root[:12]}" for folder in folders)
        raise UsageError(
            f"splits.previous = '{reference}': no such release. Give the folder of a release, relative to the recipe "
            f"(nor is {Path(name).expanduser().absolute()} one), or NAME@ROOT with the manifest root of a release in "
            f"{releases}" + (f"; there are {there}." if there else ".")
        )
    return found[0]


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Raise DataError unless the root matches the listed files and the tables of images match the list."""
    entries = {entry.path: entry for entry in manifest.entries}
    changed = [
        path
        for path in table_files(manifest, "images")
        if not (folder / path).is_file() or hash_file(folder / path, path) != entries[path]
    ]
    if changed or manifest_root(manifest.entries) != manifest.manifest_root:
        raise DataError(
            f"{folder / (changed or [MANIFEST])[0]} is not what its manifest root says. Get that release again: "
            "`medmultipoints verify` names every changed file."
        )
