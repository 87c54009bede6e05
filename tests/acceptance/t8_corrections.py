"""Corrections of each action, one that no longer matches, and a withdrawal: build, difference, card, publish plan."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.publish.plain_folder import PlainFolder
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import push
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.compare import compare_releases
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.transforms.errors import DataError
from tests.acceptance.builds import build
from tests.acceptance.inputs import hyperkvasir

RECIPE = """
name = "reviewed"
version = "{version}"
title = "Reviewed polyps"
seed = 7

[sources.hyperkvasir]
[sources.kvasir_instrument]

[corrections]
files = ["corrections/*.toml"]
"""
REVIEW = {"reason": "seen by two people", "reviewer": "A. Reviewer", "date": "2026-11-20"}
Entry = dict[str, Any]


def run(work: Path) -> dict[str, Any]:
    """A release of the real pairs, one with every action, one that undoes the withdrawal, one with a stale entry."""
    first = release(work, "1.0.0")
    entries, withdrawn = choose(first)
    write(work, entries, [withdrawn])
    second = release(work, "2.0.0")
    return {
        "difference": check_difference(first, second, entries, withdrawn),
        "release": check_release(first, second, entries, withdrawn),
        "card": check_card(second, entries, withdrawn),
        "publish_plan": check_plan(work, first, second, withdrawn),
        "stale": check_stale(work, entries["set_label"]),
    }


def release(work: Path, version: str, lake: str = "lake") -> Outcome:
    """The recipe's release with whatever corrections lie beside it now."""
    (work / "corrections").mkdir(exist_ok=True)
    recipe = work / "reviewed.toml"
    recipe.write_text(RECIPE.format(version=version))
    return build(recipe, work / lake, {"hyperkvasir": hyperkvasir()})


def choose(outcome: Outcome) -> tuple[dict[str, Entry], str]:
    """An entry for each action, on images of their own, and the sha256 of an image to withdraw."""
    objects = outcome.table("objects").sort("sample_id", "index")
    (phantom, *_) = outcome.table("disagreements").filter(kind="phantom").sort("stem").to_dicts()
    rest = objects.filter(pl.col("sample_id") != phantom["sample_id"])
    single = rest.filter(pl.len().over("sample_id") == 1).to_dicts()
    several = rest.filter(pl.len().over("sample_id") > 1).to_dicts()
    names = [{"image": row["sample_id"], "image_sha256": row["image_sha256"]} for row in single]
    box = [several[0][side] for side in ("x1", "y1", "x2", "y2")]
    accepted = {"image": phantom["sample_id"], "image_sha256": phantom["image_sha256"]}
    return {
        "exclude": {**names[0], "action": "exclude"},
        "exclude an object": {
            "image": several[0]["sample_id"],
            "image_sha256": several[0]["image_sha256"],
            "action": "exclude",
            "object": several[0]["object_id"],
            "box": box,
        },
        "accept": {**accepted, "action": "accept", "kind": "phantom"},
        "replace_boxes": {**names[1], "action": "replace_boxes", "label": "polyps", "boxes": [[10, 20, 110, 220]]},
        "set_label": {**names[2], "action": "set_label", "label": "instrument"},
    }, single[3]["image_sha256"]


def write(work: Path, entries: dict[str, Entry], withdrawn: list[str]) -> None:
    """The files that a reviewer would commit."""
    folder = work / "corrections"
    folder.mkdir(exist_ok=True)
    (folder / "polyps.toml").write_text("\n".join(table("corrections", entry) for entry in entries.values()))
    (folder / "withdrawn.toml").write_text("\n".join(table("withdrawn", {"image_sha256": one}) for one in withdrawn))


def table(name: str, entry: Entry) -> str:
    """One entry as TOML."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in (entry | REVIEW).items()]
    return "\n".join([f"[[{name}]]", *lines, ""])


def check_release(first: Outcome, second: Outcome, entries: dict[str, Entry], withdrawn: str) -> dict[str, int]:
    """Each decision holds in the released tables, and nothing else changed."""
    objects, images = second.table("objects"), second.table("released_images")
    assert entries["exclude"]["image"] not in set(images["sample_id"]), "the excluded image is released"
    assert withdrawn not in set(images["image_sha256"]), "the withdrawn image is released"
    one = entries["exclude an object"]["image"]
    before, after = (outcome.table("objects").filter(sample_id=one).height for outcome in (first, second))
    assert after == before - 1, f"{one} has {after} objects, {before} before one was excluded"
    boxes = (
        objects.filter(sample_id=entries["replace_boxes"]["image"]).select("evidence", "x1", "y1", "x2", "y2").rows()
    )
    assert boxes == [("correction", 10, 20, 110, 220)], boxes
    labels = objects.filter(sample_id=entries["set_label"]["image"])["label"].to_list()
    assert labels == ["instrument"], labels
    (accepted,) = second.table("disagreements").filter(kind="phantom", sample_id=entries["accept"]["image"]).to_dicts()
    assert accepted["severity"] == "info", accepted
    assert accepted["action"].startswith("accepted by A. Reviewer"), accepted
    touched = [entry["image"] for entry in entries.values()]
    same = [
        outcome.table("objects")
        .filter(~pl.col("sample_id").is_in(touched), pl.col("image_sha256") != withdrawn)
        .drop("split")
        for outcome in (first, second)
    ]
    assert same[0].equals(same[1]), "an object that nobody decided about changed"
    assert verify_release(second.release.path).ok, "the corrected release fails its own check"
    return {"images_before": first.table("released_images").height, "images_after": images.height}


def check_difference(first: Outcome, second: Outcome, entries: dict[str, Entry], withdrawn: str) -> list[str]:
    """The two images that left are named, and the boxes that changed."""
    told = compare_releases(first.release.path, second.release.path).text
    (gone,) = first.table("released_images").filter(image_sha256=withdrawn)["sample_id"]
    for image in (entries["exclude"]["image"], gone):
        assert image in told, f"{image} is not in the difference: {told}"
    assert entries["replace_boxes"]["image"] in told, f"the replaced boxes are not in the difference: {told}"
    return told.splitlines()


def check_card(second: Outcome, entries: dict[str, Entry], withdrawn: str) -> list[str]:
    """The card lists every decision with reason, reviewer and date."""
    card = (second.release.path / "README.md").read_text()
    lines = [line for line in card.splitlines() if "A. Reviewer" in line and line.startswith("| ")]
    for entry in entries.values():
        assert any(entry["image"] in line and entry["action"] in line for line in lines), entry
    assert any(withdrawn in line for line in lines), "the card does not list the withdrawal"
    return lines


def check_plan(work: Path, first: Outcome, second: Outcome, withdrawn: str) -> dict[str, Any]:
    """The plan names the old version that still holds the image; a version that brings it back is refused."""
    versions = PlainFolder(work / "versions")
    push(plan_push(first.release.path, versions), versions)
    plan = plan_push(second.release.path, versions)
    holders = {holder.tag: list(holder.images) for holder in plan.holders}
    assert holders == {"v1.0.0": [withdrawn]}, holders
    push(plan, versions)
    (work / "corrections" / "withdrawn.toml").unlink()
    built = refusal(lambda: release(work, "3.0.0"))
    elsewhere = release(work, "3.0.0", "elsewhere").release.path
    planned = refusal(lambda: plan_push(elsewhere, versions))
    return {"holders": holders, "build_refused": built, "plan_refused": planned}


def refusal(act: Callable[[], object]) -> str:
    """The words with which a release that brings a withdrawn image back is refused."""
    try:
        act()
    except DataError as error:
        return str(error)
    raise AssertionError("a release that brings a withdrawn image back was not refused")


def check_stale(work: Path, entry: Entry) -> dict[str, str]:
    """The build ends with file and entry of the correction whose image has other bytes now."""
    write(work, {"stale": entry | {"image_sha256": "0" * 64}}, [])
    try:
        release(work, "4.0.0")
    except DataError as error:
        told = str(error)
    else:
        raise AssertionError("a correction that no longer matches was passed over")
    assert "polyps.toml, [[corrections]] 1" in told, told
    return {"error": told}
