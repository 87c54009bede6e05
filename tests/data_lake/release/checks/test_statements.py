"""Each statement of manifest.json is proved by the files under the root: an edit of it alone is always found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medmultipoints.data_lake.release.checks.verify import VerifyReport, verify_release

Manifest = dict[str, Any]


@pytest.fixture
def built(simulated: Path, tmp_path: Path) -> Path:
    """A copy of a built release, in a lake of its own, that the test may damage."""
    return shutil.copytree(simulated, tmp_path / "releases" / "demo" / simulated.name)


def failed(report: VerifyReport) -> dict[str, str]:
    return {check.name: check.detail for check in report.checks if not check.ok}


def edit(folder: Path, change: Callable[[Manifest], object], name: str = "manifest.json") -> None:
    stated = json.loads((folder / name).read_bytes())
    change(stated)
    (folder / name).unlink()
    (folder / name).write_text(json.dumps(stated))


def test_what_a_built_release_does_not_prove_is_said(built: Path) -> None:
    report = verify_release(built)
    assert failed(report) == {}
    assert {check.name: check.detail for check in report.checks if not check.proved} == {
        "packages": "stated, not proved: a signature proves it (--allowed-signers)",
        "findings": "stated, not proved: they are of the sources; a signature proves them (--allowed-signers)",
        "origins": (
            "stated, not proved: recipe, source files, accounting, expectations, what sources say of pictures, "
            "sentences and pictures of the card; a signature proves them (--allowed-signers)"
        ),
        "near_duplicates": "stated, not proved: --leakage compares the pictures again",
    }


EDITS: dict[str, tuple[Callable[[Manifest], object], str]] = {
    "another version": (lambda m: m.update(version="9.0.0"), "identity"),
    "another name": (lambda m: m.update(name="other"), "identity"),
    "another date": (lambda m: m.update(release_date="2020-01-01"), "identity"),
    "another code": (lambda m: m.update(code_digest="0" * 64), "identity"),
    "another root": (lambda m: m.update(manifest_root="0" * 64), "manifest_root"),
    "another digest of the rows": (lambda m: m.update(logical_digest="0" * 64), "logical_digest"),
    "the hash of a source file": (lambda m: m["sources"][0]["files"][0].update(sha256="0" * 64), "inputs"),
    "the size of a source file": (lambda m: m["sources"][0]["files"][0].update(bytes=1), "inputs"),
    "a source file that is called official": (lambda m: m["sources"][0]["files"][0].update(known=True), "inputs"),
    "a source that is called official": (lambda m: m["sources"][0].update(known=True), "inputs"),
    "a source left out": (lambda m: m["sources"].pop(), "inputs"),
    "another seed": (lambda m: m["recipe"].update(seed=99), "recipe"),
    "another policy": (lambda m: m["recipe"]["boxes"].update(policy="published"), "recipe"),
    "an empty recipe": (lambda m: m.update(recipe={}), "recipe"),
    "withdrawals emptied": (lambda m: m["recipe"]["corrections"].pop("withdrawn"), "recipe"),
    "a withdrawal added": (
        lambda m: m["recipe"]["corrections"].update(withdrawn=[{"image_sha256": "a" * 64}]),
        "recipe",
    ),
    "the version of the recipe": (lambda m: m["recipe"].update(version="9.0.0"), "recipe"),
    "an accounting that adds up": (
        lambda m: m["accounting"][0].update(
            **{"in": m["accounting"][0]["in"] + 1, "used": m["accounting"][0]["used"] + 1}
        ),
        "inputs",
    ),
    "a stage left out": (lambda m: m["accounting"].pop(), "inputs"),
    "a file left out": (
        lambda m: m["files"].remove(next(f for f in m["files"] if f["path"] == "recipe.json")),
        "manifest_root",
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edit_of_the_manifest_alone_is_found(built: Path, case: str) -> None:
    change, name = EDITS[case]
    edit(built, change)
    assert name in failed(verify_release(built))


def test_packages_that_were_edited_are_reported_as_unproved(built: Path) -> None:
    """Nothing in a release can prove what was installed where it was built; a signature can."""
    edit(built, lambda m: m["packages"].update(polars="0.0.1"))
    (packages,) = [check for check in verify_release(built).checks if check.name == "packages"]
    assert packages.ok and not packages.proved


def test_a_folder_of_another_version_or_name_is_found(built: Path) -> None:
    moved = built.rename(built.with_name("8.0.0"))
    assert "the folder is that of version 8.0.0" in failed(verify_release(moved))["identity"]
    other = moved.parents[1] / "other"
    other.mkdir()
    moved = moved.rename(other / built.name)
    assert "the folder is that of 'other'" in failed(verify_release(moved))["identity"]


def test_a_copy_under_any_other_name_is_the_same_release(built: Path) -> None:
    assert failed(verify_release(built.rename(built.parents[2] / "copy"))) == {}


RESULTS: dict[str, tuple[str, Callable[[Manifest], object], str, str]] = {
    "a leak that is stated": (
        "leakage.json",
        lambda c: c["leaks"].update(groups=1),
        "stated_leakage",
        "1 group is in more than one split",
    ),
    "a near-duplicate that is stated": (
        "leakage.json",
        lambda c: c["leaks"].update(near_duplicates=2),
        "stated_leakage",
        "2 pairs of near-duplicates are in different splits",
    ),
    "a threshold that hides leaks": (
        "leakage.json",
        lambda c: c["search"].update(threshold=0.0),
        "stated_leakage",
        "threshold",
    ),
    "other images of a split": (
        "leakage.json",
        lambda c: c["splits"][0].update(images=1),
        "stated_leakage",
        "other splits than the images have",
    ),
    "other groups": (
        "leakage.json",
        lambda c: c["groups"].update(count=1),
        "stated_leakage",
        "other groups than the images have",
    ),
    "leaks of another type": ("leakage.json", lambda c: c.update(leaks=[]), "stated_leakage", "leaks is incomplete"),
    "a critical rule that failed": (
        "expectations.json",
        lambda e: e["tables"][-1]["rules"][0].update(failed=1, severity="critical"),
        "expectations",
        "(critical)",
    ),
    "more rows held back than break a rule": (
        "expectations.json",
        lambda e: e["tables"][0].update(held_back=1),
        "expectations",
        "1 row is held back, more than break a rule",
    ),
    "another number of rows": (
        "expectations.json",
        lambda e: next(t for t in e["tables"] if t["table"] == "records").update(rows=1),
        "expectations",
        "1 row was judged",
    ),
    "text for a number": (
        "expectations.json",
        lambda e: e["tables"][0].update(rows="many"),
        "expectations",
        "expectations.json is damaged: tables.0.rows",
    ),
}


@pytest.mark.parametrize("case", RESULTS)
def test_stated_results_are_read_and_checked(built: Path, case: str) -> None:
    file, change, name, detail = RESULTS[case]
    edit(built, change, file)
    assert detail in failed(verify_release(built))[name]
