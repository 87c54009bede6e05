"""Check tables that models made against the rest of a release: pictures, splits and masks."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.read.released_tables import read_parquet, table_files
from medmultipoints.data_lake.release.write.files import MADE
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.columns.tables import load_table
from medmultipoints.transforms.masks.run_lengths import area_of_rle, box_of_rle


def made_in(manifest: Manifest) -> tuple[str, ...]:
    """Return the tables of a release that models made."""
    return tuple(name for name in MADE if table_files(manifest, name))


def check_made(folder: Path, manifest: Manifest, images: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each repeated key, picture in another split, and mask that contradicts its box or area."""
    splits = dict(images.select("image_sha256", "split").iter_rows())
    for name in made_in(manifest):
        rows = read_parquet(folder, manifest, name)
        key = load_table(name).key
        yield from (f"{name}: {one} occurs twice" for one in rows.filter(pl.col(key).is_duplicated())[key].unique())
        for row in rows.iter_rows(named=True):
            if splits.get(row["image_sha256"], row["split"]) != row["split"]:
                yield f"{row[key]}: its picture is in the split {splits[row['image_sha256']]}, not {row['split']}"
            if name == "predictions":
                yield from _prediction_problems(row)
            elif name == "proposals":
                yield from _proposal_problems(row)
            elif name == "descriptions":
                yield from _description_problems(row)


def _description_problems(row: dict[str, object]) -> Iterator[str]:
    lists = [row[name] for name in ("sentences", "parts", "verdicts", "regions")]
    texts = row["sentences"] if isinstance(row["sentences"], list) else []
    if not texts or any(not isinstance(one, list) or len(one) != len(texts) for one in lists):
        yield f"{row['sample_id']}: parts, verdicts and regions are not one for each sentence"
    elif row["text"] != " ".join(map(str, texts)):
        yield f"{row['sample_id']}: its text is not its sentences"


def _prediction_problems(row: dict[str, object]) -> Iterator[str]:
    lists = [row[name] for name in ("labels", "bbox", "rles", "areas_px", "score_bins", "stabilities", "tones")]
    if any(not isinstance(one, list) or len(one) != row["count"] for one in lists):
        yield f"{row['prediction_id']}: the length of its lists is not its count"
        return
    boxes, rles, areas = (list(one) for one in lists[1:4] if isinstance(one, list))
    for rle, box, area in zip(rles, boxes, areas, strict=True):
        if not _is_sound(rle, row["height"], row["width"], box, area):
            yield f"{row['prediction_id']}: a mask is not what its box and area say"


def _proposal_problems(row: dict[str, object]) -> Iterator[str]:
    scale = float(str(row["scale"]))
    box = [float(str(row[side])) / scale for side in ("x1", "y1", "x2", "y2")]
    if not _is_sound(row["rle"], row["original_height"], row["original_width"], box, row["area_px"]):
        yield f"{row['proposal_id']}: its mask is not what its box and area say"


def _is_sound(rle: object, height: object, width: object, box: list[float], area: object) -> bool:
    try:
        found = box_of_rle(str(rle), int(str(height)), int(str(width)))
    except ValueError:
        return False
    near = all(abs(side - there) < 1e-3 for side, there in zip(found, box, strict=True))
    return near and area_of_rle(str(rle)) == area
