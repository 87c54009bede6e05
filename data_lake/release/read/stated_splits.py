"""Check splits that others published against a release's pictures, by the rules of the leakage certificate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.read.certificate import read_seen, read_text_states, read_threshold
from medmultipoints.data_lake.release.read.joins import read_joins
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import read_all_instructions, read_parquet
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.splits.leakage import Certificate, certify
from medmultipoints.transforms.splits.stated_splits import place_folds, place_items, read_folds, read_items


@dataclass(frozen=True, slots=True)
class StatedLeakage:
    """Leaks of splits: ``listed`` images (or instructions) of the files, ``matched`` images of the release."""

    listed: int
    matched: int
    certificate: Certificate


@reads_release
def check_folds(folder: Path, folds: Path) -> StatedLeakage:
    """Return the leaks of HyperKvasir's official folds (CSV) among the HyperKvasir images of the release."""
    stated = read_folds(_read(folds), str(folds))
    return _check(folder, len(stated), lambda images: place_folds(stated, images))


@reads_release
def check_items(folder: Path, items: Mapping[str, Path], rest: str | None = None) -> StatedLeakage:
    """Return the leaks of a split of instructions: by split, a JSONL file whose lines have ``image_sha256``.

    With ``rest``, every instruction of the release that no file lists is in that split: the release knows how many
    instructions an image has.
    """
    stated = {split: read_items(_read(path), str(path)) for split, path in items.items()}
    instructions = read_all_instructions(folder, read_manifest(folder))
    of_image = pl.col("record_id").str.split(":").list.first()  # record_id is image_sha256:label
    asked = dict(instructions.group_by(of_image).len().iter_rows())
    listed = sum(map(len, stated.values()))
    return _check(folder, listed, lambda images: place_items(stated, images, asked, rest))


def _check(folder: Path, listed: int, place: Callable[[pl.DataFrame], pl.DataFrame]) -> StatedLeakage:
    manifest = read_manifest(folder)
    placed = place(read_parquet(folder, manifest, "images"))
    if placed.is_empty():
        raise DataError(f"{folder} has none of the {listed} listed images. Give a release of the same source.")
    seen, thumbnails = read_seen(folder, manifest)
    images = seen.drop("split").unique("sample_id", keep="first").join(placed, on="sample_id")
    joins, text = read_joins(folder, manifest), read_text_states(folder)
    certificate = certify(images, thumbnails, read_threshold(folder), joins, text)
    return StatedLeakage(listed, images["sample_id"].n_unique(), certificate)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
