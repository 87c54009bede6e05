"""A git repository as a place for versions: its branches, its owners, and what git refuses."""

from pathlib import Path

import pytest

from data_lake.publish.git_folder import GitFolder
from data_lake.publish.places import StaleParent
from data_lake.publish.plan import plan_push
from data_lake.publish.push import PushResult, push
from transforms.errors import MachineError


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
