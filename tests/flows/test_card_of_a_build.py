"""The card of a build: what the curator wrote stays, and the difference from the release before is told."""

from pathlib import Path

import orjson

from medmultipoints.data_lake.release.checks.verify import verify_release
from tests.flows.small_builds import build, make_sources, write_recipe

CARD = '\n[card]\nabout = "By **hand**."\nchanges = "Masks mended."\n'


def test_a_build_tells_the_difference_from_the_release_that_its_recipe_names(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "sources")
    lake = tmp_path / "lake"
    first = build(write_recipe(tmp_path / "first.toml"), lake, sources).release
    splits = "fractions = { train = 0.6, test = 0.4 }"
    tasks = 'tasks = ["pointing", "bounding", "counting"]'
    later = write_recipe(
        tmp_path / "later.toml",
        ('version = "1.0.0"', 'version = "1.1.0"'),
        (splits, f'{splits}\nprevious = "small@{first.manifest_root[:12]}"'),
        (tasks, f'tasks = ["pointing", "bounding"]\n{CARD}'),
    )
    release = build(later, lake, sources).release.path
    card = (release / "README.md").read_text()
    told = card.split("## How it differs from the version before")[1].split("##")[0]
    assert "From small 1.0.0:" in told
    assert "Masks mended." in told
    assert "34 instructions lost" in told
    assert "records" not in told.split("```")[1]  # nothing else differs, types of columns included
    assert "\nBy **hand**.\n" in card
    changes = orjson.loads((release / "changes.json").read_bytes())
    assert (changes["from"], changes["level"]) == ("small 1.0.0", "minor")
    assert [(change["kind"], change["count"]) for change in changes["changes"]] == [("instructions_lost", 34)]
    assert verify_release(release).ok


def test_a_release_holds_what_its_tables_were_held_against(tmp_path: Path) -> None:
    outcome = build(write_recipe(tmp_path / "recipe.toml"), tmp_path / "lake", make_sources(tmp_path / "sources"))
    tables = orjson.loads((outcome.release.path / "expectations.json").read_bytes())["tables"]
    records = next(table for table in tables if table["table"] == "records")
    assert (records["stage"], records["rows"], records["held_back"]) == ("record", outcome.table("records").height, 0)
    judged = {rule["rule"]: (rule["rows"], rule["failed"]) for rule in records["rules"]}
    assert judged["lengths_agree"] == (records["rows"], 0)
