"""The test Hub in a child process, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WRITER, READER, STRANGER = "hf_testWriterToken", "hf_testReaderToken", "hf_testStrangerToken"
USERS = (f"acme:{WRITER}", f"acme:{READER}:read", f"other:{STRANGER}")


@dataclass
class TestHub:
    """A running test Hub: its address, its folder, and what a test may tell and ask it."""

    __test__ = False
    endpoint: str
    root: Path
    process: subprocess.Popen[str]

    def fault(self, *texts: str) -> None:
        """Spoil requests that are to come."""
        self._call("POST", "faults", {"faults": list(texts)})

    def calm(self) -> None:
        """No more faults, an empty log."""
        self._call("DELETE", "faults")
        self._call("DELETE", "log")

    @property
    def log(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", "log")
        return rows

    def environment(self, home: Path, token: str | None = WRITER) -> dict[str, str]:
        """The environment for a client in another process, with a home of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        told = {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
        return kept | told | ({"HF_TOKEN": token} if token else {})

    def repository(self, name: str) -> Path:
        """The bare git repository of a dataset."""
        return self.root / "repos" / "datasets" / f"{name}.git"

    def _call(self, method: str, name: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_test/{name}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@contextmanager
def start_hub(root: Path, *options: str, users: Sequence[str] = USERS) -> Iterator[TestHub]:
    """A test Hub on 127.0.0.1 with a free port, stopped when the block ends."""
    accounts = [word for user in users for word in ("--user", user)]
    command = [sys.executable, "-m", "tests.hub", "--root", str(root), "--port", "0", "--while-stdin"]
    # Commands that a test ran in this process set PYTHONSAFEPATH; the test Hub is found in the folder it starts in.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    process = subprocess.Popen(
        [*command, *accounts, *options], cwd=ROOT, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:2] == ["test", "hub"], f"the test Hub did not start: {words}"
        yield TestHub(words[2], root, process)
    finally:
        process.terminate()
        process.wait(timeout=10)
