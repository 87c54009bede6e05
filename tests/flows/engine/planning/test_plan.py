"""Edit one of each: exactly the stages downstream rebuild."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medmultipoints.flows.engine.planning.plan import plan_keys
from medmultipoints.flows.engine.stage import Stage
from medmultipoints.flows.stages.pipeline import PIPELINE
from tests.flows.small_builds import STAGES, make_sources, prepared, write_recipe

ROOT = Path(__file__).resolve().parents[4]
PACKAGES = ("transforms", "expectations", "data_lake", "flows")

FROM_DERIVE = STAGES[1:]
FROM_RECORD = STAGES[STAGES.index("record") :]
FROM_SPLIT = ["split", "redact", *FROM_RECORD]
FROM_INSTRUCT = ["instruct", "translate", "release", "manifest"]
WITH_WORDS = ["instruct", "translate", "describe", "release", "manifest"]
RELEASED = ["release", "manifest"]

COMMENT = ("", "# edited\n")
BLANK = ("", "\n")

# What is edited: where, old and new text, and the stages that must rebuild.
EDITS: dict[str, tuple[str, tuple[str, str], list[str]]] = {
    "a helper": ("transforms/masks/components.py", COMMENT, FROM_DERIVE),
    "a helper of a helper": ("transforms/masks/interior_points.py", COMMENT, FROM_DERIVE),
    "a helper of readers": ("transforms/masks/run_lengths.py", COMMENT, STAGES),
    "a reader": ("transforms/sources/builtin/hyperkvasir.py", COMMENT, STAGES),
    "the split": ("transforms/splits/assign.py", COMMENT, FROM_SPLIT),
    "the audit": ("transforms/audit/disagreements.py", COMMENT, ["survey", "audit", *RELEASED]),
    "a writer": ("data_lake/release/write/parquet.py", COMMENT, ["witness", "translate", *RELEASED]),
    "the card": ("data_lake/release/card/card.md.jinja", ("## What it holds", "## What is in it"), ["manifest"]),
    "a template": ("transforms/instructions/templates/counting.toml", COMMENT, FROM_INSTRUCT),
    "a name": ("transforms/instructions/names.toml", COMMENT, WITH_WORDS),
    "a licence": (
        "data_lake/sources/visem_tracking.toml",
        ("CC-BY-4.0", "CC-BY-NC-4.0"),
        FROM_RECORD,
    ),
    "a citation": ("data_lake/sources/visem_tracking.toml", ("et al. VISEM", "et al.: VISEM"), ["manifest"]),
    "a threshold": ("small.toml", ("min_area_px = 20", "min_area_px = 21"), FROM_DERIVE),
    "the fractions of the splits": ("small.toml", ("train = 0.6, test = 0.4", "train = 0.5, test = 0.5"), FROM_SPLIT),
    "the tasks": ("small.toml", ('"pointing", ', ""), FROM_INSTRUCT),
    "the seed": ("small.toml", ("seed = 5", "seed = 6"), STAGES),
    "the title": ("small.toml", ('title = "Small"', 'title = "Little"'), ["manifest"]),
    "the version": ("small.toml", ('version = "1.0.0"', 'version = "1.0.1"'), ["manifest"]),
    "the limit of rejections": ("small.toml", ("fraction = 0.5", "fraction = 0.4"), ["manifest"]),
    "a rule of a suite": ("expectations/suites/instructions.json", ('"warning"', '"critical"'), FROM_INSTRUCT),
    "the suite of a policy": ("expectations/suites/records_published.json", BLANK, FROM_RECORD),
    "a rule over tables": ("expectations/suites/table_rules.json", ("the rule holds", "it holds"), STAGES),
    "a column": ("transforms/columns/tables/disagreements.toml", COMMENT, ["audit", *RELEASED]),
    "a column of the quarantine": ("transforms/columns/tables/exclusions.toml", COMMENT, STAGES),
    "the end of every stage": ("flows/engine/running/finish.py", COMMENT, STAGES),
    "the command line": ("flows/cli/console.py", COMMENT, []),
    "the flow": ("flows/orchestration/build.py", COMMENT, []),
    "what runs the stages": ("flows/engine/running/run.py", COMMENT, []),
}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The stages whose keys change, by what is edited in a copy of the project."""
    copy = tmp_path_factory.mktemp("project")
    for package in (*PACKAGES, "medmultipoints"):
        shutil.copytree(ROOT / package, copy / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    recipe, sources = write_recipe(copy / "small.toml"), json.dumps(make_sources(copy / "sources"))
    edits = json.dumps([[file, *texts] for file, texts, _ in EDITS.values()])
    command = [sys.executable, Path(__file__).with_name("key_probe.py"), recipe, copy / "lake", sources, edits]
    probe = subprocess.run(
        command, cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    assert probe.returncode == 0, probe.stderr
    before, *after = json.loads(probe.stdout)
    assert list(before) == STAGES
    changes = [[stage for stage in STAGES if keys[stage] != before[stage]] for keys in after]
    return dict(zip(EDITS, changes, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("what", EDITS)
def test_exactly_the_stages_downstream_of_an_edit_rebuild(rebuilt: dict[str, list[str]], what: str) -> None:
    assert rebuilt[what] == EDITS[what][2]


@pytest.mark.slow
def test_other_source_files_rebuild_everything(tmp_path: Path) -> None:
    """Shuffled archives have other bytes, though they hold the same files."""
    recipe = write_recipe(tmp_path / "small.toml")
    one, other = (make_sources(tmp_path / str(seed), shuffle_seed=seed) for seed in (None, 1))
    keys = [plan_keys(prepared(recipe, tmp_path / "lake", sources), PIPELINE) for sources in (one, other)]
    assert [stage for stage in STAGES if keys[0][stage] != keys[1][stage]] == STAGES


@pytest.mark.slow
def test_keys_do_not_depend_on_where_lake_and_sources_lie(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "small.toml")
    keys = [
        plan_keys(prepared(recipe, tmp_path / name / "lake", make_sources(tmp_path / name)), PIPELINE)
        for name in ("here", "there")
    ]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("stage", PIPELINE, ids=lambda stage: stage.name)
def test_a_stage_reads_only_what_came_before_it(stage: Stage) -> None:
    assert set(stage.reads) <= set(STAGES[: STAGES.index(stage.name)])
