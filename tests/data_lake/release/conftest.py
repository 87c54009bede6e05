"""Fixtures of the release tests."""

import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.execute import execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.diff.releases import Tables
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The tables of the tiny release."""
    return make_tables()


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with pictures, masks, tracks and three splits."""
    folder = tmp_path_factory.mktemp("simulated")
    sizes = SimulatedSizes(polyps=6, instruments=4, videos=3, frames=4)
    sources = {name: str(path) for name, path in write_sources(folder / "in", seed=3, sizes=sizes).paths.items()}
    request = BuildRequest(recipe="demo", lake=str(folder / "lake"), sources=sources, only=tuple(sources))
    return execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(2), Unwatched()).release.path


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, tables: Tables) -> Path:
    """The tiny release as it was written."""
    return write_release(tmp_path_factory.mktemp("written") / "release", tables)


@pytest.fixture
def release(tmp_path: Path, written: Path) -> Path:
    """A sound tiny release that the test may damage."""
    return Path(shutil.copytree(written, tmp_path / "release"))
