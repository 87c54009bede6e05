"""Records of runs: newest first, never in the way."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.layout import Lake, open_lake
from medmultipoints.data_lake.store.runs import amend_run, read_runs, write_run

START = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return open_lake(tmp_path / "lake")


def test_a_lake_without_runs_has_none(lake: Lake) -> None:
    assert read_runs(lake) == []


def test_runs_come_newest_first_whatever_their_time_zone(lake: Lake) -> None:
    later = (START + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=-9)))
    for outcome, started in (("second", later), ("first", START)):
        write_run(lake, started, {"outcome": outcome})
    assert [run["outcome"] for run in read_runs(lake)] == ["second", "first"]
    assert read_runs(lake)[1]["started"] == "2026-11-21T12:00:00.000005+00:00"


def test_a_record_is_written_whole(lake: Lake) -> None:
    path = write_run(lake, START, {"outcome": "released"})
    assert path.parent == lake.runs
    assert list(lake.temporary.iterdir()) == []


def test_a_damaged_record_hides_no_other(lake: Lake) -> None:
    write_run(lake, START, {"outcome": "released"})
    for number, content in enumerate((b"", b"null", b"3")):
        (lake.runs / f"20991231T000000000000-{number}.json").write_bytes(content)
    assert [run["outcome"] for run in read_runs(lake)] == ["released"]


def test_a_run_whose_process_is_gone_was_killed(lake: Lake) -> None:
    """Of another machine it cannot be told from here."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for place, facts in enumerate(({"pid": os.getpid()}, {"pid": int(gone.stdout)}, {"pid": 1, "machine": "another"})):
        write_run(lake, START + timedelta(seconds=place), {"outcome": "running", **facts})
    assert [run["outcome"] for run in read_runs(lake)] == ["running", "killed", "running"]


def test_a_record_of_this_process_is_amended(lake: Lake) -> None:
    write_run(lake, START, {"outcome": "released", "keys": {}})
    amend_run(lake, START, {"outcome": "not published"})
    amend_run(lake, START + timedelta(seconds=1), {"outcome": "nothing to amend"})
    assert [(run["outcome"], run["keys"]) for run in read_runs(lake)] == [("not published", {})]
