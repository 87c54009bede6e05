"""The flows as a schedule runs them: what changed is built and published, nothing changed is said in seconds."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import State
from typer.testing import CliRunner

from medmultipoints.data_lake.fetch.upstream import read_answers
from medmultipoints.data_lake.store.layout import Lake, only_builder
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.request import (
    BuildRequest,
    Destination,
    RefreshRequest,
    VerifyRequest,
)
from medmultipoints.flows.orchestration.build import build
from medmultipoints.flows.orchestration.refresh import refresh
from medmultipoints.flows.orchestration.verify import verify
from medmultipoints.transforms.errors import DataError, UsageError
from tests.flows.downloaded_source import recipe_of_ours, served
from tests.flows.prefect_server import artifacts, flow_runs, quiet_server, seen
from tests.flows.small_builds import write_recipe


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """One server for all tests of this file."""
    with quiet_server():
        yield


def refreshed(recipe: str, lake: Path, sources: dict[str, str], **more: Any) -> State[Any]:
    """How a refresh ends that lets the planted faults pass, unless it is told otherwise."""
    settings = {"workers": 2, "alert_above": 1} | more
    what = RefreshRequest(recipe=recipe, lake=str(lake), sources=sources, **settings)
    return refresh(what, return_state=True)


def test_a_refresh_builds_and_publishes_then_finds_nothing_to_do(
    tmp_path: Path, recipe: str, sources: dict[str, str], first: Outcome
) -> None:
    place = {"publish_to": Destination(to=str(tmp_path / "versions"))}
    state = refreshed(recipe, tmp_path / "lake", sources, **place)
    name, message = seen(state)
    assert name == "Completed", message
    assert message.startswith("small 1.0.0: ")
    assert "as v1.0.0" in message
    assert state.result().release.manifest_root == first.release.manifest_root
    runs = flow_runs()
    assert {run.name.rpartition(" ")[0] for run in runs} == {"refresh small", "build small", "publish small"}
    start = time.monotonic()
    name, message = seen(refreshed(recipe, tmp_path / "lake", sources, **place))
    assert time.monotonic() - start < 10
    assert name == "Unchanged"
    assert message.startswith("nothing changed: small 1.0.0 is up to date")


def test_a_release_stands_though_its_pages_cannot_be_written(
    lake: Path, recipe: str, sources: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(lake / "reports", ignore_errors=True)
    (lake / "reports").write_bytes(b"a file in the place of the folder")
    name, message = seen(build(BuildRequest(recipe=recipe, lake=str(lake), sources=sources), return_state=True))
    assert name == "Completed", message
    assert "1.0.0 was placed, but some artifacts could not be created" in caplog.text


def test_what_changed_becomes_the_version_that_the_difference_asks_for(
    lake: Path, tmp_path: Path, sources: dict[str, str]
) -> None:
    """And the one after stays what it is, without being asked for by number."""
    edited = write_recipe(tmp_path / "small.toml", ('"pointing", ', ""))
    assert seen(refreshed(edited, lake, sources))[1].startswith("small 1.1.0: ")
    assert seen(refreshed(edited, lake, sources))[0] == "Unchanged"


def test_a_release_that_no_place_has_yet_is_published_although_nothing_changed(
    lake: Path, tmp_path: Path, recipe: str, sources: dict[str, str]
) -> None:
    """An earlier push may have failed."""
    state = refreshed(recipe, lake, sources, publish_to=Destination(to=str(tmp_path / "versions")))
    assert seen(state)[0] == "Completed"
    assert "as v1.0.0" in seen(state)[1]


def test_an_overlapping_refresh_does_nothing_and_says_so(tmp_path: Path, recipe: str, sources: dict[str, str]) -> None:
    with only_builder(Lake(tmp_path / "lake"), "small"):
        name, message = seen(refreshed(recipe, tmp_path / "lake", sources))
    assert name == "Skipped"
    assert message.startswith("nothing was done: another build of 'small' is running")


def test_a_failure_names_stage_remedy_and_what_to_do(tmp_path: Path, sources: dict[str, str]) -> None:
    strict = write_recipe(tmp_path / "small.toml", ("max_rejected_fraction = 0.5", "by_stage = { derive = 0.01 }"))
    state = refreshed(strict, tmp_path / "lake", sources)
    name, message = seen(state)
    assert name == "Failed"
    assert message.startswith("derive: 2 of ")
    assert isinstance(state.result(raise_on_failure=False), DataError)
    shown = str(artifacts("failure")[-1].data)
    assert "| stage and shard | derive |" in shown
    assert "then run again with the same parameters" in shown


def test_a_failing_shard_is_named(tmp_path: Path, recipe: str, sources: dict[str, str]) -> None:
    damaged = Path(shutil.copytree(sources["visem_tracking"], tmp_path / "visem")).resolve()
    for path in damaged.rglob("*.zip"):
        path.unlink()
    (damaged / "nothing.txt").write_text("no source")
    state = refreshed(recipe, tmp_path / "lake", sources | {"visem_tracking": str(damaged)})
    name, message = seen(state)
    assert (name, message.partition(": ")[0]) == ("Failed", "index, shard visem_tracking")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that refreshes send."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "medmultipoints.flows.orchestration.refresh.emit_event",
        lambda event, **facts: events.append({"event": event, **facts}),
    )
    return events


def test_a_release_that_lost_too_many_inputs_is_not_published(
    tmp_path: Path, recipe: str, sources: dict[str, str], sent: list[dict[str, Any]]
) -> None:
    """Not by the refresh that built it, nor by one that finds it; it stands, and the run fails in words and figures."""
    lake, versions = tmp_path / "lake", tmp_path / "versions of ours"
    release = lake / "releases" / "small" / "1.0.0"
    for _ in range(2):
        name, message = seen(
            refreshed(recipe, lake, sources, publish_to=Destination(to=str(versions)), alert_above=0.05)
        )
        assert name == "Failed"
        assert message.startswith(
            "derive: 2 of 21 inputs are rejected (9.5%), more than the 5.0% that a refresh publishes"
        )
        assert "Most often: truncated_image (2), for example " in message
        assert message.endswith(
            "small 1.0.0 is in the lake and is NOT published. Correct the source; or, if this is right, run "
            f"`medmultipoints publish {release} --to '{versions}'`, or refresh with a higher alert_above."
        )
        assert release.is_dir()
        assert not versions.exists()
    assert [(one["event"].rpartition(".")[2], one["payload"]["stage"]) for one in sent] == [
        ("rejections-above-threshold", "derive")
    ] * 2
    assert {one["resource"]["prefect.resource.id"] for one in sent} == {"medmultipoints.release.small"}
    runs = read_runs(Lake(lake))
    assert [(run["outcome"], run["error"]) for run in runs] == [("not published", message)] * 2
    assert "# Failed" in str(artifacts("failure")[-1].data)
    assert "/runs/flow-run/" in str(artifacts("build")[-1].data)


def test_what_a_person_let_pass_is_published_and_left_alone(
    lake: Path, tmp_path: Path, recipe: str, sources: dict[str, str], sent: list[dict[str, Any]]
) -> None:
    """By a higher limit; once it stands there, no limit fails a refresh that has nothing to do."""
    place = {"publish_to": Destination(to=str(tmp_path / "versions"))}
    assert "as v1.0.0" in seen(refreshed(recipe, lake, sources, **place, alert_above=0.1))[1]
    assert [one["event"] for one in sent] == ["medmultipoints.released"]
    assert seen(refreshed(recipe, lake, sources, **place, alert_above=0.01))[0] == "Unchanged"
    assert len(sent) == 1


def test_where_nothing_is_published_the_limit_is_told_all_the_same(
    lake: Path, recipe: str, sources: dict[str, str], sent: list[dict[str, Any]]
) -> None:
    name, message = seen(refreshed(recipe, lake, sources, alert_above=0.05))
    assert name == "Failed"
    assert message.endswith("or, if this is right, run with a higher alert_above.")
    assert len(sent) == 1


def test_what_changed_at_a_server_is_told_and_enters_nothing(
    tmp_path: Path, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, a page, the end of the run, and in ``status``; a server that fails is told and stops nothing."""
    recipe, lake = recipe_of_ours(tmp_path), tmp_path / "lake"
    archive = Path(sources["kvasir_instrument"]) / "kvasir-instrument.zip"
    with served(archive, tmp_path, monkeypatch) as server:
        first = refreshed(recipe, lake, {})
        assert seen(first)[0] == "Completed", seen(first)
        assert "server" not in seen(first)[1]
        assert "| ours | ours.zip | unchanged |" in str(artifacts("sources")[-1].data)
        server.files["/ours.zip"], server.etag = b"another archive", '"v2"'
        name, message = seen(refreshed(recipe, lake, {}))
        assert (name, message.partition("; ")[2]) == (
            "Unchanged", "changed at its server: ours (see the artifact sources)"
        )  # fmt: skip
        assert '; it is ETag "v2", 15 bytes. Builds go on with the file in the lake.' in caplog.text
        assert "| ours | ours.zip | changed |" in str(artifacts("sources")[-1].data)
        assert [told["verdict"] for told in read_answers(Lake(lake))] == ["changed"]
        server.head, server.faults = 503, [503] * 9
        assert seen(refreshed(recipe, lake, {}))[0] == "Unchanged"
    assert "the server answers 503 (given up after 2 attempts without progress). The file in the lake" in caplog.text
    shown = CliRunner().invoke(app, ["status", "--quick", "--lake", str(lake)]).stdout
    assert "Sources at their servers, as the last refresh found them" in shown
    assert "not reachable" in shown


def test_verify_computes_the_newest_release_again(lake: Path) -> None:
    what = VerifyRequest(recipe="small", lake=str(lake))
    assert seen(verify(what, return_state=True))[1].startswith("small 1.0.0: all ")
    card = lake / "releases" / "small" / "1.0.0" / "README.md"
    card.unlink()
    card.write_text("another card")
    name, message = seen(verify(what, return_state=True))
    assert name == "Failed"
    assert "README.md" in message


def test_verify_needs_a_release(tmp_path: Path) -> None:
    state = verify(VerifyRequest(recipe="small", lake=str(tmp_path)), return_state=True)
    assert isinstance(state.result(raise_on_failure=False), UsageError)
