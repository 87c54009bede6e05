"""Read published splits, to check them with the pictures of a release."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

import orjson
import polars as pl

from medmultipoints.transforms.errors import UsageError

STATED = {"sample_id": pl.String, "split": pl.String}
FOLD_HEADER = ["file-name", "class-name", "split-index"]


def read_folds(data: bytes, name: str) -> dict[str, str]:
    """Return the fold of each image by stem, from HyperKvasir's ``official_splits/*_fold_split.csv``.

    Raise UsageError for another file.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 text: {error}. Give a CSV file of folds.") from error
    if not rows or rows[0] != FOLD_HEADER or any(len(row) != 3 for row in rows[1:] if row):
        raise UsageError(f"{name}: not a table of folds: its lines must read {';'.join(FOLD_HEADER)}.")
    return {PurePosixPath(row[0]).stem: f"fold_{row[2]}" for row in rows[1:] if row}


def read_items(data: bytes, name: str) -> list[str]:
    """Return the ``image_sha256`` of each line of a JSONL file of instructions; raise UsageError for another file."""
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            value = orjson.loads(line) if line.strip() else {"image_sha256": None}
            sha256 = value["image_sha256"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise UsageError(f"{name}, line {number}: not a JSON object with image_sha256.") from None
        found += [sha256] if isinstance(sha256, str) else []
    return found


def place_folds(folds: Mapping[str, str], images: pl.DataFrame) -> pl.DataFrame:
    """Return sample_id and split of HyperKvasir's images in the folds; ``images``: sample_id, source, stem."""
    split = pl.col("stem").replace_strict(folds, default=None, return_dtype=pl.String)
    own = images.filter(pl.col("source") == "hyperkvasir").select("sample_id", split=split)
    return own.drop_nulls("split")


def place_items(
    items: Mapping[str, Iterable[str]], images: pl.DataFrame, asked: Mapping[str, int], rest: str | None
) -> pl.DataFrame:
    """Return sample_id and split, one row per split with an instruction of the image.

    ``items``: the image_sha256 of each instruction, by split; ``images``: sample_id, image_sha256; ``asked``: number of
    instructions of each image. Instructions in no file belong to the split ``rest``, if given.
    """
    known = dict(images.select("image_sha256", "sample_id").iter_rows())
    rows: set[tuple[str, str]] = set()
    listed: Counter[str] = Counter()
    for split, hashes in items.items():
        held = [sha256 for sha256 in hashes if sha256 in known]
        listed.update(held)
        rows |= {(known[sha256], split) for sha256 in held}
    if rest is not None:
        rows |= {(sample_id, rest) for sha256, sample_id in known.items() if listed[sha256] < asked.get(sha256, 0)}
    return pl.DataFrame(sorted(rows), schema=STATED, orient="row")
