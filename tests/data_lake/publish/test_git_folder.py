"""A git repository as a place for versions: its branches, its owners, and what git refuses."""

import os
import shutil
from pathlib import Path

import pytest

from data_lake.publish.git_folder import GitFolder
from data_lake.publish.places import StaleParent
from data_lake.publish.plan import plan_push
from data_lake.publish.push import PushResult, push
from transforms.errors import MachineError, UsageError


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
