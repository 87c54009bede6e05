"""Read leakage.json of a release, and recompute it from the pictures in the release's Parquet files alone."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from medmultipoints.data_lake.release.read.joins import read_joins
from medmultipoints.data_lake.release.read.json_files import read_object, recipe_value
from medmultipoints.data_lake.release.read.released_tables import Picture, read_parquet, read_pictures, splits_of
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.duplicates.near import LEAST_THRESHOLD, MOST_THRESHOLD
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.decode import decode_image, luma_blake3
from medmultipoints.transforms.pictures.thumbnails import pack, perceptual_hashes, thumbnail, to_luma, unpack
from medmultipoints.transforms.rasters.source_pictures import UNCHANGED
from medmultipoints.transforms.splits.joined import STATES
from medmultipoints.transforms.splits.leakage import COLUMNS, Certificate, certify, find_leaks

CERTIFICATE = "leakage.json"
MEASURED = column_names("released_images", "measured")
STATED = ("sample_id", *(name for name in COLUMNS if name not in MEASURED))


@dataclass(frozen=True, slots=True)
class Leakage:
    """A certificate recomputed from the pictures, and the errors in the splits or in the stated certificate."""

    certificate: Certificate
    problems: tuple[str, ...]


def certificate_bytes(certificate: Certificate) -> bytes:
    """Return the content of leakage.json: indented JSON with sorted keys."""
    return orjson.dumps(certificate, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def check_leakage(folder: Path, manifest: Manifest) -> Leakage:
    """Return the certificate computed from the pictures; leakage.json must equal it and have no leak."""
    stated = read_certificate(folder)
    threshold = threshold_of(stated)
    seen = read_seen(folder, manifest)
    found = certify(*seen, threshold, read_joins(folder, manifest), stated_text(stated))
    problems = [*threshold_problems(threshold, manifest), *find_leaks(found), *_other_hashes(folder, manifest, *seen)]
    if certificate_bytes(found) != certificate_bytes(stated):
        different = sorted(key for key in found.keys() | stated.keys() if found.get(key) != stated.get(key))
        problems.append(f"{CERTIFICATE} has other {', '.join(different)} than the pictures give")
    return Leakage(found, tuple(problems))


def _other_hashes(folder: Path, manifest: Manifest, seen: pl.DataFrame, thumbnails: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each unchanged source picture that has other hashes than the images table says."""
    stated = read_parquet(folder, manifest, "images").filter(UNCHANGED)
    names = ("luma_blake3", "perceptual_hash")
    small = thumbnails.with_columns(
        perceptual_hash=pl.Series(perceptual_hashes(unpack(thumbnails["thumbnail"])), dtype=pl.String)
    )
    found = seen.select("sample_id", "luma_blake3").unique().join(small, on="sample_id")
    both = found.join(stated.select("sample_id", *names).unique(), on="sample_id", suffix="_stated")
    for name in names:
        wrong = both.filter(pl.col(name) != pl.col(f"{name}_stated"))["sample_id"].sort()
        yield from (f"{one}: {name} is not that of its picture" for one in wrong)


def read_seen(folder: Path, manifest: Manifest) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return images with the columns of a certificate, and thumbnails; hashes and splits come from the pictures.

    Videos and groups come from the images table. DataError for a picture that is not in that table.
    """
    pictures = pl.DataFrame(
        list(_read_pictures(folder, manifest)), schema=dict.fromkeys((*MEASURED, "thumbnail"), pl.String)
    )
    stated = read_parquet(folder, manifest, "images").select(STATED)
    lost = pictures.join(stated, on="sample_id", how="anti")
    if not lost.is_empty():
        raise DataError(f"{lost['sample_id'][0]} has a picture but no row in the images table. Get the release again.")
    images = pictures.join(stated, on="sample_id")
    return images.select(COLUMNS), pictures.select("sample_id", "thumbnail").unique("sample_id", keep="first")


def _read_pictures(folder: Path, manifest: Manifest) -> Iterator[dict[str, str]]:
    """Yield one row per picture and split; the source's hashes can only be computed from unchanged pictures."""
    original = set(read_parquet(folder, manifest, "images").filter(UNCHANGED)["sample_id"].to_list())
    stated = dict(read_parquet(folder, manifest, "images").select("sample_id", "luma_blake3").iter_rows())
    for split in splits_of(manifest):
        seen: set[tuple[str, str]] = set()
        for picture in read_pictures(folder, manifest, split):
            file = hashlib.sha256(picture.data).hexdigest()
            if (picture.sample_id, file) not in seen:
                seen.add((picture.sample_id, file))
                yield _row(picture, split, file, picture.sample_id in original, stated)


def _row(picture: Picture, split: str, file: str, original: bool, stated: Mapping[str, str]) -> dict[str, str]:
    luma = to_luma(decode_image(picture.data).pixels)
    shown = luma_blake3(luma) if original else stated.get(picture.sample_id, "")
    source_file = file if original else picture.image_sha256
    return {
        "sample_id": picture.sample_id,
        "image_sha256": source_file,
        "stored_sha256": file,
        "luma_blake3": shown,
        "split": split,
        "thumbnail": pack(thumbnail(luma)),
    }


def read_certificate(folder: Path) -> dict[str, Any]:
    """Return the content of leakage.json; DataError if it is missing or not a JSON object."""
    if not (folder / CERTIFICATE).is_file():
        raise DataError(f"{folder} has no {CERTIFICATE}: the release is older than it. Build it again.")
    return read_object(folder, CERTIFICATE)


def stated_text(stated: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of pictures by text state from the certificate; the text itself is not released."""
    section = stated.get("examinations")
    text = section.get("text") if isinstance(section, dict) else None
    if not isinstance(text, dict) or sorted(text) != sorted(STATES) or not all(_is_count(one) for one in text.values()):
        raise DataError(f"{CERTIFICATE} is damaged: examinations.text is missing. Get the release again.")
    return text


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def read_text_states(folder: Path) -> dict[str, int]:
    """Return the text state counts in a release's certificate."""
    return stated_text(read_certificate(folder))


def read_threshold(folder: Path) -> float:
    """Return the distance below which the release treated pictures as near-duplicates."""
    return threshold_of(read_certificate(folder))


def threshold_of(stated: Mapping[str, Any]) -> float:
    """Return the distance below which a certificate treats pictures as near-duplicates."""
    search = stated.get("search")
    threshold = search.get("threshold") if isinstance(search, dict) else None
    if not isinstance(threshold, int | float) or isinstance(threshold, bool):
        raise DataError(f"{CERTIFICATE} is damaged: search.threshold is missing. Get the release again.")
    return float(threshold)


def threshold_problems(threshold: float, manifest: Manifest) -> Iterator[str]:
    """Yield a problem if the threshold is not the one of the recipe, or else outside the range of the rule."""
    chosen = recipe_value(manifest, (int, float), "splits", "near_threshold")
    if chosen is not None and threshold != chosen:
        yield f"{CERTIFICATE} uses the threshold {threshold}, the recipe {chosen}"
    if chosen is None and not LEAST_THRESHOLD <= threshold <= MOST_THRESHOLD:
        yield f"the threshold {threshold} is not between {LEAST_THRESHOLD} and {MOST_THRESHOLD}"
