"""Fixtures of the data lake's tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., SourceFiles]:
    """Open bytes under a file name as a source."""

    def open_bytes(data: bytes, name: str = "set.zip") -> SourceFiles:
        (tmp_path / name).write_bytes(data)
        return open_source("ours", tmp_path / name, tmp_path / "scratch")

    return open_bytes
