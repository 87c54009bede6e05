"""Read the content of a page from release folders alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.read.certificate import CERTIFICATE, check_leakage
from medmultipoints.data_lake.release.read.expectations import EXPECTATIONS
from medmultipoints.data_lake.release.read.json_files import read_object, recipe_value
from medmultipoints.data_lake.release.read.released_tables import own_file, read_parquet, read_quarantine, read_tables
from medmultipoints.data_lake.release.write.changes import CHANGES
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.report.page_pictures import read_thumbnails
from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.records import SIDES

QUARANTINE = (
    "disagreements", "conventions", "corrections", "near_duplicates", "exclusions", "split_changes", "doubts",
    "next_labels",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Materials:
    """One release: its rows, its findings and its own JSON files; None for files that it lacks."""

    folder: Path
    manifest: Manifest
    tables: Tables
    found: Mapping[str, pl.DataFrame]
    leakage: dict[str, Any] | None
    expectations: dict[str, Any] | None
    changes: dict[str, Any] | None


def read_materials(folder: Path, *, leakage: bool = False, kind: type[Manifest] = Manifest) -> Materials:
    """Return the materials of a release folder; DataError names a file that cannot be read.

    With ``leakage`` the certificate is computed from the pictures.
    """
    manifest = read_manifest(folder, kind)
    return Materials(
        folder=folder,
        manifest=manifest,
        tables=read_tables(folder, manifest),
        found={name: quarantine_table(folder, manifest, name) for name in QUARANTINE},
        leakage=check_leakage(folder, manifest).certificate if leakage else _stated(folder, manifest, CERTIFICATE),
        expectations=_stated(folder, manifest, EXPECTATIONS),
        changes=_stated(folder, manifest, CHANGES),
    )


def quarantine_table(folder: Path, manifest: Manifest, name: str) -> pl.DataFrame:
    """Return a table of findings; older releases may lack it."""
    found = read_quarantine(folder, manifest, name)
    return empty_frame(load_table(name)) if found is None else found


def _stated(folder: Path, manifest: Manifest, name: str) -> dict[str, Any] | None:
    if name not in {file.path for file in manifest.files}:
        return None
    own_file(folder, manifest, name)
    return read_object(folder, name)


def boxes_of_label(own: Materials, finding: Mapping[str, Any]) -> list[list[float]]:
    """Return all boxes of the finding's image and label in the release, in pixels of the original image.

    None if another label of the recipe is released under the same name, because their boxes cannot be distinguished.
    """
    names = recipe_value(own.manifest, dict, "labels", "names") or {}
    name = names.get(finding["label"], finding["label"])
    if sum(other == name for other in names.values()) > 1:
        return []
    objects = own.tables.objects.filter(sample_id=finding["sample_id"], label=name).sort("index")
    scaled = objects.join(own.tables.images.select("sample_id", "scale"), on="sample_id", maintain_order="left")
    return [list(box) for box in scaled.select((pl.col(side) / pl.col("scale")).round(3) for side in SIDES).iter_rows()]


class Album:
    """The images of some releases; the first release with an image wins. All pictures are read together at the end."""

    def __init__(self, folders: Sequence[Path], kind: type[Manifest] = Manifest) -> None:
        manifests = [(folder, read_manifest(folder, kind)) for folder in folders]
        self._places = [(folder, manifest, _images(folder, manifest)) for folder, manifest in manifests]

    def image(self, image_sha256: str | None) -> dict[str, Any] | None:
        """Return the row of an image by the sha256 of its source file; None if no release has it."""
        return next((own[image_sha256] for _, _, own in self._places if image_sha256 in own), None)

    def named(self, sample_id: str) -> dict[str, Any] | None:
        """Return the row of an image by its name."""
        rows = (row for _, _, own in self._places for row in own.values() if row["sample_id"] == sample_id)
        return next(rows, None)

    def pictures(self, wanted: Collection[str]) -> dict[str, str]:
        """Return a data URI of each wanted image in some release, by the sha256 of its source file."""
        found: dict[str, str] = {}
        for folder, manifest, _ in self._places:
            found = read_thumbnails(folder, manifest, set(wanted) - found.keys()) | found
        return found


def _images(folder: Path, manifest: Manifest) -> dict[str | None, dict[str, Any]]:
    names = ("sample_id", "image_sha256", "width", "height", "original_width", "original_height", "split")
    return {row["image_sha256"]: row for row in read_parquet(folder, manifest, "images").select(names).to_dicts()}
