"""Prove the picture joins of a release again from its pictures.

Scenes and frames are matched again, days and start times are read again. If that is not possible here, because the
picture is redacted or the recipe's reader is not installed, the join counts as stated, not proved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.data_lake.ocr import open_ocr
from medmultipoints.data_lake.release.read.released_tables import read_parquet, read_pictures, read_quarantine
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.examinations.joins import MOST_APART_S
from medmultipoints.transforms.examinations.keypoints import find_scene
from medmultipoints.transforms.examinations.same_frame import find_shared_frame
from medmultipoints.transforms.examinations.scene_pairs import match_scenes
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.text.layouts import load_fonts
from medmultipoints.transforms.text.raster import read_raster
from medmultipoints.transforms.text.readings import Reading, combine

Pixels = NDArray[np.uint8]


@dataclass(slots=True)
class Proofs:
    """The number of joins that were proved again or are only stated, and contradictions with the pictures."""

    proved: int = 0
    stated: int = 0
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the outcome in one line."""
        return f"{self.proved} joins proved again from the pictures, {self.stated} stated, not proved"


def read_joins(folder: Path, manifest: Manifest) -> pl.DataFrame:
    """Return the joins of a release, empty for releases without them; DataError for a table with other columns."""
    found = read_quarantine(folder, manifest, "joins")
    if found is None:
        return pl.DataFrame(schema=schema_of("joins"))
    if dict(found.schema) != dict(schema_of("joins")):
        raise DataError(f"{folder}/quarantine/joins.parquet has other columns than joins have. Get the release again.")
    return found


def redacted_images(folder: Path, manifest: Manifest) -> frozenset[str]:
    """Return the images of a release with filled pixel regions, whose text cannot be read again."""
    found = read_quarantine(folder, manifest, "redactions")
    return frozenset() if found is None else frozenset(found["sample_id"].to_list())


def prove_joins(folder: Path, manifest: Manifest, joins: pl.DataFrame, redacted: frozenset[str]) -> Proofs:
    """Prove the joins of released pictures again."""
    images = read_parquet(folder, manifest, "images").select("sample_id").unique()
    own = joins.join(images, on="sample_id", how="semi").join(
        images.rename({"sample_id": "other_id"}), on="other_id", how="semi"
    )
    needed = frozenset(own["sample_id"]) | frozenset(own["other_id"])
    pixels = {
        picture.sample_id: decode_image(picture.data).pixels
        for picture in read_pictures(folder, manifest)
        if picture.sample_id in needed
    }
    proofs, prove = Proofs(), _prover(pixels, manifest)
    for row in own.sort("pair_id").iter_rows(named=True):
        held = None if {row["sample_id"], row["other_id"]} & redacted else prove(row)
        if held is None:
            proofs.stated += 1
        elif held:
            proofs.proved += 1
        else:
            proofs.problems.append(f"{row['pair_id']} is stated, but the pictures do not show it")
    return proofs


def _prover(pixels: Mapping[str, Pixels], manifest: Manifest) -> Callable[[Mapping[str, Any]], bool | None]:
    """Return a function that says whether a join holds; None if it cannot be proved here."""
    readers = manifest.recipe.get("text", {}).get("readers", ())
    able = "ocr" not in readers or find_spec("rapidocr") is not None
    unread = False if able else None
    ocr = open_ocr() if able and "ocr" in readers else None
    fonts, readings = load_fonts(), dict[str, Reading]()

    def read(sample_id: str) -> Reading:
        if sample_id not in readings:
            shown = pixels[sample_id]
            readings[sample_id] = combine(read_raster(shown, fonts), ocr(shown) if ocr else [])
        return readings[sample_id]

    def prove(row: Mapping[str, Any]) -> bool | None:
        if row["kind"] in ("same_scene", "same_frame"):
            return _prove_pixels(pixels[row["sample_id"]], pixels[row["other_id"]], row)
        one, two = read(row["sample_id"]), read(row["other_id"])
        if row["kind"] == "same_day":
            return one.date == two.date if one.date and two.date else unread
        if one.start is None or two.start is None:
            return unread
        apart = abs(one.start - two.start)
        return apart == row["apart_s"] and apart <= MOST_APART_S

    return prove


def _prove_pixels(one: Pixels, two: Pixels, row: Mapping[str, Any]) -> bool:
    match = match_scenes(find_scene(one), find_scene(two))
    if match is None or row["kind"] == "same_scene":
        return match is not None
    frame = find_shared_frame(one, two, match)
    return frame is not None and (frame.dx, frame.dy) == (row["dx"], row["dy"])
