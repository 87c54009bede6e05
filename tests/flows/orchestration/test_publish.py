"""The command that publishes, and that no token gets anywhere."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from typer.testing import CliRunner

from medmultipoints.data_lake.publish.git_folder import GitFolder
from medmultipoints.data_lake.publish.plain_folder import PlainFolder
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import push
from medmultipoints.data_lake.release.sign.provenance import SIGNATURE
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.engine.publishing import open_place, plan_for
from medmultipoints.flows.engine.request import PublishRequest, ask
from medmultipoints.flows.orchestration.local import run_publish
from tests.flows.prefect_server import quiet_server
from tests.hub.fixtures import history, hub, publish, repo, running_hub, versions
from tests.hub.running import READER, WRITER, TestHub, start_hub

__all__ = ["hub", "repo", "running_hub", "versions"]

COMMAND = [sys.executable, "-m", "medmultipoints"]


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[tuple[str, Path]]:
    """One Prefect server for all tests of this file, and the folder of everything that it keeps."""
    with quiet_server() as started:
        yield started


def call(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        return getattr(result.exception, "exit_code", 99), str(result.exception)
    return result.exit_code, result.output


def test_the_plan_is_shown_and_a_dry_run_changes_nothing(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    before = history(hub, repo)
    code, shown = call("publish", str(versions["1.1.0"]), "--repo", repo, "--dry-run")
    assert code == 0
    for words in ("tiny 1.1.0", "changed", "objects/train-00000-of-00001.parquet", "Difference from 1.0.0", "v1.1.0"):
        assert words in shown
    assert "1 box changed" in shown
    assert history(hub, repo) == before
    code, told = call("publish", str(versions["1.1.0"]), "--repo", repo, "--dry-run", "--json")
    assert json.loads(told)["proposed"] == "1.1.0"


def test_without_a_terminal_nothing_is_published_unasked(hub: TestHub, repo: str, versions) -> None:
    code, said = call("publish", str(versions["1.0.0"]), "--repo", repo)
    assert (code, hub.repository(repo).exists()) == (2, False)
    assert "add --yes" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either --repo"),
        (["--repo", "a/b", "--to", "x"], "give either --repo"),
        (
            ["--repo", "nobody"],
            "repo: 'nobody' is not a repository of the form OWNER/NAME, such as acme/medmultipoints.",
        ),
        (["--to", "x", "--private"], "a folder has neither"),
    ],
)
def test_words_that_make_no_sense_are_told_apart(versions, words: list[str], said: str) -> None:
    code, told = call("publish", str(versions["1.0.0"]), *words)
    assert code == 2
    assert said in told


def test_published_read_back_and_verified_from_the_hub_alone(hub: TestHub, repo: str, versions) -> None:
    code, said = call("publish", str(versions["1.0.0"]), "--repo", repo, "--yes", "--json")
    assert code == 0
    told = json.loads(said.splitlines()[-1])
    assert (told["outcome"], told["tag"], told["read_back"]) == ("pushed", "v1.0.0", ["files_read_back", "rows_load"])
    code, said = call("verify", f"hub:{repo}@v1.0.0", "--json")
    assert code == 0
    assert json.loads(said)["ok"]
    assert json.loads(said)["checks"][-1] == {
        "name": "rows_load",
        "ok": True,
        "detail": "as stated",
        "proved": True,
    }
    code, said = call("verify", f"hub:{repo}@v3.0.0")
    assert code == 2
    assert "there are: v1.0.0" in said


def test_a_signature_that_comes_too_late_is_reported(versions, tmp_path: Path) -> None:
    signed = shutil.copytree(versions["1.0.0"], tmp_path / "signed")
    command = ["publish", str(signed), "--to", str(tmp_path / "kept"), "--yes"]
    assert call(*command)[0] == 0
    (signed / SIGNATURE).write_text("signed")
    code, said = call(*command)
    assert code == 0
    assert f"{SIGNATURE} is not published: it differs from that of 1.0.0 at " in " ".join(said.split())
    assert "nothing to publish" in said


def test_a_version_whose_rows_do_not_load_fails_to_verify(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    api = HfApi(endpoint=hub.endpoint, token=WRITER)
    stray = CommitOperationAdd("instructions/train-stray.jsonl", b"no row")
    commit = api.create_commit(repo, [stray], commit_message="by hand", repo_type="dataset").oid
    code, said = call("verify", f"hub:{repo}@{commit}", "--json")
    assert code == 1
    answer = next(line for line in said.splitlines() if line.startswith("{"))  # a busy machine says what takes long
    failed = {check["name"]: check["detail"] for check in json.loads(answer)["checks"] if not check["ok"]}
    assert list(failed) == ["no_file_missing_or_extra", "rows_load"]
    assert failed["rows_load"].startswith(f"load_dataset at {commit}: ")


def test_a_push_that_was_agreed_to_is_not_planned_again(
    versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(PublishRequest, release=str(versions["1.0.0"]), to=str(tmp_path / "kept"))
    plan = plan_for(request, open_place(request))
    monkeypatch.delattr("medmultipoints.flows.engine.publishing.plan_push")
    assert run_publish(request, plan).result.outcome == "pushed"


@pytest.mark.parametrize("kept", ["git", "plain"])
def test_what_a_folder_keeps_is_verified_by_tag_and_by_commit(kept: str, versions, tmp_path: Path) -> None:
    place = GitFolder(tmp_path / "kept") if kept == "git" else PlainFolder(tmp_path / "kept")
    commit = push(plan_push(versions["1.0.0"], place), place).commit
    for revision in ("v1.0.0", commit):
        code, said = call("verify", f"folder:{tmp_path / 'kept'}@{revision}", "--json")
        assert (code, json.loads(said)["checks"][-1]["name"]) == (0, "rows_load")


def test_a_place_that_damages_files_is_never_reported_as_published(
    hub: TestHub, repo: str, versions, monkeypatch
) -> None:
    def damaged(*_: object) -> Iterator[bytes]:
        yield b"noise"

    monkeypatch.setattr("medmultipoints.data_lake.publish.hub.HubPlace.stream", damaged)
    code, said = call("publish", str(versions["1.0.0"]), "--repo", repo, "--yes")
    assert code == 1
    assert "has the tag v1.0.0, but its copy is damaged: reading it back failed" in said


def test_a_version_that_could_not_be_read_back_is_not_accepted_by_running_again(
    hub: TestHub, repo: str, versions
) -> None:
    words = ("publish", str(versions["1.0.0"]), "--repo", repo, "--yes", "--json")
    hub.fault("GET /resolve/v1.0.0/ before 404 times=999")
    for _ in ("the push", "again"):
        code, said = call(*words)
        assert (code, list(history(hub, repo)[1])) == (1, ["v1.0.0"])
        assert "has the tag v1.0.0, but its copy is damaged: reading it back failed" in said
    hub.calm()
    code, said = call(*words)
    told = json.loads(said.splitlines()[-1])
    assert (code, told["outcome"], told["read_back"]) == (0, "unchanged", ["files_read_back", "rows_load"])


@pytest.mark.parametrize("endpoint", ["foo", "ftp://hub.example.org", "https://"])
def test_an_endpoint_that_is_no_address_is_named(versions, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    code, said = call("publish", str(versions["1.0.0"]), "--repo", "acme/cells", "--dry-run")
    assert (code, said) == (2, f"HF_ENDPOINT={endpoint.rstrip('/')} is not a valid URL; expected https://HOST.")


def test_a_pull_request_claims_no_tag_however_often_it_is_asked_for(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    planned = call("publish", str(versions["1.1.0"]), "--repo", repo, "--pr", "--dry-run")[1]
    assert "a pull request of one commit; the tag v1.1.0 by publishing again once it is merged" in planned
    for _ in ("first", "again"):
        code, said = call("publish", str(versions["1.1.0"]), "--repo", repo, "--pr", "--yes", "--json")
        told = json.loads(said.splitlines()[-1])
        assert (code, told["outcome"], told["tag"], told["read_back"]) == (0, "proposed", None, [])


def test_the_token_is_in_no_output_log_artifact_parameter_or_file(
    hub: TestHub, repo: str, versions, server: tuple[str, Path], tmp_path: Path
) -> None:
    """A push as a flow run, one that is refused, one that the Hub breaks: everything that is left is searched."""
    url, home = server
    environment = {
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "TMPDIR": str(tmp_path),
    }
    outputs = []
    for token, fault in ((READER, ""), (WRITER, "POST /commit/ before 400"), (WRITER, "")):
        hub.calm()
        if fault:
            hub.fault(fault)
        command = [*COMMAND, "publish", str(versions["1.0.0"]), "--repo", repo, "--yes"]
        told = hub.environment(tmp_path / "home", token) | environment
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        outputs.append(done.stdout + done.stderr)
    assert "answered with 403" in outputs[0]
    assert "answered with 400" in outputs[1]
    assert "published: " in outputs[2]
    left = [path for folder in (home, tmp_path, versions["1.0.0"]) for path in folder.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".db") for path in left)
    for token in (WRITER, READER):
        assert all(token not in output for output in outputs)
        assert [path for path in left if token.encode() in path.read_bytes()] == []


def test_the_default_upload_path_of_the_client(versions, tmp_path: Path) -> None:
    """Xet, as the test Hub serves it, in a process of its own: the client reads its settings when it is imported."""
    with start_hub(tmp_path / "hub", "--xet") as hub:
        command = [*COMMAND, "publish", str(versions["1.0.0"]), "--repo", "acme/xet", "--yes", "--json"]
        environment = hub.environment(tmp_path / "home")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["outcome"] == "pushed"
        assert any("xet-write-token" in row["path"] for row in hub.log)
        assert not any(row["method"] == "PUT" for row in hub.log)
