"""Inputs on which a release was wrong without a word, after reports of other tools: each with its right value.

The sources lie beside the checkout; what is tested of them without that folder is in the tests of the modules.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import StageResult, Unwatched, run_in_threads, run_pipeline
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
HK, KI, VT = "hyperkvasir", "kvasir_instrument", "visem_tracking"
OBJECT = [20.0, 10.0, 60.0, 50.0]
RECIPE = """
name = "cases"
version = "1.0.0"
title = "Cases"
seed = 1
{sources}
[labels]
zero_counts = true
[splits]
fractions = {{ train = 0.6, validation = 0.2, test = 0.2 }}
[validation]
max_rejected_fraction = 0.95
{more}
"""
LAST = [stage.name for stage in PIPELINE].index("record") + 1


@dataclass(frozen=True)
class Tables:
    """The tables of the stages up to the records."""

    build: Build
    stages: tuple[StageResult, ...]

    def read(self, name: str) -> pl.DataFrame:
        objects = next(result.receipt.objects[name] for result in self.stages if name in result.receipt.objects)
        return read_table(self.build.lake, objects)

    def rejected(self) -> dict[str, tuple[str, str]]:
        """Reason and detail of every excluded sample, by stem."""
        frames = [read_table(self.build.lake, result.receipt.objects["exclusions"]) for result in self.stages]
        rows = pl.concat(frames).filter(pl.col("sample_id").is_not_null())
        return {
            row["sample_id"].partition("/")[2]: (row["reason"], row["detail"]) for row in rows.iter_rows(named=True)
        }

    def boxes(self) -> dict[str, list[list[float]]]:
        """The boxes of each released image by its stem; a certain absence is an empty list."""
        rows = self.read("records").select("stem", "bbox")
        return {stem: [list(map(float, box)) for box in boxes] for stem, boxes in rows.iter_rows()}

    def findings(self, kind: str) -> dict[str, dict[str, Any]]:
        rows = self.read("disagreements").filter(pl.col("kind") == kind)
        return {row["stem"]: row for row in rows.iter_rows(named=True)}

    def image(self, stem: str) -> dict[str, Any]:
        (row,) = self.read("released_images").filter(pl.col("stem") == stem).rows(named=True)
        return row


Run = Callable[..., Tables]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the stages up to the records on sources of the folder of cases."""
    if not CASES.is_dir():
        pytest.skip(f"no cases at {CASES.parent.name}/{CASES.name} beside the checkout")

    def build(given: Mapping[str, str], more: str = "", lake: str = "lake") -> Tables:
        recipe = tmp_path / "cases.toml"
        recipe.write_text(RECIPE.format(sources="".join(f"[sources.{name}]\n" for name in given), more=more))
        paths = {name: str(CASES / path) for name, path in given.items()}
        made = prepare(BuildRequest(recipe=str(recipe), lake=str(tmp_path / lake), sources=paths), PIPELINE)
        return Tables(made, tuple(run_pipeline(made, PIPELINE[:LAST], run_in_threads(1), Unwatched())))

    return build


def test_masks_with_boxes(run: Run) -> None:
    """Read right, or rejected with the values that were found; an inverted one is named as such."""
    found = run({KI: "B-C-masks-with-boxes/ki"})
    read = ["m00_normal", "m02_u16_full", "m05_onebit", "m06_rgba_alpha", "m08_la", "m09_voc_idx1", "m12_soft_edge"]
    assert found.boxes() == {stem: [OBJECT] for stem in [*read, "m16_rgb_red", "m17_trns"]}
    rejected = found.rejected()
    dim = {"m01_zero_one": "0, 1", "m04_u16_one": "0, 1", "m10_pal_gray1": "0, 1", "m14_voc_idx8": "0, 64"}
    for stem, values in dim.items():
        assert rejected[stem][0] == "mask_below_threshold"
        assert f"values found: {values}" in rejected[stem][1]
    assert rejected["m07_rgba_white"][0] == "mask_alpha_only"
    assert rejected["m11_inverted"][0] == "mask_inverted"
    assert list(found.findings("covers_frame")) == ["m11_inverted"]
    assert "m15_true_empty" in found.findings("extra")


def test_masks_without_boxes(run: Run) -> None:
    found = run({KI: "B-C-masks-without-boxes/ki"})
    normal = ["n00_normal", "n05_la", "n08_normal", "n09_normal", "n10_normal"]
    assert found.boxes() == {stem: [OBJECT] for stem in normal} | {"n07_true_empty": []}
    reasons = {stem: reason for stem, (reason, _) in found.rejected().items()}
    assert reasons == {
        "n01_zero_one": "mask_below_threshold",
        "n03_alpha_only": "mask_alpha_only",
        "n04_inverted": "mask_inverted",
        "n12_dim_100": "mask_below_threshold",
    }
    assert "n04_inverted" in found.findings("covers_frame")


def test_a_whole_source_of_0_and_1(run: Run) -> None:
    """The message says what reads it, and that works."""
    with pytest.raises(PipelineError) as stopped:
        run({KI: "B-masks-all-0-1/ki"})
    assert "threshold = 1 in [boxes]" in str(stopped.value)
    assert "--source" not in str(stopped.value)
    found = run({KI: "B-masks-all-0-1/ki"}, "[boxes]\nthreshold = 1")
    assert list(found.boxes().values()) == [[OBJECT]] * 8


@pytest.mark.parametrize(("orientation", "done"), [("stored", "removed"), ("displayed", "applied")])
def test_orientation(run: Run, orientation: str, done: str) -> None:
    found = run({HK: "A-orientation/hk"}, f'[pictures]\norientation = "{orientation}"')
    for stem, tag in {"p01": 6, "p02": 3, "p03": 8, "p04": 2}.items():
        image, (box,) = found.image(stem), found.boxes()[stem]
        assert image["orientation_done"] == f"{done} {tag}"
        turned = orientation == "displayed" and tag >= 5
        assert (image["width"], image["height"]) == ((72, 96) if turned else (96, 72))
        assert (box == OBJECT) == (orientation == "stored")


def test_orientation_refused(run: Run) -> None:
    reasons = {
        stem: reason
        for stem, (reason, _) in run({HK: "A-orientation/hk"}, '[pictures]\norientation = "refuse"').rejected().items()
    }
    assert reasons == dict.fromkeys(("p01", "p02", "p03", "p04"), "orientation_tag")


def test_pictures_numbered_from_1(run: Run) -> None:
    """Frames 5 and 9 would be the mp4's pictures 5 and 9, which are another moment."""
    found = run({VT: "D-frames-numbered-from-1/visem"})
    rejected = {stem: told for stem, told in found.rejected().items() if not told[0].startswith("duplicate")}
    assert {stem: reason for stem, (reason, _) in rejected.items()} == {
        "11_frame_5": "frame_numbering",
        "11_frame_9": "frame_numbering",
    }
    assert "its picture 2 is frame 1 of the file" in rejected["11_frame_5"][1]
    assert found.read("images").height == 38


def test_a_film_whose_header_turns_it(run: Run) -> None:
    found = run({VT: "D-rotated-mp4/visem"})
    images = found.read("released_images").filter(pl.col("stem").str.contains("^2[23]_"))
    assert images.select("width", "height").unique().rows() == [(72, 96)]
    assert images.filter(pl.col("stem") == "22_frame_5").height == 1
    boxes = found.read("objects").filter(pl.col("image_sha256") == found.image("22_frame_5")["image_sha256"])
    assert sorted(boxes.select("x1", "y1", "x2", "y2").rows()) == [(13.5, 36.0, 22.5, 60.0), (45.0, 36.0, 63.0, 60.0)]


def test_contradicting_copies(run: Run) -> None:
    found = run({HK: "H-same-picture-two-labels/hk", KI: "H-same-picture-two-labels/ki"})
    finding = found.findings("contradicting_copies")["s0"]
    assert (finding["severity"], finding["label"]) == ("warning", "polyps")
    assert "polyps" not in found.image("s0")["labels_exhaustive"]


def test_odd_jpegs(run: Run) -> None:
    found = run({HK: "H-odd-jpegs/hk"})
    assert {"j01_cmyk", "j12_ycck"} == set(found.findings("not_rgb"))
    assert found.rejected()["j05_extraneous"][0] == "unreadable_image"


def test_a_lake_whose_path_has_brackets(run: Run) -> None:
    found = run({HK: "E-brackets/hk"}, lake="My *Lake* [v2] {a,b}?")
    assert found.read("released_images").height > 0


@pytest.mark.parametrize("case", ["F-zip-backslashes", "F-archive-beside-its-copy", "F-nfd-names"])
def test_archives_as_people_have_them(run: Run, case: str) -> None:
    found = run({HK: f"{case}/hk"})
    assert found.read("images").height == 8
    assert not found.rejected()


def test_numbers_of_label_files(run: Run) -> None:
    found = run({VT: "H-label-numbers/visem"})
    rejected = found.rejected()
    assert "31_frame_1" in set(found.read("images")["sample_id"].str.split("/").list.last())
    assert {rejected["31_frame_13"][0], rejected["31_frame_17"][0]} == {"label_row_invalid"}
    assert "31_frame_11" in found.findings("sliver")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "objects"), [("G-1000-objects", 1024), pytest.param("G-10000-objects", 10_000, marks=pytest.mark.accept)]
)
def test_crowded_pictures(run: Run, case: str, objects: int) -> None:
    """Seconds, and memory of the order of the picture."""
    before = time.process_time()
    found = run({KI: f"{case}/ki"})
    assert found.read("objects").height >= objects
    assert time.process_time() - before < 120
