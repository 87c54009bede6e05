"""Witnesses on the real pairs: trained on labels with planted errors, they rank them, propose, and take clicks."""

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import polars as pl
from numpy.typing import NDArray
from scipy import ndimage

from tests.acceptance.inputs import hyperkvasir, small

ARCHIVE = "hyper-kvasir-segmented-images.zip"
UNLABELLED, PLANTED = 12, 27
KINDS = ("another", "moved", "half")
FIRST = 40
RECIPE = """
name = "witnessed"
version = "{version}"
title = "Witnessed"
seed = 3
[sources.own]
path = "own"
licence = "CC-BY-4.0"
[sources.own.read]
format = "masks"
images = "images/{{stem}}.jpg"
annotations = "masks/{{stem}}.png"
[sources.own.read.masks]
kind = "binary"
label = "polyps"
object = "component"
[splits]
fractions = {{ train = 0.75, test = 0.25 }}
[instructions]
tasks = ["counting"]
{witness}
"""
PROGRAM = (sys.executable, "-P", "-m", "medmultipoints")
Mask = NDArray[np.bool_]


def run(work: Path) -> dict[str, Any]:
    """Train on a release whose labels hold planted errors; assert what must hold at any quality, return the figures."""
    truths, planted = write_pictures(work / "own")
    plain = build(work, "1.0.0", "")
    begun = time.perf_counter()
    score = command("train-witness", plain, "--out", work / "models", "--steps", 60 if small() else 1000)
    trained = time.perf_counter() - begun
    said, seconds, memory = ask(work, plain, "said")
    again, _, _ = ask(work, plain, "again")
    assert said["sha256"] == again["sha256"], "the same masks twice"
    section = f'[witness]\nfile = "said/predictions.parquet"\nsha256 = "{said["sha256"]}"\n'
    release = build(work, "1.1.0", section)
    for folder in ("data", "objects", "images", "instructions"):
        for path in sorted(plain.glob(f"{folder}/*")):
            assert path.read_bytes() == (release / path.relative_to(plain)).read_bytes(), path
    assert json.loads(output("verify", release, "--json"))["ok"]
    return {
        "pairs": len(truths),
        "out_of_fold_dice": score["out_of_fold"]["all"],
        "test_dice": score["other_splits"]["all"],
        "dice_to_truth": dice_to_truth(release, truths),
        "training_seconds": round(trained),
        "seconds_a_judgement": round(seconds / said["judged"], 4),
        "peak_mb": memory,
        "ranking": ranking(release, planted),
        "proposals": proposals(release, truths),
        "clicks": clicks(work, plain),
    }


def write_pictures(folder: Path) -> tuple[dict[str, Mask], dict[str, str]]:
    """Write the pairs, the last ones without masks, some masks wrong; return true masks and kinds of errors by name."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    truths: dict[str, Mask] = {}
    with zipfile.ZipFile(hyperkvasir() / ARCHIVE) as archive:
        for member in sorted(name for name in archive.namelist() if "/images/" in name and name.endswith(".jpg")):
            stem = Path(member).stem
            raw = np.frombuffer(archive.read(member.replace("/images/", "/masks/")), np.uint8)
            truths[stem] = without_specks(np.asarray(cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)) >= 128)
            (folder / "images" / f"{stem}.jpg").write_bytes(archive.read(member))
    order = np.random.default_rng(7).permutation(sorted(truths)).tolist()
    labelled = order[:-UNLABELLED]
    planted = {name: KINDS[place % len(KINDS)] for place, name in enumerate(labelled[:PLANTED])}
    for place, name in enumerate(labelled):
        other = truths[labelled[(place + 31) % len(labelled)]]
        mask = plant(truths[name], other, planted[name]) if name in planted else truths[name]
        cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask.astype(np.uint8) * 255)
    return truths, planted


def without_specks(mask: Mask) -> Mask:
    """The mask without components below 20 px: 20 of the masks have a stray pixel at the origin."""
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = ndimage.sum_labels(mask, parts, range(1, count + 1))
    return np.asarray(np.isin(parts, 1 + np.flatnonzero(np.asarray(sizes) >= 20)))


def plant(mask: Mask, other: Mask, kind: str) -> Mask:
    """Another picture's mask, the mask moved by a third of its size, or its right half gone."""
    if kind == "another":
        height, width = mask.shape
        return np.asarray(cv2.resize(other.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0)
    rows, columns = np.nonzero(mask)
    if kind == "moved":
        shift = round(np.ptp(rows) / 3 + 10), round(np.ptp(columns) / 3 + 10)
        return np.roll(mask, (-shift[0] if rows.mean() > mask.shape[0] / 2 else shift[0], shift[1]), (0, 1))
    half = mask.copy()
    half[:, int(columns.mean()) :] = False
    return half


def ask(work: Path, release: Path, name: str) -> tuple[dict[str, Any], float, int]:
    """Ask the models; return the outcome, the seconds, and the largest memory of the command in MB."""
    models = sorted((work / "models").glob("*.toml"))
    options = [part for model in models for part in ("--model", model)]
    begun = time.perf_counter()
    words = ["witness", release, *options, "--pictures", work / "own" / "images", "--out", work / name, "--json"]
    with (work / f"{name}.json").open("w+") as said:
        process = subprocess.Popen([*PROGRAM, *map(str, words)], stdout=said)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, name
        said.seek(0)
        outcome: dict[str, Any] = json.loads(said.read().splitlines()[-1])
    return outcome, time.perf_counter() - begun, round(usage.ru_maxrss / 1024)


def dice_to_truth(release: Path, truths: dict[str, Mask]) -> dict[str, Any]:
    """Return the Dice of the models on pictures of held-out groups, to the masks without planted errors."""
    said = pl.concat([pl.read_parquet(path) for path in sorted(release.glob("predictions/*.parquet"))])
    rows = [(row["split"], dice_of_masks(row["rles"], truths[row["sample_id"].removeprefix("own/")]))
            for row in said.iter_rows(named=True)]  # fmt: skip
    by_split = {split: [dice for own, dice in rows if own == split] for split in sorted({own for own, _ in rows})}
    return {
        split: {
            "judgements": len(found),
            "mean": round(float(np.mean(found)), 3),
            "median": round(float(np.median(found)), 3),
        }
        for split, found in by_split.items()
    }


def ranking(release: Path, planted: dict[str, str]) -> dict[str, Any]:
    """How well planted errors are ranked by 1 - agreement: AUROC in all and by kind, and those among the first."""
    doubts = pl.read_parquet(release / "quarantine" / "doubts.parquet")
    rows = doubts.unique(["sample_id", "model_sha256"]).group_by("sample_id").agg(pl.col("agreement").mean())
    scores = {name.removeprefix("own/"): 1 - agreement for name, agreement in rows.iter_rows()}
    clean = [score for name, score in scores.items() if name not in planted]
    first = sorted(scores, key=lambda name: -scores[name])[:FIRST]
    found = {"pictures": len(scores), "planted": sum(name in planted for name in scores)}
    found["auroc"] = auroc([scores[name] for name in planted if name in scores], clean)
    for kind in KINDS:
        found[kind] = auroc([scores[name] for name, own in planted.items() if own == kind and name in scores], clean)
    assert small() or found["auroc"] > 0.6, found
    return found | {f"planted_in_first_{FIRST}": sum(name in planted for name in first)}


def auroc(wrong: list[float], clean: list[float]) -> float:
    """The probability that a wrong one ranks before a clean one, ties counted half."""
    pairs = [(a > b) + (a == b) / 2 for a in wrong for b in clean]
    return round(sum(pairs) / len(pairs), 3)


def proposals(release: Path, truths: dict[str, Mask]) -> dict[str, Any]:
    """What was proposed for the unlabelled pictures, what the quality control refused, and both against the truth."""
    found: dict[str, Any] = {"unlabelled": UNLABELLED}
    files = sorted(release.glob("proposals/*.parquet"))
    proposed = pl.concat([pl.read_parquet(path) for path in files]) if files else pl.DataFrame({"sample_id": []})
    refused_file = release / "quarantine" / "refused_proposals.parquet"
    refused = pl.read_parquet(refused_file) if refused_file.exists() else pl.DataFrame({"reason": []})
    found["proposed"], found["refused"] = proposed.height, dict(refused.group_by("reason").len().iter_rows())
    for name, rows in (("dice_proposed", proposed), ("dice_refused", refused)):
        dices = [
            dice_of_masks([row["rle"]], truths[row["sample_id"].removeprefix("own/")])
            for row in rows.iter_rows(named=True)
        ]
        found[name] = round(float(np.mean(dices)), 3) if dices else None
    assert proposed.height + refused.height > 0
    following = pl.read_parquet(release / "quarantine" / "next_labels.parquet")
    assert following.height == UNLABELLED
    return found


def dice_of_masks(rles: list[str], truth: Mask) -> float:
    """Return the Dice of the union of masks with the true mask."""
    from pycocotools import mask as coco

    own = np.zeros_like(truth)
    for rle in rles:
        own |= coco.decode({"size": list(truth.shape), "counts": rle.encode()}) > 0
    return float(2 * (own & truth).sum() / (own.sum() + truth.sum()))


def clicks(work: Path, release: Path) -> dict[str, Any]:
    """Corrective clicks by the command, and for some objects again by scipy and onnxruntime."""
    toml = work / "models" / "small-unet-1.toml"
    options = ("--model", toml, "--split", "test", "--rounds", 5, "--most", 12)
    found = command("evaluate-clicks", release, *options)
    assert found == command("evaluate-clicks", release, *options), "the same clicks twice"
    objects = pl.concat([pl.read_parquet(path) for path in sorted(release.glob("objects/*.parquet"))])
    session = onnxruntime.InferenceSession(str(toml.with_suffix(".onnx")), providers=["CPUExecutionProvider"])
    for one in found["sessions"][:4]:
        row = objects.row(by_predicate=pl.col("object_id") == one["object_id"], named=True)
        picture = cv2.imread(str(work / "own" / "images" / f"{row['sample_id'].removeprefix('own/')}.jpg"))
        again_by_hand(one["rounds"], row["rle"], cv2.cvtColor(np.asarray(picture), cv2.COLOR_BGR2RGB), session)
    return {name: found[name] for name in ("objects", "dice", "iou", "clicks_to_90", "not_reached")}


def again_by_hand(rounds: list[dict[str, Any]], rle: str, picture: Any, session: Any) -> None:
    """Follow the stated clicks with other code; each must be in the largest error, each figure the same."""
    from pycocotools import mask as coco

    height, width = picture.shape[:2]
    truth = coco.decode({"size": [height, width], "counts": rle.encode()}) > 0
    shown, disks = np.zeros_like(truth), np.zeros((2, 64, 64), np.float32)
    levels = (cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32) - [120, 80, 60]) / [
        80,
        60,
        50,
    ]
    for one in rounds:
        parts = [ndimage.label(error, np.ones((3, 3))) for error in (truth & ~shown, shown & ~truth)]
        sizes = [max(ndimage.sum_labels(part > 0, part, range(1, count + 1)), default=0) for part, count in parts]
        assert one["positive"] == (sizes[0] >= sizes[1])
        part = parts[0 if one["positive"] else 1][0]
        own = part[one["y"], one["x"]]
        assert own and (part == own).sum() == max(sizes)
        depth = ndimage.distance_transform_edt(np.pad(part == own, 1))
        assert abs(depth.max() - depth[one["y"] + 1, one["x"] + 1]) < 1e-3
        centre = int((one["x"] + 0.5) * 64 / width), int((one["y"] + 0.5) * 64 / height)
        cv2.circle(disks[0 if one["positive"] else 1], centre, 2, 1.0, thickness=-1)
        before = cv2.resize(shown.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA) >= 0.5
        tensor = np.concatenate([np.moveaxis(levels, 2, 0), disks, before[None]])[None].astype(np.float32)
        logits = session.run(None, {session.get_inputs()[0].name: tensor})[0][0, 0]
        shown = cv2.resize(1 / (1 + np.exp(-logits)), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
        shared, total = int((shown & truth).sum()), int(shown.sum()) + int(truth.sum())
        assert abs(one["dice"] - 2 * shared / total) < 0.002
        assert abs(one["iou"] - shared / (total - shared)) < 0.002


def build(work: Path, version: str, witness: str) -> Path:
    """Return the release of a version."""
    recipe = work / f"{version}.toml"
    recipe.write_text(RECIPE.format(version=version, witness=witness), "utf-8")
    output("build", recipe, "--lake", work / "lake")
    return work / "lake" / "releases" / "witnessed" / version


def command(*arguments: object) -> dict[str, Any]:
    """Return the JSON of a command."""
    found: dict[str, Any] = json.loads(output(*arguments, "--json").splitlines()[-1])
    return found


def output(*arguments: object) -> str:
    """Return what a command prints on standard output; what it says of an error is the error."""
    done = subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
