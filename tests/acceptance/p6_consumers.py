"""Clients of others read a published version: datasets, huggingface_hub, pandas, polars, git-lfs, mlcroissant."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.release.card.front_matter import config_tables
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from tests.acceptance.builds import build
from tests.acceptance.environments import CONSUMERS, Consumer, install
from tests.acceptance.inputs import need_programs, small
from tests.acceptance.publishing import apart, command, publish_by_command
from tests.hub.running import WRITER, TestHub, start_hub

REPO = "acme/read-by-others"


def run(work: Path) -> dict[str, Any]:
    """The readers, each in a process of its own."""
    return apart(__name__, work)


def show(work: Path) -> dict[str, Any]:
    """Rows and files that each reader saw; AssertionError where one differs from the release."""
    need_programs("git", "git-lfs")
    sizes = SimulatedSizes(polyps=12, instruments=12, videos=1, frames=12) if small() else SimulatedSizes()
    sources = write_sources(work / "sources", seed=3, sizes=sizes).paths
    release = build("demo", work / "lake", sources).release.path
    manifest = read_manifest(release)
    figures: dict[str, Any] = {}
    with start_hub(work / "hub") as hub:
        told = publish_by_command(hub, work / "home", release, REPO)
        for name in ("load_dataset_tag", "load_dataset_commit", "snapshot_download", "pandas", "polars"):
            figures[name] = read(hub, work / f"home-{name}", name, told["tag"], told["commit"])
        assert figures["load_dataset_tag"] == figures["load_dataset_commit"], figures
        figures["git_lfs_files"] = clone(hub, work, told["tag"], release)
        done = command(hub, work / "home-verify", "verify", f"hub:{REPO}@{told['tag']}", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        figures["verify_checks"] = len(json.loads(done.stdout)["checks"])
        version, python = install(Consumer("mlcroissant"), work / "environments")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "pyarrow", "pillow"], check=True)
        figures["mlcroissant"] = croissant(python, work / "clone" / "croissant.json") | {"version": version}
    assert figures["snapshot_download"] == len(manifest.files) + 2, "files of the release, manifest, .gitattributes"
    return figures


def read(hub: TestHub, home: Path, name: str, tag: str, commit: str) -> Any:
    """What the named reader of ``consumers/read_hub.py`` prints."""
    environment = hub.environment(home) | {"HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, str(CONSUMERS / "read_hub.py"), name, REPO, tag, commit],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{name}: {done.stderr[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def clone(hub: TestHub, work: Path, tag: str, release: Path) -> int:
    """Files of a clone with git-lfs, each the same as in the release."""
    target, address = work / "clone", hub.endpoint.replace("://", f"://acme:{WRITER}@")
    environment = os.environ | {"GIT_CONFIG_GLOBAL": str(work / "gitconfig"), "HOME": str(work)}
    subprocess.run(["git", "lfs", "install"], env=environment, check=True, capture_output=True)
    words = ["git", "clone", "--quiet", "--branch", tag, f"{address}/datasets/{REPO}", str(target)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    failed = [check.name for check in verify_release(target).checks if not check.ok]
    assert failed == [], failed
    files = [path.relative_to(release) for path in release.rglob("*") if path.is_file()]
    assert all((target / path).read_bytes() == (release / path).read_bytes() for path in files)
    return len(files)


def croissant(python: Path, path: Path) -> dict[str, Any]:
    """The record sets that mlcroissant finds, with the rows it loads of each; no error, no warning."""
    words = [str(python), str(CONSUMERS / "read_croissant.py"), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert not found["errors"], found
    assert not found["warnings"], found
    rows = found["rows"]
    sets = {name: count for name, count in rows.items() if name != "splits"}
    assert sets == dict.fromkeys(config_tables([file.path for file in read_manifest(path.parent).files]), 10), rows
    assert sets.keys() >= {
        f"instructions_{name}" for name in read_manifest(path.parent).recipe["instructions"]["dialects"]
    }
    return rows
