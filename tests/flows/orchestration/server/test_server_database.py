"""A new home of an embedded server begins with a migrated database, if one was made for the installed Prefect."""

import os
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from medmultipoints.flows.orchestration.server.server_database import forget, is_known, is_migrated, mark, template


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, with a cache of its own."""
    monkeypatch.setenv("MEDMULTIPOINTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", raising=False)
    (tmp_path / "cache").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_without_a_template_prefect_migrates(home: Path) -> None:
    assert not is_migrated(home)
    assert list(home.iterdir()) == []


def test_a_template_is_copied_once_and_known_after_the_server_ran(home: Path) -> None:
    template().write_bytes(b"migrated")
    assert template().name == f"prefect-{version('prefect')}.db"
    assert is_migrated(home)
    assert [path.name for path in home.iterdir()] == ["prefect.db"]
    assert not is_known(home), "no server has run on it yet"
    mark(home)
    assert is_known(home)
    (home / "prefect.db").write_bytes(b"with runs")
    assert is_migrated(home)
    assert (home / "prefect.db").read_bytes() == b"with runs"


def test_a_database_of_another_version_is_migrated_by_prefect(home: Path) -> None:
    template().write_bytes(b"migrated")
    (home / "prefect.db").write_bytes(b"older")
    (home / "database-version").write_text("3.0.0")
    assert not is_migrated(home)
    assert (home / "prefect.db").read_bytes() == b"older"


def test_a_database_elsewhere_is_left_to_prefect(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template().write_bytes(b"migrated")
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://u@localhost/prefect")
    assert not is_migrated(home)
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_the_template_is_one_whole_migrated_file(home: Path) -> None:
    module = "medmultipoints.flows.orchestration.server.server_database"
    subprocess.run([sys.executable, "-P", "-m", module], env=dict(os.environ), check=True)
    assert [path.name for path in template().parent.iterdir()] == [template().name]
    with sqlite3.connect(template()) as database:
        (revision,) = database.execute("select version_num from alembic_version").fetchone()
        assert revision
        assert database.execute("select count(*) from flow_run").fetchone() == (0,)


def test_the_database_of_an_ended_build_is_removed_and_its_log_stays(tmp_path: Path) -> None:
    for name in ("prefect.db", "prefect.db-wal", "database-version", "server.log"):
        (tmp_path / name).touch()
    forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]
