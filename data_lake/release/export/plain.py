"""Export a release as plain files: pictures named by hash, and JSONL files with relative image paths."""

from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import polars as pl

from medmultipoints.data_lake.release.export.folder import export_folder, write_mark
from medmultipoints.data_lake.release.export.pictures import AS_RELEASED, write_atomically, write_pictures
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import (
    check_split,
    read_all_instructions,
    read_parquet,
    splits_of,
)
from medmultipoints.data_lake.release.write.files import IMAGE_FILE
from medmultipoints.data_lake.release.write.jsonl import instructions_path
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.transforms.dialects.layouts.rendering import Render
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.crops import read_crop

ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The number of pictures, of crops among them, of instruction lines and of record lines, and the splits."""

    folder: Path
    splits: tuple[str, ...]
    images: int
    instructions: int
    records: int


@reads_release
def export_release(folder: Path, to: Path, split: str | None = None) -> ExportReport:
    """Write ``images/<image_sha256>.<extension>``, ``instructions/<split>.jsonl`` and ``records/<split>.jsonl``.

    The images include the crops that instructions show, with the exact pixels of their images. The folder appears whole
    or not at all; the same release gives the same files. UsageError for a split that the release does not have and for
    a target folder that holds anything but an earlier export of the same.
    """
    manifest = read_manifest(folder)
    chosen = choose_splits(manifest, split)
    with export_folder(to, manifest, chosen) as unfinished:
        return replace(write_plain(folder, manifest, unfinished, chosen), folder=to)


def choose_splits(manifest: Manifest, split: str | None) -> tuple[str, ...]:
    """Return all splits of the release, or the requested one; UsageError if it does not exist."""
    check_split(manifest, split)
    return splits_of(manifest) if split is None else (split,)


def write_plain(
    folder: Path, manifest: Manifest, to: Path, splits: tuple[str, ...], render: Render = AS_RELEASED
) -> ExportReport:
    """Write pictures, instructions and records of some splits to a folder, created if missing."""
    images = instructions = records = 0
    for name in ("images", "instructions", "records"):
        (to / name).mkdir(parents=True)
    for name in splits:
        paths = image_paths(read_parquet(folder, manifest, "images", name))
        asked = read_all_instructions(folder, manifest, name)
        shown = _shown(asked, set(paths.values()))
        images += write_pictures((folder, manifest), name, to, paths, shown=shown, render=render)
        records += _write_records(to / f"records/{name}.jsonl", read_parquet(folder, manifest, "data", name), paths)
        instructions += _copy_instructions(folder, asked.height, to, name)
    write_mark(to, manifest, splits)
    return ExportReport(to, splits, images, instructions, records)


def image_paths(images: pl.DataFrame) -> dict[str, str]:
    """Return the export path of each sample; DataError for a path of another form than declared."""
    paths = dict(images.select("sample_id", "image_file").iter_rows())
    for sample_id, path in paths.items():
        if not isinstance(path, str) or IMAGE_FILE.fullmatch(path) is None:
            raise DataError(f"image {sample_id}: {path!r} is not images/<sha256>.jpg or .png; not exported.")
    return paths


def _shown(asked: pl.DataFrame, known: set[str]) -> set[str]:
    """Return the paths of all pictures that instructions show.

    DataError for a path that is neither an image nor a crop.
    """
    shown = set(asked["image_files"].explode().drop_nulls())
    lost = sorted(path for path in shown - known if read_crop(path) is None)
    if lost:
        row = asked.filter(pl.col("image_files").list.contains(lost[0]))
        raise DataError(f"instruction {row['instruction_id'][0]}: no image of its name; verify the release.")
    return shown


def _write_records(target: Path, records: pl.DataFrame, paths: dict[str, str]) -> int:
    lost = records.filter(~pl.col("sample_id").is_in(list(paths)))
    if lost.height:
        raise DataError(f"record {lost['record_id'][0]}: its image is not in the images table; verify the release.")
    lines = (
        orjson.dumps({"image": paths[row["sample_id"]]} | row, option=orjson.OPT_APPEND_NEWLINE)
        for part in records.iter_slices(ROWS_AT_ONCE)
        for row in part.to_dicts()
    )
    write_atomically(target, lines)
    return records.height


def _copy_instructions(folder: Path, rows: int, to: Path, split: str) -> int:
    if rows:
        write_atomically(to / instructions_path(split), [(folder / instructions_path(split)).read_bytes()])
    return rows
