"""An export in a dialect of files is a source: what is read again is what was released, within the stated loss."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.release.export.dialects import export_dialect
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.transforms.dialects.registry import DIALECTS, Layout
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import Annotation, Box
from medmultipoints.transforms.regions.layers import find_layer_objects
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.registry import read_pictures

LOSS_PX = {"yolo": 0.01, "mot": 0.01, "coco": 0.001, "coco-keypoints": 0.001, "sa-med2d": 1.0}
ANSWERS = {"mot": {"boxes.frame": "inclusive-1"}, "sa-med2d": {"masks.object": "file"}}


def test_every_dialect_of_files_is_tried() -> None:
    """BiomedParse draws one mask for all objects of a label: its objects are tested by their number of pixels alone."""
    layouts = {name for name, dialect in DIALECTS.items() if isinstance(dialect.form, Layout)}
    assert layouts == {*LOSS_PX, "biomedparse"}


@pytest.mark.parametrize("dialect", sorted(LOSS_PX))
def test_an_export_is_read_again(first: Outcome, tmp_path: Path, dialect: str) -> None:
    """Labels and boxes of every exported object; nothing more, nothing less."""
    release = Path(first.release.path)
    report = export_dialect(release, tmp_path / "export", dialect)
    files = open_source("again", tmp_path / "export", tmp_path / "scratch")
    found = inspect_source(files, nest_keys(ANSWERS.get(dialect, {})), accept=True)
    again: list[tuple[str, Box]] = []
    declaration = declare(found.read)
    for picture in read_pictures(declaration, files):
        assert isinstance(picture, AnnotatedPicture), picture
        again += [(str(declaration.release_label(one.label)), box_of(one)) for one in picture.annotations]
        for layer in picture.layers:
            objects = find_layer_objects(layer, read_codes(layer, files.read)).objects
            again += [(str(declaration.release_label(one.label)), one.box) for one in objects]
    objects = pl.concat(pl.read_parquet(path) for path in sorted(release.glob("objects/*.parquet")))
    released = [
        (row["label"], Box(row["x1"], row["y1"], row["x2"], row["y2"])) for row in objects.iter_rows(named=True)
    ]
    assert len(again) == report.entries > 0
    assert Counter(label for label, _ in again) <= Counter(label for label, _ in released)
    assert not [one for one in again if nearest(one, released) > LOSS_PX[dialect]]


def box_of(annotation: Annotation) -> Box:
    assert annotation.box is not None
    return annotation.box


def nearest(one: tuple[str, Box], others: list[tuple[str, Box]]) -> float:
    """How far the sides of a box are from those of the most similar box of its label, in pixels."""
    label, box = one
    return min(max(abs(a - b) for a, b in zip(box, other, strict=True)) for name, other in others if name == label)
