"""Read a published version back as a user would: every byte, and rows through ``load_dataset``."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from medmultipoints.data_lake.publish.hub_client import redact
from medmultipoints.data_lake.publish.places import Place, download
from medmultipoints.data_lake.publish.remote_release import fetch_manifest
from medmultipoints.data_lake.publish.versions import is_own
from medmultipoints.data_lake.release.card.front_matter import config_tables
from medmultipoints.data_lake.release.checks.verify import Check
from medmultipoints.data_lake.release.read.released_tables import read_parquet, splits_of, table_files
from medmultipoints.data_lake.release.sign.provenance import SIGNATURE, STATEMENT
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest, read_manifest
from medmultipoints.data_lake.store.temporary import system_temporary_folder
from medmultipoints.transforms.errors import PipelineError, UsageError
from medmultipoints.transforms.reporting.counted import first_few, plural

ROWS = 5
PICTURE = {"bytes": pl.Binary, "path": pl.String}
"""A picture as ``datasets`` stores it."""
OWN_SETTINGS = ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN")


def read_back(place: Place, tag: str, folder: Path) -> tuple[Check, ...]:
    """Compare each file of the tag by size and sha256, and the first rows of each table and split, with the release."""
    return _run("files_read_back", _wrong_bytes(place, tag, read_manifest(folder))), check_rows(place, tag, folder)


def check_rows(place: Place, revision: str, folder: Path) -> Check:
    """Check that ``load_dataset`` returns the release's first rows of each table and split."""
    return _run("rows_load", _wrong_rows(place, revision, folder))


def _run(name: str, problems: Iterator[str]) -> Check:
    try:
        found = list(problems)
    except PipelineError as error:
        found = [str(error)]
    return Check(name, not found, first_few(found, 3, "; ") or "as stated")


def _wrong_bytes(place: Place, tag: str, manifest: Manifest) -> Iterator[str]:
    for entry in manifest.entries:
        digest, size = hashlib.sha256(), 0
        for data in place.stream(tag, entry.path):
            digest.update(data)
            size += len(data)
        if (size, digest.hexdigest()) != (entry.bytes, entry.sha256):
            yield f"{entry.path} at {tag} has {size:,} bytes and sha256 {digest.hexdigest()}: not what was pushed"


def _wrong_rows(place: Place, tag: str, folder: Path) -> Iterator[str]:
    manifest = read_manifest(folder)
    tables = config_tables([file.path for file in manifest.files])
    wanted = {name: splits for name, table in tables.items() if (splits := _splits(manifest, table))}
    with system_temporary_folder() as made:
        argument = place.load_argument(tag) or (str(_fetch_all(place, tag, manifest, made / "release")), None)
        loaded = _load_in_subprocess(place, argument, wanted, made / "home")
    if isinstance(loaded, str):
        yield f"load_dataset at {tag}: {loaded}"
        return
    for config, splits in wanted.items():
        for split in splits:
            rows = _without_pictures(read_parquet(folder, manifest, tables[config], split).head(ROWS)).to_dicts()
            if orjson.loads(orjson.dumps(rows)) != loaded[config][split]:
                first = plural(len(rows), "row")
                yield f"load_dataset at {tag}: {config}, {split}: not the first {first} of the release"


def _without_pictures(rows: pl.DataFrame) -> pl.DataFrame:
    """Return all columns except lists of pictures, which ``load_dataset`` decodes."""
    return rows.drop(name for name, kind in rows.schema.items() if kind == pl.List(pl.Struct(PICTURE)))


def _splits(manifest: Manifest, table: str) -> list[str]:
    return [split for split in splits_of(manifest) if table_files(manifest, table, split)]


def _load_in_subprocess(
    place: Place, argument: tuple[str, str | None], wanted: Mapping[str, list[str]], home: Path
) -> dict[str, dict[str, Any]] | str:
    """Return the first rows that ``load_dataset`` returns in a fresh process with empty caches.

    The error message if it fails.
    """
    kept = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
    environment = kept | dict(place.environment()) | {"HF_HOME": str(home)}
    question = {"path": argument[0], "revision": argument[1], "configs": wanted, "rows": ROWS}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "medmultipoints.data_lake.publish.first_rows"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return redact(last, place.environment().get("HF_TOKEN"))
    answer: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _fetch_all(place: Place, revision: str, manifest: Manifest, folder: Path) -> Path:
    for path in (MANIFEST, *(entry.path for entry in manifest.files)):
        download(place, revision, path, folder / path)
    return folder


@contextmanager
def fetched_release(place: Place, revision: str) -> Iterator[Path]:
    """Fetch all release files of a revision, including stray files in its folders, into a temporary folder."""
    state = place.state()
    if revision not in state.tags and revision not in {commit.oid for commit in state.commits}:
        tags = ", ".join(sorted(state.tags)) or "none"
        raise UsageError(f"{place.name} has no tag {revision}; there are: {tags}.")
    with system_temporary_folder() as made:
        folder = _fetch_all(place, revision, fetch_manifest(place, revision), made)
        for path in place.files(revision):
            if (is_own(path) or path in (STATEMENT, SIGNATURE)) and not (folder / path).exists():
                download(place, revision, path, folder / path)
        yield folder
