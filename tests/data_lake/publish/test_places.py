"""The same commits and tags in a git repository or a plain folder, for a site without the Hub."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from medmultipoints.data_lake.publish.git_folder import GitFolder
from medmultipoints.data_lake.publish.places import Place
from medmultipoints.data_lake.publish.plain_folder import PlainFolder
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import PushResult, push
from medmultipoints.data_lake.publish.read_back import fetched_release, read_back
from medmultipoints.data_lake.publish.versions import VersionRefused
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.export.dialect_lines import FORMS
from medmultipoints.data_lake.release.sign.provenance import SIGNATURE, STATEMENT
from medmultipoints.data_lake.release.sign.signature import Trust, sign_release
from medmultipoints.transforms.errors import MachineError, UsageError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables

KINDS: dict[str, Callable[[Path], Place]] = {"git": GitFolder, "plain": PlainFolder}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Place]:
    return lambda: KINDS[request.param](tmp_path / "published")


def publish(folder: Path, place: Place) -> PushResult:
    return push(plan_push(folder, place), place, waits=(0, 0, 0))


def titles(place: Place) -> list[str]:
    return [commit.title for commit in reversed(place.state().commits)]


def test_versions_follow_each_other_and_the_same_content_adds_nothing(make, versions) -> None:
    assert publish(versions["1.0.0"], make()).outcome == "pushed"
    assert publish(versions["1.0.0 again"], make()).outcome == "unchanged"
    assert plan_push(versions["1.1.0"], make()).proposed == "1.1.0"
    for version in ("1.1.0", "1.1.1", "2.0.0"):
        assert publish(versions[version], make()).outcome == "pushed"
    state = make().state()
    assert titles(make()) == ["tiny 1.0.0", "tiny 1.1.0", "tiny 1.1.1", "tiny 2.0.0"]
    assert list(state.tags) == ["v1.0.0", "v1.1.0", "v1.1.1", "v2.0.0"]
    assert "instructions/test.jsonl" in make().files("v1.0.0")


def test_every_dialect_is_read_back_row_by_row(make, tmp_path: Path) -> None:
    folder = write_release(tmp_path / "release", make_tables(), dialects=sorted(FORMS))
    assert publish(folder, make()).outcome == "pushed"
    checks = read_back(make(), "v1.0.0", folder)
    assert [check.detail for check in checks if not check.ok] == []


def test_a_signature_travels_with_its_version_only(make, versions, tmp_path: Path) -> None:
    signed, key = shutil.copytree(versions["1.0.0"], tmp_path / "signed"), tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "allowed").write_text(f"curator {key.with_suffix('.pub').read_text()}")
    sign_release(signed, key)
    publish(signed, make())
    with fetched_release(make(), "v1.0.0") as folder:
        assert verify_release(folder, trust=Trust(tmp_path / "allowed")).ok
    publish(versions["1.1.0"], make())
    assert {path for path in make().files("v1.1.0") if path.startswith("manifest.json")} == {"manifest.json"}


def test_a_signature_made_after_the_first_push_is_left_out_and_called_late(make, versions, tmp_path: Path) -> None:
    signed, key = shutil.copytree(versions["1.0.0"], tmp_path / "signed"), tmp_path / "key"
    publish(signed, make())
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    sign_release(signed, key)
    plan = plan_push(signed, make())
    assert plan.action == "nothing"
    assert [file.path for file in plan.paths("late")] == [STATEMENT, SIGNATURE]
    assert {file.path for file in plan.paths("unchanged")} == set(make().files("v1.0.0"))
    assert publish(signed, make()).outcome == "unchanged"


def test_a_taken_version_is_refused(make, versions) -> None:
    publish(versions["1.0.0"], make())
    with pytest.raises(VersionRefused, match="exists there with other content"):
        publish(versions["1.0.0 other"], make())


def test_a_stale_parent_stops_a_commit(make, versions) -> None:
    publish(versions["1.0.0"], make())
    place = make()
    plan = plan_push(versions["2.0.0"], place)
    publish(versions["1.1.0"], make())
    with pytest.raises(MachineError, match="no longer the one that was agreed to"):
        push(plan, place, waits=(0, 0, 0))
    assert titles(make()) == ["tiny 1.0.0", "tiny 1.1.0"]


def test_a_commit_without_tag_is_finished(make, versions, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make()

    def refuse(*_: object) -> None:
        raise MachineError("no tag today")

    with monkeypatch.context() as patch:
        patch.setattr(type(place), "tag", refuse)
        with pytest.raises(MachineError, match="no tag today"):
            publish(versions["1.0.0"], place)
    assert not make().state().tags
    assert publish(versions["1.0.0"], make()).outcome == "finished"
    assert list(make().state().tags) == ["v1.0.0"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for kind in KINDS.values():
        with pytest.raises(UsageError, match="is not empty"):
            kind(tmp_path)


def test_git_clones_a_version_that_verifies(versions, tmp_path: Path) -> None:
    publish(versions["1.0.0"], GitFolder(tmp_path / "published"))
    command = ["git", "clone", "--quiet", "--branch", "v1.0.0", str(tmp_path / "published"), str(tmp_path / "clone")]
    subprocess.run(command, check=True, capture_output=True)
    assert verify_release(tmp_path / "clone").ok


def test_a_plain_folder_holds_each_version_as_files_and_says_what_changed(versions, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        publish(versions[version], PlainFolder(tmp_path / "published"))
    for version in ("1.0.0", "1.1.0"):
        assert verify_release(tmp_path / "published/versions" / version).ok
    history = json.loads((tmp_path / "published/history.json").read_bytes())
    assert list(history["tags"]) == ["v1.0.0", "v1.1.0"]
    assert "1 box changed" in history["commits"][1]["message"]
    unchanged = "images/train-00000-of-00001.parquet"
    first, second = (tmp_path / "published/versions" / one / unchanged for one in ("1.0.0", "1.1.0"))
    assert first.stat().st_ino == second.stat().st_ino
