"""A lake in an object store whose server fails: a build ends in the release or in a named error; the next goes on."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.store import remote
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.transforms.errors import MachineError
from tests.flows.small_builds import build

pytest.importorskip("moto", reason="moto, of the group `dev`, is not installed")
from tests.faulty_store import FaultyStore, faulty_store
from tests.object_store import BUCKET, object_store

SEED = 5
RATES = (0.05, 0.5)
"""Chances of a fault: most are met by trying again, some are not."""


@pytest.fixture(scope="module")
def behind() -> Iterator[dict[str, str]]:
    with object_store() as settings:
        yield settings


@pytest.fixture
def store(behind: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    with faulty_store(behind["AWS_ENDPOINT_URL"], SEED) as server:
        for name, value in (behind | {"AWS_ENDPOINT_URL": server.address}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LAKE_CACHE", str(tmp_path / "cache"))
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_a_build_under_faults_ends_in_the_release_or_by_name(
    store: FaultyStore, rate: float, recipe: str, sources: dict[str, str], first: Outcome, tmp_path: Path
) -> None:
    lake, root = f"s3://{BUCKET}/faults-{rate}", first.release.manifest_root
    store.rate = rate
    for _ in range(2):
        with suppress(MachineError):
            assert build(recipe, lake, sources).release.manifest_root == root  # type: ignore[arg-type]
    store.rate = 0.0
    made = build(recipe, lake, sources)  # type: ignore[arg-type]
    assert made.release.manifest_root == root
    shutil.rmtree(tmp_path / "cache")  # another machine reads what is in the store alone
    again = build(recipe, lake, sources)  # type: ignore[arg-type]
    assert again.release.kept
    assert verify_release(again.release.path).ok
    names = remote.names(lake, "releases/small/1.0.0")
    assert all(remote.size(lake, name) == (again.build.lake.root / name).stat().st_size for name in names)
    assert store.made.total() > store.made["sound"]
