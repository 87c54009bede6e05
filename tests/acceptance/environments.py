"""Real consumers of an export: each is installed into an environment of its own and run on files alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.inputs import ROOT, small

CONSUMERS = ROOT / "tests" / "acceptance" / "consumers"
INSTALL_SECONDS, RUN_SECONDS = 1_800, 900
HEAVY_BYTES = 15_000_000_000
"""Free disk that a consumer with a deep-learning framework needs."""


class NotInstallable(Exception):
    """A consumer that cannot be had on this machine, and why."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A package with the program that reads an export with it; ``heavy``: it brings a deep-learning framework."""

    package: str
    script: str = ""
    heavy: bool = False

    @property
    def program(self) -> Path:
        return CONSUMERS / (self.script or f"read_{self.package}.py")


def install(consumer: Consumer, folder: Path) -> tuple[str, Path]:
    """The version that was installed, and the Python of the new environment; NotInstallable says why not."""
    folder.mkdir(parents=True, exist_ok=True)
    if consumer.heavy and small():
        raise NotInstallable("left out at reduced size: it brings a deep-learning framework")
    if consumer.heavy and shutil.disk_usage(folder).free < HEAVY_BYTES:
        raise NotInstallable(f"less than {HEAVY_BYTES // 10**9} GB of free disk")
    python = folder / consumer.package / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True, capture_output=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "install", "--quiet", consumer.package], check=True, capture_output=True, timeout=INSTALL_SECONDS
        )
        shown = subprocess.run([*pip, "show", consumer.package], check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        shutil.rmtree(folder)
        raise NotInstallable(f"pip: {_last_line(error.stderr)}") from error
    except subprocess.TimeoutExpired as error:
        shutil.rmtree(folder)
        raise NotInstallable(f"not installed within {INSTALL_SECONDS} s") from error
    return next(line.split(": ")[1] for line in shown.splitlines() if line.startswith("Version: ")), python


def ask(consumer: Consumer, python: Path, export: Path, arguments: Sequence[str], work: Path) -> list[dict[str, Any]]:
    """What a consumer prints of an export, one JSON object a line; AssertionError where it fails."""
    home = work / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "YOLO_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = kept | quiet | {"HOME": str(home), "HF_HOME": str(home / "hf"), "MODELSCOPE_CACHE": str(home / "ms")}
    run = subprocess.run(
        [str(python), str(consumer.program), str(export), *arguments],
        cwd=export, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    assert run.returncode == 0, f"{consumer.package} on {export.name}: {run.stderr[-2000:]}"
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def _last_line(text: bytes | str | None) -> str:
    plain = text.decode(errors="replace") if isinstance(text, bytes) else text or ""
    return next((line for line in reversed(plain.splitlines()) if line.strip()), "failed")
