"""No build ends in splits that leak, and a release whose pictures leak fails its check."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import polars as pl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.certificate import CERTIFICATE, check_leakage
from medmultipoints.data_lake.release.read.stated_splits import check_folds, check_items
from medmultipoints.data_lake.release.write.manifest import ClaimedManifest, read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads, run_pipeline
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Stage, no_rules
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import DataError, UsageError
from tests.flows.planted_leaks import file_of, plant_picture, rewrite
from tests.flows.small_builds import build, prepared, write_recipe

SIZES = SimulatedSizes(polyps=14, instruments=6, videos=3, frames=4, unsegmented=0)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Sources in which two pictures have a slightly brighter copy."""
    written = write_sources(tmp_path_factory.mktemp("near"), seed=3, sizes=SIZES, faults=("near_duplicate",))
    return {name: str(path) for name, path in written.paths.items()}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, paths: dict[str, str]) -> Outcome:
    """The build of these sources; its lake is not to be changed."""
    folder = tmp_path_factory.mktemp("built")
    return build(write_recipe(folder / "small.toml"), folder / "lake", paths)


@pytest.fixture
def release(tmp_path: Path, outcome: Outcome) -> Path:
    """A copy of the release."""
    return Path(copytree(outcome.release.path, tmp_path / "release"))


def test_planted_near_duplicates_are_found_and_kept_together(outcome: Outcome) -> None:
    """One pair in each source of pictures: in one split, listed, and among the findings."""
    near = outcome.table("near_duplicates")
    assert near.height == 2
    split = dict(outcome.table("splits").select("sample_id", "split").iter_rows())
    assert all(split[one] == split[other] for one, other in near.select("sample_id", "other_id").iter_rows())
    findings = outcome.table("disagreements").filter(pl.col("kind") == "near_duplicate")
    assert set(findings["sample_id"]) == {*near["sample_id"], *near["other_id"]}
    assert set(findings["severity"]) == {"info"}


def test_the_release_carries_a_certificate_that_can_be_computed_again(outcome: Outcome) -> None:
    """From its Parquet files alone; the certificate names no version, so that it can stay the same."""
    folder = outcome.release.path
    stated = json.loads((folder / CERTIFICATE).read_text())
    assert set(stated["leaks"].values()) == {0}
    assert stated["near_duplicates"] == {"pairs": 2, "in_one_group": 2, "across_splits": 0}
    assert any("no patient and no video id" in sentence for sentence in stated["not_checked"])
    report = verify_release(folder, leakage=True)
    assert report.ok, report
    assert report.checks[-1].name == "leakage"
    assert report.leakage == stated


def test_a_planted_near_duplicate_is_found_in_the_parquet_files(release: Path) -> None:
    one, other = plant_picture(release)
    found = check_leakage(release, read_manifest(release, ClaimedManifest))
    assert found.problems[0] == f"1 pair of near-duplicates is in different splits, such as {one} and {other}"
    assert found.problems[-1].startswith("leakage.json has other leaks, near_duplicates,")
    (check,) = (check for check in verify_release(release, leakage=True).checks if check.name == "leakage")
    assert not check.ok
    assert f"such as {one} and {other}" in check.detail


def test_a_forged_certificate_does_not_hide_a_leak(release: Path) -> None:
    """Neither the honest one of other pictures, nor one with a threshold that nothing can fall below."""
    plant_picture(release)
    stated = json.loads((release / CERTIFICATE).read_text())
    stated["search"]["threshold"] = 0.0
    (release / CERTIFICATE).write_text(json.dumps(stated))
    problems = check_leakage(release, read_manifest(release, ClaimedManifest)).problems
    assert "the threshold 0.0 is not between 0.05 and 0.13" in problems


def test_a_divided_video_is_found(release: Path) -> None:
    """One frame of a training video stands in the test files as well."""
    frames = pq.read_table(file_of(release, "data", "train")).to_pylist()
    frame = next(row for row in frames if row["video_id"] is not None)
    rewrite(file_of(release, "data", "test"), lambda rows: rows.append(frame | {"split": "test"}))
    problems = check_leakage(release, read_manifest(release, ClaimedManifest)).problems
    assert "1 video is in more than one split" in problems
    assert "1 image is in more than one split" in problems


@pytest.mark.parametrize("damage", [None, b"", b"[]", b"{}"])
def test_a_missing_or_damaged_certificate_fails_the_check(release: Path, damage: bytes | None) -> None:
    path = release / CERTIFICATE
    path.unlink() if damage is None else path.write_bytes(damage)
    checks = {check.name: check for check in verify_release(release, leakage=True).checks}
    assert not checks["leakage"].ok
    assert CERTIFICATE in checks["leakage"].detail


def leaky(work: Callable[[Build, Inputs, str], Output]) -> Callable[[Build, Inputs, str], Output]:
    """The stage's work, but one image of the first near-duplicate pair is moved to the other split."""

    def moved(build: Build, inputs: Inputs, shard: str) -> Output:
        found = work(build, inputs, shard)
        sample_id = inputs.read("near_duplicates")["sample_id"][0]
        other = pl.when(pl.col("split") == "train").then(pl.lit("test")).otherwise(pl.lit("train"))
        here = pl.when(pl.col("sample_id") == sample_id).then(other).otherwise("split")
        own = pl.when(pl.col("sample_id") == sample_id).then(pl.lit("alone")).otherwise("group_id")
        splits = found.tables["splits"].with_columns(split=here, group_id=own)
        return replace(found, tables={**found.tables, "splits": splits})

    return moved


def planted(**changes: object) -> list[Stage]:
    """The pipeline whose split stage leaks."""
    return [
        replace(stage, work=leaky(stage.work), **changes) if stage.name == "split" else stage  # type: ignore[arg-type]
        for stage in PIPELINE
    ]


def run(folder: Path, paths: dict[str, str], stages: list[Stage]) -> None:
    made = prepared(write_recipe(folder / "small.toml"), folder / "lake", paths)
    run_pipeline(made, stages, run_in_threads(2), Unwatched())


def test_a_leak_breaks_a_rule_of_the_split_stage(tmp_path: Path, paths: dict[str, str]) -> None:
    with pytest.raises(DataError, match="1 pair of near-duplicates or of one examination in two splits"):
        run(tmp_path, paths, planted())


def test_a_leak_that_gets_by_stops_the_release(tmp_path: Path, paths: dict[str, str]) -> None:
    """Without that rule, the certificate finds it in the pictures."""
    with pytest.raises(DataError, match=r"the splits leak: 1 pair of near-duplicates .* No release is made"):
        run(tmp_path, paths, planted(rules=no_rules))


def test_splits_that_others_published_are_held_against_the_pictures(tmp_path: Path, outcome: Outcome) -> None:
    """Folds that divide the near-duplicates; a test set of single instructions, whose images are all in train too."""
    folder = outcome.release.path
    near = outcome.table("near_duplicates").filter(pl.col("source") == "hyperkvasir").row(0, named=True)
    stems = [name.partition("/")[2] for name in (near["sample_id"], near["other_id"])]
    lines = [f"{stem}.jpg;polyp;{fold}" for fold, stem in enumerate(stems)]
    (tmp_path / "folds.csv").write_text("\n".join(["file-name;class-name;split-index", *lines]))
    found = check_folds(folder, tmp_path / "folds.csv")
    assert (found.listed, found.matched) == (2, 2)
    assert found.certificate["leaks"]["near_duplicates"] == found.certificate["leaks"]["groups"] == 1
    hashes = outcome.table("records")["image_sha256"].unique().sort()[:3].to_list()
    (tmp_path / "items.jsonl").write_text("\n".join(json.dumps({"image_sha256": sha256}) for sha256 in hashes))
    leaks = check_items(folder, {"test": tmp_path / "items.jsonl"}, "train").certificate["leaks"]
    assert leaks["images"] == leaks["files"] == 3
    (tmp_path / "other.csv").write_text("file-name;class-name;split-index\nz.jpg;polyp;0\n")
    with pytest.raises(DataError, match="none of the 1 listed images"):
        check_folds(folder, tmp_path / "other.csv")


def following(folder: Path, previous: str, **changes: str) -> str:
    """The recipe whose splits follow a release."""
    fractions = "fractions = { train = 0.6, test = 0.4 }"
    edits = [(fractions, f'{fractions}\nprevious = "{previous}"'), *changes.items()]
    return write_recipe(folder / "following.toml", *edits)


def placed(outcome: Outcome) -> dict[str, str]:
    return dict(outcome.table("splits").select("sample_id", "split").iter_rows())


def test_known_images_keep_their_split_in_the_next_version(
    tmp_path: Path, outcome: Outcome, paths: dict[str, str]
) -> None:
    """With another seed and other fractions, by NAME@ROOT or by folder; the manifest holds the whole root."""
    lake = Path(copytree(outcome.build.lake.root, tmp_path / "lake"))
    root = outcome.release.manifest_root
    again = build(following(tmp_path, f"small@{root[:12]}", **{"seed = 5": "seed = 6"}), lake, paths, version="1.1.0")
    assert placed(again) == placed(outcome)
    assert again.table("split_changes").is_empty()
    assert read_manifest(again.release.path).recipe["splits"]["previous"] == f"small@{root}"
    by_folder = following(tmp_path, str(outcome.release.path), **{"seed = 5": "seed = 6"})
    same = build(by_folder, lake, paths, version="1.1.0")
    assert same.release.manifest_root == again.release.manifest_root
    assert same.release.kept


def test_official_splits_are_honoured_by_recipe_and_conflicts_listed(tmp_path: Path, paths: dict[str, str]) -> None:
    """Every image is where its source's authors have it, or among the changes with the reason."""
    old = "fractions = { train = 0.6, test = 0.4 }"
    new = "fractions = { train = 0.6, validation = 0.2, test = 0.2 }\nhonour_official = true"
    outcome = build(write_recipe(tmp_path / "small.toml", (old, new)), tmp_path / "lake", paths)
    official = outcome.table("samples").select("sample_id", "official_split").drop_nulls("official_split")
    both = outcome.table("splits").join(official, on="sample_id")
    assert both["official_split"].n_unique() > 1
    elsewhere = both.filter(pl.col("split") != pl.col("official_split"))
    changes = outcome.table("split_changes")
    assert sorted(changes["sample_id"]) == sorted(elsewhere["sample_id"])
    assert set(changes["stated_by"]) <= {"official"}
    near = outcome.table("near_duplicates").filter(pl.col("source") == "kvasir_instrument")
    divided = both.filter(pl.col("sample_id").is_in([*near["sample_id"], *near["other_id"]]))
    assert changes.height == divided["official_split"].n_unique() - 1
    told = {
        row["source"]: row for row in json.loads((outcome.release.path / CERTIFICATE).read_text())["official_splits"]
    }
    assert told["kvasir_instrument"]["leaks"]["near_duplicates"] == changes.height


def test_a_previous_release_that_is_not_there_or_not_itself_is_refused(
    tmp_path: Path, release: Path, outcome: Outcome, paths: dict[str, str]
) -> None:
    """The message says what there is."""
    lake = Path(copytree(outcome.build.lake.root, tmp_path / "lake"))
    root = outcome.release.manifest_root
    with pytest.raises(UsageError, match=rf"small@00000000': no such release.*1\.0\.0: {root[:12]}"):
        prepared(following(tmp_path, "small@00000000"), lake, paths)
    with pytest.raises(UsageError, match="no such release"):
        prepared(following(tmp_path, "small"), lake, paths)
    with pytest.raises(UsageError, match=f"has the manifest root {root}"):
        prepared(following(tmp_path, f"{release}@00000000"), lake, paths)
    images = file_of(release, "images", "train")
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"images/train-00000-of-00001\.parquet is not what its manifest root says"):
        prepared(following(tmp_path, str(release)), lake, paths)


def test_the_command_line_shows_the_certificate(tmp_path: Path, release: Path) -> None:
    """For people with the histogram and what was not looked at; for machines as JSON; a leak ends in code 1."""
    shown = CliRunner().invoke(app, ["verify", str(release), "--leakage"])
    assert shown.exit_code == 0
    for text in ("In more than one split: groups 0", "Distances of pictures", "no patient and no video id"):
        assert text in shown.output
    (tmp_path / "folds.csv").write_text("file-name;class-name;split-index\n")
    refused = CliRunner().invoke(app, ["leakage", str(release)])
    assert isinstance(refused.exception, UsageError)
    stems = pq.read_table(file_of(release, "images", "train"), columns=["stem"])["stem"].to_pylist()
    lines = [f"{stem}.jpg;polyp;{number % 2}" for number, stem in enumerate(stems)]
    (tmp_path / "folds.csv").write_text("\n".join(["file-name;class-name;split-index", *lines]))
    folds = CliRunner().invoke(app, ["leakage", str(release), "--folds", str(tmp_path / "folds.csv"), "--json"])
    assert json.loads(folds.stdout)["certificate"]["splits"][0]["split"] == "fold_0"
    plant_picture(release)
    leaking = CliRunner().invoke(app, ["verify", str(release), "--leakage", "--json"])
    assert leaking.exit_code == 1
    assert json.loads(leaking.stdout)["leakage"]["leaks"]["near_duplicates"] == 1
