"""Every bad input has its test with the message asserted."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import ROOT

CASES = "tests/faults"


def run(work: Path) -> dict[str, Any]:
    """The number of cases that pass, file by file."""
    report = work / "report.xml"
    command = [sys.executable, "-m", "pytest", CASES, "-n", "2", "--dist", "worksteal", f"--junitxml={report}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"pytest {CASES} ended with {finished.returncode}:\n{finished.stdout[-3000:]}"
    cases = list(ET.parse(report).iter("testcase"))
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    assert cases, f"pytest found no case in {CASES}"
    assert not skipped, f"{len(skipped)} cases were skipped, for example {skipped[0]}"
    by_file = Counter(str(case.get("classname")).rpartition(".")[2] for case in cases)
    return {"cases": len(cases), "by_file": dict(sorted(by_file.items()))}
