"""``serve`` as a person starts it: up, a run by the schedule, down in order; wrong words are told before anything."""

import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from typer.testing import CliRunner

from medmultipoints.flows.cli.app import app
from medmultipoints.flows.engine.request import RefreshRequest
from medmultipoints.flows.orchestration.deployments import AUTOMATIONS, Served, deployments, schedule_of
from medmultipoints.flows.orchestration.refresh import refresh
from medmultipoints.flows.orchestration.server import serving
from medmultipoints.transforms.errors import MachineError, UsageError
from tests.faults.killed_builds import wait_until
from tests.flows.small_builds import write_recipe

ROOT = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, "-m", "medmultipoints"]


def test_it_runs_what_is_due_shows_its_pages_and_stops_in_order(
    tmp_path: Path, lake: Path, recipe: str, sources: dict[str, str]
) -> None:
    """Nothing changed in the lake, so that a refresh ends in seconds; nothing is left running."""
    given = [word for name, path in sources.items() for word in ("--source", f"{name}={path}")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    command = [*COMMAND, "serve", recipe, "--lake", str(lake), "--port", "0", "--every", "1s", "--json", *given]
    command += ["--alert-above", "0.2"]
    (lake / "reports" / "small").mkdir(parents=True, exist_ok=True)
    (lake / "reports" / "small" / "page.html").write_text("a page")
    with (tmp_path / "log").open("w") as log:
        served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    try:
        assert served.stdout is not None
        told = json.loads(served.stdout.readline())
        page = httpx.get(f"{told['ui']}/v2/", trust_env=False, timeout=60)
        assert page.is_success
        assert page.headers["Content-Security-Policy"].startswith(f"connect-src 'self' {told['ui']} ")
        assert httpx.get(f"{told['ui']}/reports/small/page.html", trust_env=False, timeout=60).text == "a page"
        wait_until(lambda: "Unchanged" in states(told["api"]))
        automations = httpx.post(f"{told['api']}/automations/filter", json={}, trust_env=False, timeout=60).json()
        assert sorted(one["name"] for one in automations) == [
            "a refresh failed",
            "a refresh waits for a review",
            "many rejections",
        ]
        second = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        refused = json.loads(second.stdout)["error"]
        assert (second.returncode, refused["exit"]) == (3, 3)
        assert refused["message"].endswith(f"is running in {lake} at {told['ui']}/v2/")
        start = time.monotonic()
        served.send_signal(signal.SIGTERM)
        assert served.wait(60) == 0
        assert time.monotonic() - start < 30
    finally:
        served.kill()
    log_text = (tmp_path / "log").read_text()
    assert log_text.endswith("stopped\n")
    assert f"recipe {recipe}, lake {lake}\nnew versions stay in the lake: no --repo or --to\n" in log_text
    assert re.search(r"the next refresh begins at \d{4}-\d\d-\d\d \d\d:\d\d ", log_text)
    with pytest.raises(httpx.TransportError):
        httpx.get(told["ui"], trust_env=False, timeout=60)


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Oslo", "America/New_York"])
def test_a_cron_schedule_is_due_at_the_hour_of_its_time_zone(timezone: str) -> None:
    """The server computes the times of its runs by the same code."""
    nightly = Served("nightly", refresh, {}, schedule_of(None, "0 2 * * *", timezone))
    due = asyncio.run(serving.next_run([nightly]))
    assert due is not None
    local = due.astimezone(ZoneInfo(timezone))
    assert (local.hour, local.minute) == (2, 0)
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(hours=25)


@pytest.fixture
def nobody_there() -> Iterator[None]:
    """The address of a server that does not answer."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield


def test_a_server_that_does_not_answer_ends_no_watch(nobody_there: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again and again: orphans are buried when it is back."""
    monkeypatch.setattr(serving, "ORPHANS_SECONDS", 0.05)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(serving.watch_for_orphans(), 2))


def test_a_server_that_is_gone_does_not_stop_the_stopping(nobody_there: None) -> None:
    """Where both are told to end at once, the runner still cleans up after itself."""
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    child.start()
    try:
        asyncio.run(serving.let_finished_end(5))
    finally:
        child.kill()
        child.join()


def states(api: str) -> set[str]:
    """The states of all runs."""
    answer = httpx.post(f"{api}/flow_runs/filter", json={}, trust_env=False, timeout=60)
    return {run["state"]["name"] for run in answer.json()} if answer.is_success else set()


def test_the_release_of_a_recipe_in_a_file_is_verified_by_its_name(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "mine.toml")
    served = deployments(RefreshRequest(recipe=recipe), None, "UTC")
    assert [one.parameters["what"]["recipe"] for one in served if one.flow.name == "verify"] == ["small"]


def test_the_automations_are_those_of_prefect_yaml() -> None:
    """Sites with workers and ``serve`` are alerted by the same."""
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    (triggers,) = [one["triggers"] for one in declared if "triggers" in one]
    assert [DeploymentEventTrigger.model_validate(one) for one in triggers] == list(AUTOMATIONS)


def test_a_port_that_is_taken_leaves_no_lake_behind(tmp_path: Path, recipe: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        caught = CliRunner().invoke(app, ["serve", recipe, "--lake", str(tmp_path / "lake"), "--port", port]).exception
    assert isinstance(caught, MachineError)
    assert str(caught).startswith(f"port {port}: ")
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("every", "cron", "said"),
    [
        ("often", None, "--every often: write a number and s, m, h or d"),
        ("0m", None, "--every 0m: write a number"),
        ("99999999999d", None, "--every 99999999999d: write a number"),
        (None, "every night", "--cron 'every night'"),
        ("1m", "* * * * *", "give either --every or --cron"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_reported(every: str | None, cron: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        schedule_of(every, cron, "UTC")
    assert said in str(caught.value)


@pytest.mark.parametrize(("every", "cron"), [(None, "0 2 * * *"), ("1m", None)])
def test_a_time_zone_that_does_not_exist_is_reported(every: str | None, cron: str | None) -> None:
    with pytest.raises(UsageError, match="Nowhere/City"):
        schedule_of(every, cron, "Nowhere/City")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--repo", "acme"], "--repo acme: the owner is missing. Write it as OWNER/NAME"),
        (["--repo", "acme/data", "--to", "versions"], "give either --repo OWNER/NAME"),
        (["--only", "nobody"], "--only nobody: recipe 'audited' has no such source"),
        (["--runner-address", "tcp://scheduler:8786"], "only dask and ray have one; the runner is threads"),
    ],
)
def test_words_that_make_no_sense_are_told_before_a_server_starts(words: list[str], said: str, tmp_path: Path) -> None:
    """Not by every run of the schedule, night after night."""
    asked = CliRunner().invoke(app, ["serve", "audited", "--lake", str(tmp_path / "lake"), "--port", "0", *words])
    assert isinstance(asked.exception, UsageError)
    assert said in str(asked.exception)
    assert not (tmp_path / "lake").exists()
