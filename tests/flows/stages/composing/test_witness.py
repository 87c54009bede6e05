"""A release with witnesses: truth stays byte for byte, proposals go through the review into the next version."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.decide import decide
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.data_lake.witnesses.executors import open_model
from medmultipoints.data_lake.witnesses.model_file import load_model
from medmultipoints.data_lake.witnesses.predict import ask_models, released_pictures
from medmultipoints.data_lake.witnesses.predictions_file import LISTS, read_predictions, write_predictions
from medmultipoints.data_lake.witnesses.train_models import Training, train_and_score
from medmultipoints.data_lake.witnesses.write_predictions import predict_release
from medmultipoints.flows.cli.building.build import models_of, notes_of
from medmultipoints.flows.recipe.corrections import parse_file
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import TONE_COLUMNS
from medmultipoints.transforms.sources.simulated.hyperkvasir import LABELLED_ZIP
from medmultipoints.transforms.witnesses.summary import note_half_decided
from tests.data_lake.witnesses.declared_models import declare, red_model
from tests.flows.small_builds import build
from tests.hub.fixtures import hub, publish, repo, running_hub
from tests.hub.running import TestHub

__all__ = ["hub", "repo", "running_hub"]

PICTURES, LABELLED = 30, 26
RECIPE = """
name = "squares"
version = "{version}"
title = "Squares"
release_date = "2026-11-21"
[sources.own]
path = "own"
licence = "CC0-1.0"
[sources.own.read]
format = "masks"
[sources.own.read.masks]
label = "polyps"
object = "component"
[splits]
fractions = {{ train = 0.7, test = 0.3 }}
[instructions]
tasks = ["pointing", "counting"]
[corrections]
files = ["corrections/*.toml"]
{witness}
"""


UNSEGMENTED = """
name = "unsegmented"
version = "{version}"
title = "Unsegmented"
[sources.hyperkvasir]
unsegmented = true
[splits]
fractions = {{ train = 0.6, test = 0.4 }}
[instructions]
tasks = ["counting"]
{witness}
"""
LOAD = """
import json, sys
from datasets import load_dataset
found = load_dataset(sys.argv[1], "proposals")
rows = [row for split in found.values() for row in split]
records = [row["sample_id"] for split in load_dataset(sys.argv[1]).values() for row in split.remove_columns("image")]
told = {"proposals": [row["proposal_id"] for row in rows], "evidence": [row["evidence"] for row in rows]}
print(json.dumps(told | {"records": len(set(records)), "size": list(rows[0]["image"].size)}))
"""


def write_pictures(folder: Path) -> None:
    """Gray noise with one red square each; of the last ones no mask, the first one's lies elsewhere."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(PICTURES):
        random = np.random.default_rng(number)
        pixels = random.integers(0, 90, (96, 128, 3), np.uint8)
        x, y = 8 * random.integers(1, 6), 6 * random.integers(1, 7)  # on the edges of the model's 16 x 16 cells
        x = x if number else 8  # there is room for the wrong place
        mask = np.zeros((96, 128), np.uint8)
        mask[y : y + 24, x : x + 40] = 255
        pixels[mask > 0, 0] = 250
        cv2.imwrite(str(folder / f"images/p{number:02d}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        if number < LABELLED:
            moved = np.roll(mask, 80, axis=1) if number == 0 else mask
            cv2.imwrite(str(folder / f"masks/p{number:02d}.png"), moved)


def release_of(folder: Path, version: str, witness: str = "") -> Path:
    path = folder / f"{version}.toml"
    path.write_text(RECIPE.format(version=version, witness=witness), "utf-8")
    return Path(build(str(path), folder / "lake", {}).release.path)


def table(release: Path, name: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(release.glob(f"{name}/*.parquet"))])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("witnessed")
    write_pictures(folder / "own")
    (folder / "corrections").mkdir()
    return folder


@pytest.fixture(scope="module")
def plain(work: Path) -> Path:
    return release_of(work, "1.0.0")


@pytest.fixture(scope="module")
def section(work: Path, plain: Path) -> str:
    model = declare(work / "models", red_model())
    said = predict_release(plain, [model], work / "said", pictures=[work / "own" / "images"])
    assert (PICTURES, PICTURES) == (said["pictures"], said["judged"])
    return f'[witness]\nfile = "said/predictions.parquet"\nsha256 = "{said["sha256"]}"\n'


@pytest.fixture(scope="module")
def witnessed(work: Path, section: str) -> Path:
    return release_of(work, "1.1.0", section)


def test_the_tables_of_truth_are_equal_byte_for_byte(plain: Path, witnessed: Path) -> None:
    for folder in ("data", "objects", "images", "instructions"):
        files = sorted(path.relative_to(plain) for path in plain.glob(f"{folder}/*"))
        assert files
        assert [(plain / path).read_bytes() for path in files] == [(witnessed / path).read_bytes() for path in files]
    assert not (plain / "predictions").exists()
    assert [check for check in verify_release(witnessed).checks if not check.ok] == []


def test_what_is_not_annotated_is_proposed_and_nothing_else(witnessed: Path) -> None:
    proposals = table(witnessed, "proposals")
    assert {f"own/p{number}" for number in range(LABELLED, PICTURES)} == set(proposals["sample_id"])
    assert {("model", "open", "polyps")} == set(proposals.select("evidence", "status", "label").rows())
    assert not set(proposals["sample_id"]) & set(table(witnessed, "images")["sample_id"])
    for row in proposals.iter_rows(named=True):
        pixels = cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), cv2.IMREAD_COLOR)
        red, mask = pixels[:, :, 2] == 250, decode_rle(row["rle"], 96, 128)
        assert (red & mask).sum() / (red | mask).sum() > 0.8
        assert row["stability"] >= 0.95
    card = (witnessed / "README.md").read_text("utf-8")
    assert "4 proposed, of these 0 accepted, 0 edited, 0 refused, 4 open" in card


def test_the_end_of_a_build_counts_predictions_and_proposals(work: Path, plain: Path, witnessed: Path) -> None:
    with_models, without = (
        build(str(work / f"{release.name}.toml"), work / "lake", {}) for release in (witnessed, plain)
    )
    line = "predicted   30 pictures by 1 model; 4 proposals (4 open)"
    assert ([line], []) == (models_of(with_models), models_of(without))


def test_a_model_of_other_labels_is_refused(work: Path, plain: Path) -> None:
    model = declare(work / "other", red_model(), changes=[('labels = ["polyps"]', 'labels = ["lesion"]')])
    with pytest.raises(UsageError, match="model red: it knows lesion, the release has polyps"):
        predict_release(plain, [model], work / "none")


def test_pictures_that_are_not_there_are_named_before_anything_is_judged(work: Path, plain: Path) -> None:
    model, seen = declare(work / "models", red_model()), list[int]()
    with pytest.raises(UsageError, match="--pictures .*gone: no such file or folder"):
        predict_release(plain, [model], work / "none", pictures=[work / "gone"], progress=lambda n, _: seen.append(n))
    assert not seen


def test_a_picture_with_an_accepted_and_an_open_proposal_of_one_class_is_noted() -> None:
    rows = [("own/a", "polyps", "accepted"), ("own/a", "polyps", "open"), ("own/a", "tool", "open")]
    rows += [("own/b", "polyps", "edited"), ("own/b", "polyps", "refused"), ("own/c", "polyps", "open")]
    proposals = pl.DataFrame(rows, schema=["sample_id", "label", "status"], orient="row")
    (note,) = note_half_decided(proposals)
    assert note.startswith("1 picture with an accepted proposal and open ones of its class, such as own/a:")
    assert [] == note_half_decided(proposals.filter(pl.col("sample_id") != "own/a"))


def test_a_label_that_the_release_lacks_is_named(work: Path, plain: Path) -> None:
    two = ('labels = ["polyps"]', 'labels = ["polyps", "zebra"]')
    model = declare(work / "zebra", red_model(maps=2), changes=[two])
    said = predict_release(plain, [model], work / "striped")
    (note,) = said["notes"]
    assert note.startswith("model red: zebra: not among the labels of the release (polyps)")
    section = f'[witness]\nfile = "striped/predictions.parquet"\nsha256 = "{said["sha256"]}"\n'
    (work / "zebra.toml").write_text(RECIPE.format(version="1.1.0", witness=section), "utf-8")
    assert 1 == notes_of(build(str(work / "zebra.toml"), work / "zebra-lake", {})).count(note)


def test_published_proposals_load_as_a_config_of_their_own(
    witnessed: Path, hub: TestHub, repo: str, tmp_path: Path
) -> None:
    publish(witnessed, repo)
    environment = hub.environment(tmp_path) | {"HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, repo], env=environment, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr[-2000:]
    loaded = json.loads(done.stdout.splitlines()[-1])
    proposals = table(witnessed, "proposals")
    assert sorted(proposals["proposal_id"]) == sorted(loaded["proposals"])
    assert {"model"} == set(loaded["evidence"])
    assert table(witnessed, "data")["sample_id"].n_unique() == loaded["records"]
    assert [128, 96] == loaded["size"]


def test_unsegmented_polyps_of_hyperkvasir_are_judged_and_in_no_record(work: Path) -> None:
    sizes = SimulatedSizes(polyps=8, instruments=0, videos=0, negatives=4, unsegmented=3)
    sources = write_sources(work / "simulated", seed=11, sizes=sizes).paths
    recipe = work / "unsegmented.toml"
    recipe.write_text(UNSEGMENTED.format(version="1.0.0", witness=""), "utf-8")
    paths = {name: str(path) for name, path in sources.items()}
    first = Path(build(str(recipe), work / "other-lake", paths).release.path)
    model = declare(work / "models", red_model())
    told = predict_release(first, [model], work / "others", pictures=[sources["hyperkvasir"] / LABELLED_ZIP])
    section = f'[witness]\nfile = "others/predictions.parquet"\nsha256 = "{told["sha256"]}"\n'
    recipe.write_text(UNSEGMENTED.format(version="1.1.0", witness=section), "utf-8")
    release = Path(build(str(recipe), work / "other-lake", paths).release.path)
    following = pl.read_parquet(release / "quarantine" / "next_labels.parquet")
    judged = set(table(release, "predictions")["sample_id"])
    assert 3 == following.height
    assert set(following["sample_id"]) <= judged
    assert not set(following["sample_id"]) & set(table(release, "data")["sample_id"])
    assert table(first, "data").equals(table(release, "data"))


def test_the_label_in_the_wrong_place_is_the_greatest_doubt(witnessed: Path) -> None:
    doubts = pl.read_parquet(witnessed / "quarantine" / "doubts.parquet").sort("place")
    assert {"own/p00"} == set(doubts.head(2)["sample_id"])
    assert {"extra", "missing"} == set(doubts.head(2)["kind"])
    assert {"agrees"} == set(doubts.tail(-2)["kind"])
    following = pl.read_parquet(witnessed / "quarantine" / "next_labels.parquet")
    assert PICTURES - LABELLED == following.height


def test_a_prediction_about_a_picture_of_another_size_is_named(work: Path, section: str) -> None:
    frame, models = read_predictions(work / "said" / "predictions.parquet", "said")
    row, *others = frame.to_dicts()
    none: dict[str, Any] = {name: [] for name in LISTS}
    (work / "odd").mkdir()
    entry = write_predictions(
        work / "odd" / "p.parquet", [*others, row | none | {"count": 0, "width": 64, "height": 48}], models
    )
    with pytest.raises(DataError, match=rf"witness.file p.parquet: {row['prediction_id']}: the model read 64 x 48 px"):
        release_of(work, "1.9.0", f'[witness]\nfile = "odd/p.parquet"\nsha256 = "{entry.sha256}"\n')


def test_the_same_file_gives_the_same_release(work: Path, section: str, witnessed: Path) -> None:
    again = work / "again"
    (again / "corrections").mkdir(parents=True)
    for name in ("own", "said"):
        (again / name).symlink_to(work / name)
    assert (witnessed / "manifest.json").read_bytes() == (
        release_of(again, "1.1.0", section) / "manifest.json"
    ).read_bytes()


def test_trained_models_judge_what_they_did_not_learn_and_training_repeats(work: Path, plain: Path) -> None:
    training = Training(split="train", folds=2, seed=1, steps=3)
    score, again = (train_and_score(plain, work / name, training, 1, lambda *_: None) for name in ("small", "same"))
    assert score == again
    models = [load_model(str(path)) for path in sorted((work / "small").glob("*.toml"))]
    assert sorted(score["models"].values()) == sorted(model.sha256 for model in models)
    rows = list(ask_models(released_pictures(plain, read_manifest(plain)), models))
    splits = dict(table(plain, "images").select("image_sha256", "split").iter_rows())
    judged = Counter((row["image_sha256"], splits[row["image_sha256"]]) for row in rows)
    assert set(splits.items()) == set(judged)
    assert {("train", 1), ("test", 2)} == {(split, times) for (_, split), times in judged.items()}
    picture = np.random.default_rng(0).random((2, *models[0].declared.network.input_shape), np.float32)
    one, other = (open_model(models[0], name)(picture) for name in ("opencv", "onnxruntime"))
    np.testing.assert_allclose(one, other, atol=1e-4)


def decided(desk: Desk, file: CorrectionsFile, finding: str, verdict: str, **more: Any) -> None:
    decide(
        desk, file, {"finding": finding, "verdict": verdict, "reviewer": "A. Reviewer", "reason": "looked at", **more}
    )


def objects_of(desk: Desk, finding: str) -> Sequence[dict[str, Any]]:
    """What the page sends when the proposed object was made smaller."""
    (shown,) = desk.show(desk.finding(finding))["objects"]
    x1, y1, x2, y2 = shown["box"]
    corners = [[x1, y1], [x2 - 4, y1], [x2 - 4, y2], [x1, y2]]
    return [{"label": shown["label"], "outlines": [corners], "origin": shown["id"], "changed": True}]


def test_decisions_about_proposals_reach_the_next_version(work: Path, section: str, witnessed: Path) -> None:
    desk = Desk(witnessed)
    file = CorrectionsFile(work / "corrections" / "squares.toml", parse_file)
    names = [row["finding_id"] for row in desk.findings.values() if row["kind"] == "proposal"]
    assert 4 == len(names)
    assert desk.pictures.read(desk.finding(names[0])["image_sha256"])
    decided(desk, file, names[0], "accept")
    decided(desk, file, names[1], "edit", objects=objects_of(desk, names[1]))
    decided(desk, file, names[2], "exclude", object=names[2])
    release = release_of(work, "1.2.0", section)
    assert [check for check in verify_release(release).checks if not check.ok] == []
    status = dict(table(release, "proposals").select("proposal_id", "status").iter_rows())
    assert ["accepted", "edited", "refused", "open"] == [status[name] for name in names]
    new = table(release, "objects").filter(evidence="correction")
    samples = {name: desk.finding(name)["sample_id"] for name in names}
    assert {samples[names[0]], samples[names[1]]} == set(new["sample_id"])
    accepted = new.filter(sample_id=samples[names[0]])
    proposed = table(witnessed, "proposals").filter(proposal_id=names[0])
    assert proposed["rle"].to_list() == accepted["rle"].to_list()
    assert new.select(pl.all_horizontal(pl.col(name).is_not_null() for name in TONE_COLUMNS)).to_series().all()
    card = (release / "README.md").read_text("utf-8")
    assert "4 proposed, of these 1 accepted, 1 edited, 1 refused, 1 open" in card
    assert f"| {samples[names[2]]} | refuse | proposal" in card
    changes = {change.what: change for change in diff_folders(witnessed, release).changes}
    assert 2 == changes["objects gained"].count
    said = [example.said for example in changes["decisions of reviewers added"].examples]
    assert 1 == said.count("proposal refused, A. Reviewer: looked at"), said


def test_one_accepted_proposal_is_not_all_until_a_reviewer_says_so(work: Path, section: str, witnessed: Path) -> None:
    place = work / "partly"
    (place / "corrections").mkdir(parents=True)
    for name in ("own", "said"):
        (place / name).symlink_to(work / name)
    desk, path = Desk(witnessed), place / "corrections" / "one.toml"
    name = min(row["finding_id"] for row in desk.findings.values() if row["kind"] == "proposal")
    sample_id = desk.finding(name)["sample_id"]
    decided(desk, CorrectionsFile(path, parse_file), name, "accept")
    partly = release_of(place, "1.2.0", section)
    own, left_out = pl.col("sample_id") == sample_id, pl.read_parquet(partly / "quarantine" / "exclusions.parquet")
    asked = pl.col("record_id").str.starts_with(desk.finding(name)["image_sha256"])
    assert [1] == table(partly, "data").filter(own)["count"].to_list()
    assert table(partly, "instructions").filter(asked).is_empty()
    assert "count_uncertain" in left_out.filter(own)["reason"].to_list()
    assert 1 == pl.read_parquet(partly / "quarantine" / "next_labels.parquet").filter(own).height
    path.write_text(path.read_text("utf-8").replace("add_masks", "replace_masks"), "utf-8")
    whole = release_of(place, "1.3.0", section)
    assert ["accepted"] == table(whole, "proposals").filter(own)["status"].to_list()
    assert ["pointing"] == table(whole, "instructions").filter(asked)["task"].to_list()
    assert pl.read_parquet(whole / "quarantine" / "next_labels.parquet").filter(own).is_empty()
