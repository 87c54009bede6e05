"""A small release, built once; each test that changes something gets a copy of its lake."""

import shutil
from pathlib import Path

import pytest

from medmultipoints.flows.engine.execute import Outcome
from tests.flows.small_builds import build, make_sources, write_recipe


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The path of each simulated source by name."""
    return make_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the small recipe."""
    return write_recipe(tmp_path_factory.mktemp("recipe") / "small.toml")


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory, recipe: str, sources: dict[str, str]) -> Outcome:
    """The first build of the small release, in one thread; its lake is not to be changed."""
    return build(recipe, tmp_path_factory.mktemp("lake") / "lake", sources, workers=1)


@pytest.fixture
def lake(tmp_path: Path, first: Outcome) -> Path:
    """A copy of the lake of the first build."""
    return Path(shutil.copytree(first.build.lake.root, tmp_path / "lake"))
