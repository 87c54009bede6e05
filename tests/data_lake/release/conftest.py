"""Fixtures of the release tests."""

from pathlib import Path

import pytest

from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables
from transforms.diff import Tables


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The tables of the tiny release."""
    return make_tables()


@pytest.fixture
def release(tmp_path: Path, tables: Tables) -> Path:
    """A sound tiny release that the test may damage."""
    return write_release(tmp_path / "release", tables)
