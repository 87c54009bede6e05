"""Prepare a deposit of a release: one archive, its card, its manifest and the repository's metadata."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from medmultipoints.data_lake.release.card.croissant import CROISSANT
from medmultipoints.data_lake.release.read.released_tables import own_file
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest, read_manifest
from medmultipoints.data_lake.store.hashing import hash_content
from medmultipoints.transforms.errors import DataError, UsageError

CARD: Final = "README.md"
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
SPDX: Final = "https://spdx.org/licenses/"


@dataclass(frozen=True, slots=True)
class Package:
    """Files of a deposit by name with their md5, and its metadata; ``mark`` is the text that identifies the release."""

    manifest: Manifest
    files: Mapping[str, Path]
    md5: Mapping[str, str]
    metadata: Mapping[str, Any]
    mark: str


def make_package(release: Path, work: Path) -> Package:
    """Return the deposit of a release; its archive is written to ``work`` and is the same for the same release.

    UsageError if the recipe names no authors or the repository does not know the licence.
    """
    manifest = read_manifest(release)
    described = metadata_of(release, manifest)
    archive = work / f"{manifest.name}-{manifest.version}.zip"
    write_archive(release, manifest, archive)
    files = {archive.name: archive, CARD: release / CARD, MANIFEST: release / MANIFEST}
    md5 = {name: hash_content(path, "md5") for name, path in files.items()}
    return Package(manifest, files, md5, described, mark_of(manifest))


def mark_of(manifest: Manifest) -> str:
    """Return the sentence that identifies the release in a deposit."""
    return f"medmultipoints release {manifest.title}, manifest root {manifest.manifest_root}"


def write_archive(release: Path, manifest: Manifest, path: Path) -> None:
    """Write the files of a release and its manifest as one zip: sorted, without times, uncompressed."""
    names = sorted([*(file.path for file in manifest.files), MANIFEST])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            source = release / MANIFEST if name == MANIFEST else own_file(release, manifest, name)
            entry = zipfile.ZipInfo(f"{manifest.name}-{manifest.version}/{name}", EPOCH)
            entry.external_attr = 0o644 << 16
            with source.open("rb") as file, archive.open(entry, "w", force_zip64=True) as target:
                while chunk := file.read(1 << 20):
                    target.write(chunk)


def metadata_of(release: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the deposit's metadata in Zenodo's vocabulary, from the release's Croissant file."""
    try:
        about = orjson.loads((release / CROISSANT).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise DataError(f"{release / CROISSANT} cannot be read: {error}. Build the release again.") from error
    creators = [{"name": one["name"]} for one in about.get("creator", ())]
    if not creators:
        raise UsageError("a deposit needs authors: give [card] authors in the recipe, and build a new version.")
    licence = str(about["license"][0])
    if not licence.startswith(SPDX):
        raise UsageError(
            f"the licence of {manifest.title} ({licence}) is not one that archives offer. "
            "Publish it to a repository of the Hub, or leave out the sources with terms of their own (--only)."
        )
    known = {
        "title": about["alternateName"],
        "upload_type": "dataset",
        "description": f"<p>{about.get('description') or about['alternateName']}</p>",
        "creators": creators,
        "version": manifest.version,
        "access_right": "open",
        "license": licence.removeprefix(SPDX).removesuffix(".html").lower(),
        "keywords": about.get("keywords", []),
        "notes": f"<p>{mark_of(manifest)}</p>",
        "publication_date": about.get("datePublished"),
        "related_identifiers": [{"identifier": url, "relation": "isDerivedFrom"} for url in about.get("isBasedOn", ())],
    }
    return {name: value for name, value in known.items() if value}
