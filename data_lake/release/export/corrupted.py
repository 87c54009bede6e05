"""Export a corrupted copy of a split: the same questions and answers on damaged pictures, at five severities."""

import hashlib
from pathlib import Path

import orjson

from medmultipoints.data_lake.release.export.folder import export_folder, write_mark
from medmultipoints.data_lake.release.export.pictures import write_atomically
from medmultipoints.data_lake.release.export.plain import ExportReport, choose_splits, write_plain
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import read_parquet
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.layouts.rendering import Render
from medmultipoints.transforms.pictures.corruptions import SEVERITIES, corrupt, kind_of
from medmultipoints.transforms.pictures.decode import decode_image, encode_jpeg, encode_png

NAME = "corrupted"
QUALITY = 95


@reads_release
def export_corrupted(folder: Path, to: Path, split: str) -> ExportReport:
    """Write ``severity-1`` to ``severity-5``, each an export of the split as plain files, and ``corruptions.jsonl``.

    Ids, questions, answers and file names equal those of the plain export, so predictions are scored against the
    release, severity by severity. A picture has the same kind of corruption at all severities. The folder appears whole
    or not at all; the same release gives the same files.
    """
    manifest = read_manifest(folder)
    splits = choose_splits(manifest, split)
    with export_folder(to, manifest, splits, NAME) as made:
        reports = [
            write_plain(folder, manifest, made / f"severity-{severity}", splits, corrupting(severity))
            for severity in SEVERITIES
        ]
        write_atomically(made / "corruptions.jsonl", _kinds(folder, manifest, split))
        write_mark(made, manifest, splits, NAME)
    counts = (sum(getattr(one, name) for one in reports) for name in ("images", "instructions", "records"))
    return ExportReport(to, splits, *counts)


def corrupting(severity: int) -> Render:
    """Return a function that corrupts the bytes of a picture and keeps its size and format."""

    def render(data: bytes, _size: Size) -> bytes:
        image = decode_image(data)
        pixels = corrupt(image.pixels, severity, hashlib.sha256(data).hexdigest())
        return encode_jpeg(pixels, QUALITY) if image.format == "jpg" else encode_png(pixels)

    return render


def _kinds(folder: Path, manifest: Manifest, split: str) -> list[bytes]:
    """Return one line per picture: its file and its kind of corruption."""
    rows = read_parquet(folder, manifest, "images", split).sort("image_file")
    return [
        orjson.dumps({"image": name, "corruption": kind_of(sha256)}, option=orjson.OPT_APPEND_NEWLINE)
        for name, sha256 in rows.select("image_file", "stored_sha256").iter_rows()
    ]
