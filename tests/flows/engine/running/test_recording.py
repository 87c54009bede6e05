"""The record of a run while it runs."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.recording import Recorder, recorded_attempt
from medmultipoints.flows.engine.running.run import Unwatched


def test_kept_stages_are_recorded_once_before_the_next_that_runs(tmp_path: Path, first: Outcome) -> None:
    build = replace(first.build, lake=open_lake(str(tmp_path)))
    recorder = Recorder(Unwatched(), build, datetime.now(UTC))
    for result in first.stages[:3]:
        recorder.stage_finished(replace(result, kept=True))
    assert list(tmp_path.rglob("*.json")) == []
    recorder.stage_started(first.stages[3].name, 1)
    assert recorded(tmp_path) == [stage.name for stage in first.stages[:3]]
    recorder.stage_finished(first.stages[3])
    assert recorded(tmp_path) == [stage.name for stage in first.stages[:4]]


def recorded(lake: Path) -> list[str]:
    (path,) = (lake / "runs").glob("*.json")
    return [stage["name"] for stage in json.loads(path.read_text())["stages"]]


def test_a_run_that_is_interrupted_before_its_first_stage_is_recorded_once(tmp_path: Path) -> None:
    lake, request = open_lake(tmp_path), BuildRequest(recipe="demo", lake=str(tmp_path))
    with pytest.raises(KeyboardInterrupt), recorded_attempt(request), recorded_attempt(request):
        raise KeyboardInterrupt
    assert [(run["recipe"], run["outcome"]) for run in read_runs(lake)] == [("demo", "interrupted")]
