"""Splits that cannot leak: proved on the full-size simulated corpus; a planted leak fails build and verification."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.stated_splits import StatedLeakage, check_folds, check_items
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.report.page import report_page
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads, run_pipeline
from medmultipoints.flows.engine.stage import Build, Inputs, Output, no_rules
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError
from tests.acceptance.builds import audited_pairs, build, full_size
from tests.acceptance.inputs import hyperkvasir, real_data, small
from tests.data_lake.release.checks.test_forged import seal
from tests.flows.planted_leaks import plant_picture

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
Work = Callable[[Build, Inputs, str], Output]


def run(work: Path) -> dict[str, Any]:
    """The full-size proof, planted leaks on the real pictures, and the splits that others published."""
    outcome = audited_pairs(work.parent)
    return {
        "planted": check_planted(work, outcome),
        "published": check_published(work),
        "full_size": check_full_size(work),
    }


def check_full_size(work: Path) -> dict[str, Any]:
    """Every image of every source, all faults planted; what must be together is counted here anew."""
    sources, outcome = full_size(work.parent)
    release = outcome.release.path
    images = pl.read_parquet(release / "images/*.parquet")
    for keys in (["source", "video_id"], ["group_id"], ["image_sha256"], ["luma_blake3"], ["stored_sha256"]):
        spread = images.drop_nulls(keys).group_by(keys).agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
        assert spread.is_empty(), f"{keys}: {spread.height} are in more than one split"
    split = dict(outcome.table("splits").select("sample_id", "split").iter_rows())
    near = outcome.table("near_duplicates").select("sample_id", "other_id").rows()
    assert all(split[one] == split[other] for one, other in near), "near-duplicates are divided"
    planted = {(entry.source, entry.stem) for entry in sources.planted if entry.kind == "near_duplicate"}
    found = {tuple(name.split("/", 1)) for pair in near for name in pair}
    assert planted <= found, f"not found: {planted - found}"
    assert len(near) == len(planted), f"{len(near)} pairs, {len(planted)} planted"
    seconds = {result.name: round(result.seconds, 1) for result in outcome.stages}
    report = verify_release(release, leakage=True)
    assert report.ok, [check for check in report.checks if not check.ok]
    return {
        "images": images.height,
        "groups": images["group_id"].n_unique(),
        "near_duplicate_pairs": len(near),
        "largest_distance_from_share": largest_deviation(images),
        "shares_by_label": shares_by_label(release),
        "seconds_near": seconds["near"],
        "seconds_split": seconds["split"],
    }


def largest_deviation(images: pl.DataFrame) -> float:
    """Over sources and splits, the largest difference between a split's part of a source and its share."""
    counted = images.group_by("source", "split").len()
    parts = counted.with_columns(part=pl.col("len") / pl.col("len").sum().over("source"))
    return round(max(abs(part - SHARES[split]) for split, part in parts.select("split", "part").iter_rows()), 4)


def shares_by_label(release: Path) -> dict[str, dict[str, float]]:
    """The part of each label's images that each split holds; each split holds some of each."""
    records = pl.read_parquet(release / "data/*.parquet", columns=["label", "split", "sample_id"])
    counted = records.group_by("label", "split").len().sort("label", "split")
    found: dict[str, dict[str, float]] = {}
    for label, split, part in (
        counted.with_columns(part=(pl.col("len") / pl.col("len").sum().over("label")).round(3))
        .select("label", "split", "part")
        .iter_rows()
    ):
        found.setdefault(label, {})[split] = part
    assert small() or all(set(parts) == set(SHARES) for parts in found.values()), f"a split lacks a label: {found}"
    return found


def check_planted(work: Path, whole: Outcome) -> dict[str, str]:
    """What is said of a leak in the splits, in the release without the rule on splits, and in a changed release."""
    told = {
        "split stage": planted_in_the_splits(half_a_lake(whole.build.lake.root, work / "first")),
        "release stage": planted_in_the_splits(half_a_lake(whole.build.lake.root, work / "second"), rules=no_rules),
        "verify --leakage": planted_in_the_release(Path(shutil.copytree(whole.release.path, work / "planted"))),
    }
    for where, message in told.items():
        assert re.search("near-duplicates (is|are|or of one examination) in", message), f"{where}: {message}"
    return told


def half_a_lake(whole: Path, lake: Path) -> Path:
    """A copy of a lake in which the stage ``split`` and those after it are not done."""
    names = [stage.name for stage in PIPELINE]
    undone = names[names.index("split") :]
    left_out = shutil.ignore_patterns("releases", *undone, *(f"{name}.parts" for name in undone))
    return Path(shutil.copytree(whole, lake, ignore=left_out))


def planted_in_the_splits(lake: Path, **changes: Any) -> str:
    """The error that a build ends with whose split stage divides a pair of near-duplicates."""
    made = prepare(
        BuildRequest(
            recipe="audited", lake=str(lake), sources={"hyperkvasir": str(hyperkvasir())}, only=("hyperkvasir",)
        ),
        PIPELINE,
    )
    stages = [
        replace(stage, work=leaky(stage.work), **changes) if stage.name == "split" else stage for stage in PIPELINE
    ]
    try:
        run_pipeline(made, stages, run_in_threads(os.cpu_count() or 1), Unwatched())
    except DataError as error:
        return str(error)
    raise AssertionError("the build with a planted leak ended in a release")


def leaky(work: Work) -> Work:
    """The stage's work, but the first image of the first pair goes to another split."""

    def moved(build: Build, inputs: Inputs, shard: str) -> Output:
        found = work(build, inputs, shard)
        sample_id = inputs.read("near_duplicates")["sample_id"][0]
        own = pl.col("sample_id") == sample_id
        other = pl.when(pl.col("split") == "test").then(pl.lit("train")).otherwise(pl.lit("test"))
        splits = found.tables["splits"].with_columns(
            split=pl.when(own).then(other).otherwise("split"),
            group_id=pl.when(own).then(pl.lit("alone")).otherwise("group_id"),
        )
        return replace(found, tables={**found.tables, "splits": splits})

    return moved


def planted_in_the_release(release: Path) -> str:
    """What ``verify --leakage`` says when a test picture repeats a training image mirrored, as its manifest says."""
    one, other = plant_picture(release)
    seal(release)
    (check,) = (check for check in verify_release(release, leakage=True).checks if check.name == "leakage")
    assert not check.ok, "the planted leak was not found"
    assert one in check.detail, check.detail
    assert other in check.detail, check.detail
    page, found = report_page(release, leakage=True)
    assert found.get("near_duplicates"), f"the report does not find the planted leak: {found}"
    assert "The splits leak." in page, "the report does not show the planted leak"
    return check.detail


def check_published(work: Path) -> dict[str, Any]:
    """The leaks of the published test items on the real pictures, and of folds that slice the names in order.

    The official folds are no file of this project; ``medmultipoints leakage RELEASE --folds FILE`` takes them.
    """
    release = build("published", work / "published", {"hyperkvasir": hyperkvasir()}).release.path
    items = check_items(release, {"test": real_data() / "medmultipoints" / "published_items.jsonl"}, "train")
    assert items.certificate["leaks"]["images"] == items.matched - untouched(items), items.certificate["leaks"]
    stems = sorted(pl.read_parquet(release / "images/*.parquet", columns=["stem"])["stem"])
    folds = work / "folds.csv"
    lines = [f"{stem}.jpg;polyp;{number * 5 // len(stems)}" for number, stem in enumerate(stems)]
    folds.write_text("\n".join(["file-name;class-name;split-index", *lines]))
    sliced = check_folds(release, folds)
    assert read_manifest(release).name == "published"
    return {"published_items": leaks(items), "names_in_order_cut_in_five": leaks(sliced)}


def untouched(found: StatedLeakage) -> int:
    """Images that are in one split only."""
    held = sum(split["images"] for split in found.certificate["splits"])
    return 2 * found.matched - held


def leaks(found: StatedLeakage) -> dict[str, Any]:
    """The figures of one published split."""
    shown = {split["split"]: split["images"] for split in found.certificate["splits"]}
    return {"listed": found.listed, "matched": found.matched, "images": shown, "leaks": found.certificate["leaks"]}
