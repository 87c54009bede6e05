"""A git repository as a place for versions: its branches, its owners, and what git refuses."""

import os
import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.publish.git_folder import GitFolder
from medmultipoints.data_lake.publish.places import StaleParent
from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import PushResult, push
from medmultipoints.data_lake.publish.versions import VersionRefused
from medmultipoints.transforms.errors import MachineError, UsageError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables


def publish(release: Path, folder: Path, branch: str = "main") -> PushResult:
    place = GitFolder(folder, branch=branch)
    return push(plan_push(release, place), place, waits=(0, 0, 0))


@pytest.fixture
def published(versions: dict[str, Path], tmp_path: Path) -> Path:
    """A repository with the first version."""
    publish(versions["1.0.0"], tmp_path / "published")
    return tmp_path / "published"


def test_a_left_lock_is_told_in_gits_words_and_not_as_a_change_by_someone(versions, published: Path) -> None:
    lock = published / "refs/heads/main.lock"
    lock.touch()
    with pytest.raises(MachineError, match=r"main\.lock.*File exists.*remove the file manually") as told:
        publish(versions["1.1.0"], published)
    assert not isinstance(told.value, StaleParent)
    lock.unlink()
    assert publish(versions["1.1.0"], published).outcome == "pushed"


def test_a_folder_of_another_owner_needs_the_users_own_word(
    versions, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch: the owner cannot be changed here
    with pytest.raises(UsageError, match=r"git config --global --add safe\.directory .*published"):
        publish(versions["1.1.0"], published)
    settings.write_text(f"[safe]\n\tdirectory = {published}\n")
    assert publish(versions["1.1.0"], published).outcome == "pushed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_belongs_to_another_user_is_used_with_the_users_own_word(
    versions, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (published, *published.rglob("*")):
        shutil.chown(path, 4242)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text(f"[safe]\n\tdirectory = {published}\n")
    assert publish(versions["1.1.0"], published).outcome == "pushed"


def test_a_new_branch_starts_at_the_last_version_and_is_held_against_it(
    versions, published: Path, tmp_path: Path
) -> None:
    publish(versions["1.1.0"], published)
    with pytest.raises(VersionRefused, match=r"the last version there is 1\.1\.0"):
        publish(write_release(tmp_path / "older", make_tables(), "1.0.5"), published, "next")
    plan = plan_push(versions["2.0.0"], GitFolder(published, branch="next"))
    assert (plan.old_version, plan.creates) == ("1.1.0", True)
    publish(versions["2.0.0"], published, "next")
    for branch, titles in (
        ("main", ["tiny 1.1.0", "tiny 1.0.0"]),
        ("next", ["tiny 2.0.0", "tiny 1.1.0", "tiny 1.0.0"]),
    ):
        assert [commit.title for commit in GitFolder(published, branch=branch).state().commits] == titles


def test_a_version_that_stands_needs_no_new_branch(versions, published: Path) -> None:
    assert publish(versions["1.0.0 again"], published, "next").outcome == "unchanged"
