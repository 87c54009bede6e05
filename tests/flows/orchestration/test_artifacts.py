"""What the pages of a run show: the graph of stages, tags, findings, links, and the form of a run that waits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.settings import PREFECT_API_URL

from medmultipoints.data_lake.report.release_pages import Report
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.request import BuildRequest, Destination, RefreshRequest, ask
from medmultipoints.flows.orchestration import review
from medmultipoints.flows.orchestration.artifacts import report_address
from medmultipoints.flows.orchestration.build import build
from medmultipoints.flows.orchestration.refresh import refresh
from medmultipoints.flows.orchestration.server.embedded_server import REPORTS, SERVED_HOME
from medmultipoints.transforms.errors import UsageError
from tests.faults.killed_builds import wait_until
from tests.flows.prefect_server import artifacts, flow_runs, quiet_server, seen
from tests.flows.small_builds import write_recipe


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """One server for all tests of this file, which records task runs too."""
    with quiet_server(task_runs=True):
        yield


def nodes(run: object) -> list[dict[str, Any]]:
    """The graph that the page of a run draws, as it asks the server for it."""
    answer = httpx.get(f"{PREFECT_API_URL.value()}/flow_runs/{run}/graph-v2", trust_env=False, timeout=60)
    return [node for _, node in answer.json()["nodes"]]


def task_runs(run: object) -> list[TaskRun]:
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))


def test_the_page_shows_stages_as_a_graph_and_the_recipe_as_a_tag_of_the_flow_run_alone(
    tmp_path: Path, recipe: str, sources: dict[str, str]
) -> None:
    """A stage follows the nearest stages that it reads; of several shards, their common end."""
    state = build(BuildRequest(recipe=recipe, lake=str(tmp_path / "lake"), sources=sources), return_state=True)
    assert seen(state)[0] == "Completed", seen(state)
    run = state.state_details.flow_run_id
    wait_until(lambda: any(node["label"] == "manifest" and node["end_time"] for node in nodes(run)))
    drawn = nodes(run)
    labels = {node["id"]: node["label"] for node in drawn}
    edges = {(labels[parent["id"]], node["label"]) for node in drawn for parent in node["parents"]}
    assert ("index: all 3 shards", "correct") not in edges, "it reads index by way of derive"
    assert {("index hyperkvasir", "index: all 3 shards"), ("correct", "dedup"), ("instruct", "translate")} <= edges
    (own,) = [one for one in flow_runs() if one.id == run]
    assert own.tags == ["recipe:small"]
    assert not any(one.tags for one in task_runs(run))
    shown = artifacts("findings")[-1]
    assert str(shown.description).startswith("Findings of the audit: error ")
    assert '"kind"' in str(shown.data)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Callable[[], object]]]]:
    """Someone who answers every run that waits with the next of these, after doing what is named with it."""
    monkeypatch.setattr(review, "POLL_SECONDS", 0.2)
    answers: list[tuple[str, Callable[[], object]]] = []
    stop: list[bool] = []
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(_resume, answers, stop)
        yield answers
        stop.append(True)
    done.result()


def _resume(answers: list[tuple[str, Callable[[], object]]], stop: list[bool]) -> None:
    while not stop:
        for run in paused():
            if answers:
                answer, before = answers.pop(0)
                before()
                with get_client(sync_client=True) as client:
                    client.resume_flow_run(run, run_input={"go_on": answer})
        time.sleep(0.3)


def paused() -> list[Any]:
    """The runs that wait for a person."""
    of_type = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
    with get_client(sync_client=True) as client:
        return [run.id for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(state=of_type))]


FAULTY = SimulatedSizes(polyps=8, instruments=4, videos=2, frames=3, unsegmented=0)


def test_a_refresh_waits_for_decisions_about_findings(
    tmp_path: Path, answering: list[tuple[str, Callable[[], object]]]
) -> None:
    """It publishes nothing that a person holds back, asks again the next time, and publishes what was decided."""
    sources = write_sources(tmp_path / "sources", seed=11, sizes=FAULTY, faults=("inflated_box",)).paths
    files = ("[splits]", '[corrections]\nfiles = ["*.review.toml"]\n\n[splits]')
    lake, versions = tmp_path / "lake", tmp_path / "versions"
    what = RefreshRequest(
        recipe=write_recipe(tmp_path / "small.toml", files),
        lake=str(lake),
        sources={name: str(path) for name, path in sources.items()},
        alert_above=1,
        review_from="error",
        publish_to=Destination(to=str(versions)),
    )
    answering.append(("publish nothing", lambda: None))
    held = seen(refresh(what, return_state=True))
    assert held == ("Held back", "small 1.0.0 is not published, as a person decided")
    assert not versions.exists()
    shown = str(artifacts("review")[-1].data)
    release = lake / "releases/small/1.0.0"
    assert "small 1.0.0 waits for a review" in shown
    assert f"`medmultipoints review serve {release} --corrections corrections/small.toml`" in shown
    answering.append(("build again with the decisions", lambda: accept_errors(release, tmp_path / "a.review.toml")))
    name, message = seen(refresh(what, return_state=True))
    assert name == "Completed", message
    assert "as v1.0.1" in message
    assert answering == []


def accept_errors(release: Path, file: Path) -> None:
    """Write the decisions of a reviewer who accepts every error."""
    found = pl.read_parquet(release / "quarantine/disagreements.parquet").filter(severity="error")
    assert found.height > 0
    entries = [
        f'[[corrections]]\nimage = "{image}"\nimage_sha256 = "{sha256}"\naction = "accept"\n'
        'reason = "looked at"\nreviewer = "A. Reviewer"\ndate = "2026-11-30"\n'
        for image, sha256 in found.select("sample_id", "image_sha256").unique().sort("sample_id").rows()
    ]
    file.write_text("\n".join(entries))


def test_a_review_needs_a_place_to_publish_to() -> None:
    with pytest.raises(UsageError, match="--review-from error: nothing is published; give --repo or --to"):
        ask(RefreshRequest, review_from="error")


def test_pages_of_every_lake_have_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: Outcome) -> None:
    """Without a server that shows them they have none, and the summary names the folder."""
    own, other = Lake(tmp_path / "own"), Lake(tmp_path / "other")
    report = Report(own.reports / "small/1.0.0", "small/1.0.0", None)
    monkeypatch.delenv(REPORTS, raising=False)
    assert report_address(own, report) is None
    monkeypatch.setenv(REPORTS, "http://127.0.0.1:4200/reports")
    monkeypatch.setenv(SERVED_HOME, str(own.prefect / "serve"))
    assert report_address(own, report) == "http://127.0.0.1:4200/reports/small/1.0.0"
    address = report_address(other, report)
    assert address and address.startswith("http://127.0.0.1:4200/reports/@lakes/")
    linked = own.prefect / "serve" / "@lakes" / address.split("/")[-3]
    assert linked.resolve() == other.reports
