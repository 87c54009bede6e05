"""The page of faults states no more trials than the tests that it names make, and none that failed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from medmultipoints.transforms.masks.components import MOST_CHANGES, MOST_COMPONENTS, MOST_NESTED
from medmultipoints.transforms.pictures.decode import MAX_PIXELS, MOST_SCANS
from tests.data_lake.fetch.test_hostile_server import DOWNLOADS
from tests.faults.parsers import PARSERS
from tests.faults.test_fuzz import ROUNDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "faults.md"
ROW = re.compile(
    r"^\| (?P<kind>[^|]+) \| [^|]+ \| (?P<trials>\d+) \| (?P<held>\d+) \| (?P<failed>\d+) \| (?P<by>.+) \|$"
)
COUNTED = {"DOWNLOADS": DOWNLOADS, "ROUNDS": ROUNDS * len(PARSERS)}
"""Trials that are made inside of one test."""


def rows() -> list[re.Match[str]]:
    return [found for line in PAGE.read_text("utf-8").splitlines() if (found := ROW.match(line))]


def test_nothing_failed_and_every_test_is_there() -> None:
    assert len(rows()) > 15
    for row in rows():
        assert int(row["trials"]) == int(row["held"]) + int(row["failed"]), row["kind"]
        assert 0 == int(row["failed"]), row["kind"]
        assert all((ROOT / path).is_file() for path in re.findall(r"`(tests/[^`]+)`", row["by"])), row["kind"]
    scripts = re.findall(r"`([a-z]\d_\w+)`", PAGE.read_text("utf-8"))
    assert all((ROOT / "tests" / "acceptance" / f"{name}.py").is_file() for name in scripts)


def test_limits_are_those_of_the_code() -> None:
    page = PAGE.read_text("utf-8")
    assert all(f"{limit:,}" in page for limit in (MAX_PIXELS, MOST_SCANS, MOST_COMPONENTS, MOST_CHANGES, MOST_NESTED))


@pytest.mark.slow
def test_no_row_states_more_trials_than_its_tests_make() -> None:
    paths = sorted({path for row in rows() for path in re.findall(r"`(tests/[^`]+)`", row["by"])})
    command = [sys.executable, "-m", "pytest", "-n0", "--collect-only", "-q", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    counts = {path: int(count) for path, count in re.findall(r"^(tests/\S+): (\d+)$", listed, re.MULTILINE)}
    for row in rows():
        inside = re.search(r"\(`([A-Z]+)`\)", row["by"])
        made = sum(counts[path] for path in re.findall(r"`(tests/[^`]+)`", row["by"]))
        assert int(row["trials"]) <= (COUNTED[inside[1]] if inside else made), row["kind"]
