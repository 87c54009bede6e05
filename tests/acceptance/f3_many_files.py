"""A release with 200,000 files beside it that no manifest lists: told by every command in bounded time and memory."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import small
from tests.flows.small_builds import build, make_sources, write_recipe

FILES = 200_000
MOST_SECONDS, MOST_MIB = 300, 3000


def run(work: Path) -> dict[str, Any]:
    """Verify, and plan a push of, a release beside whose files lie many more."""
    release = build(write_recipe(work / "small.toml"), work / "lake", make_sources(work / "sources")).release.path
    files = 2_000 if small() else FILES
    for number in range(files):
        place = release / "more" / f"{number // 1000:04}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_bytes(b"x")
    return {
        "files": files,
        "verify": timed("verify", str(release)),
        "publish": timed("publish", str(release), "--to", str(work / "place"), "--dry-run"),
        "show": timed("show", str(release), codes=(0, 1)),
    }


def timed(*arguments: str, codes: tuple[int, ...] = (1,)) -> dict[str, Any]:
    """Return exit code, seconds and memory of a command; it must not say more than a screen."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "medmultipoints", *arguments], capture_output=True, text=True, check=False
    )
    seconds, most = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    assert done.returncode in codes, json.dumps([arguments, done.returncode, done.stderr[-2000:]])
    assert "Traceback" not in done.stderr
    assert seconds < MOST_SECONDS
    assert most < MOST_MIB
    assert len(done.stdout) + len(done.stderr) < 100_000
    return {"exit": done.returncode, "seconds": round(seconds, 1), "peak_mib": most}
