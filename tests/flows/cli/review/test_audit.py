"""``audit`` from the command line, on a small build with two planted faults."""

import json
import tomllib
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.cli.review.audit import print_entries, print_findings
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables
from tests.flows.small_builds import build, write_recipe

SIZES = SimulatedSizes(polyps=12, instruments=0, videos=0, unsegmented=0)
OTHERS = ("[sources.kvasir_instrument]\n[sources.visem_tracking]\n", "")
KEYS = ["source", "stem", "image_sha256", "kind", "severity", "label", "source_box", "derived_box", "iou"]
KEYS += ["action", "detail"]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of a source with a phantom and an inflated box."""
    folder = tmp_path_factory.mktemp("audit")
    sources = write_sources(folder / "sources", seed=3, sizes=SIZES, faults=("phantom_box", "inflated_box"))
    given = {name: str(path) for name, path in sources.paths.items()}
    return build(write_recipe(folder / "small.toml", OTHERS), folder / "lake", given).release.path


def test_machines_get_one_finding_a_line_with_exactly_the_agreed_keys(release: Path) -> None:
    """The worst first; each line is JSON of its own."""
    found = CliRunner().invoke(app, ["audit", str(release), "--json"])
    assert found.exit_code == 0, found.output
    rows = [json.loads(line) for line in found.output.splitlines()]
    assert {tuple(row) for row in rows} == {tuple(KEYS)}
    assert [row["kind"] for row in rows if row["severity"] == "error"] in (
        ["phantom", "inflated_to_origin"],
        ["inflated_to_origin", "phantom"],
    )
    ranks = [("error", "warning", "info").index(row["severity"]) for row in rows]
    assert ranks == sorted(ranks)


def test_people_see_the_convention_and_the_worst_findings(release: Path) -> None:
    """With both boxes."""
    told = CliRunner().invoke(app, ["audit", str(release)]).output
    assert "hyperkvasir: the left side of its boxes is 1 px too far left, the upper side 1 px too far up (" in told
    assert "box derived from the mask is used" in told
    (row,) = pl.read_parquet(release / "quarantine/disagreements.parquet").filter(kind="phantom").to_dicts()
    assert " ".join(f"{side:g}" for side in row["source_box"]) in told


def test_one_kind_can_be_asked_for(release: Path) -> None:
    """And no other is told."""
    found = CliRunner().invoke(app, ["audit", str(release), "--kind", "phantom", "--json"])
    assert [json.loads(line)["kind"] for line in found.output.splitlines()] == ["phantom"]


def test_findings_become_entries_that_a_reviewer_fills_in(release: Path) -> None:
    """Each an accept of its kind, refused until reviewer and date are there."""
    text = CliRunner().invoke(app, ["audit", str(release), "--kind", "phantom", "--entries"]).output
    (found,) = tomllib.loads(text)["corrections"]
    assert (found["action"], found["kind"], found["reviewer"], found["date"]) == ("accept", "phantom", "", "")


def test_a_release_without_findings_table_says_what_to_do(tmp_path: Path) -> None:
    """It is older than the audit."""
    found = CliRunner().invoke(app, ["audit", str(write_release(tmp_path / "old", make_tables()))])
    assert isinstance(found.exception, DataError)
    assert "the release lists no quarantine/disagreements.parquet" in str(found.exception)


def test_the_card_states_the_convention(release: Path) -> None:
    """In words and figures."""
    assert "(half-open boxes + (-1, -1, 0, 0) px, cut at 0); " in (release / "README.md").read_text()


def test_findings_about_rejected_images_are_counted_in_place_of_entries(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing can be decided about a frame that is in quarantine."""
    about = {"sample_id": "visem_tracking/11_frame_0", "image_sha256": None, "kind": "class_change", "label": ""}
    print_entries(pl.DataFrame([about]))
    assert capsys.readouterr().out == "# without an entry, because their images are in quarantine: 1 finding\n"


def test_an_entry_settles_the_finding_of_one_label_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The kind is enough where the picture has no such finding of another label."""
    about = [("a", "count_mismatch", "polyp"), ("a", "count_mismatch", "cyst"), ("a", "phantom", "cyst")]
    about += [("b", "count_mismatch", "cyst")]
    rows = [{"sample_id": f"s/{name}", "kind": kind, "label": label} for name, kind, label in about]
    print_entries(pl.DataFrame(rows).with_columns(image_sha256=pl.lit("0" * 64)))
    found = tomllib.loads(capsys.readouterr().out)["corrections"]
    assert [one.get("label") for one in found] == ["polyp", "cyst", None, None]


def test_findings_of_a_chosen_kind_are_shown_even_if_they_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """All kinds together show errors and warnings alone."""
    names = {"severity": "info", "kind": "carries_metadata", "action": "kept", "label": "", "detail": "EXIF Artist"}
    nothing = dict.fromkeys(("source_box", "derived_box", "iou"))
    findings = pl.DataFrame([{"sample_id": "s/1", **names, **nothing}])
    print_findings(findings)
    assert "1 more: --kind KIND and --json show them all" in capsys.readouterr().out
    print_findings(findings, of_kind=True)
    assert "s/1\t\t\t\t\tEXIF Artist" in capsys.readouterr().out
