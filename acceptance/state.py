"""Which code the figures belong to: the commit, and a digest of everything that differs from it."""

import hashlib
import subprocess
from dataclasses import dataclass

from acceptance.inputs import ROOT


@dataclass(frozen=True, slots=True)
class CodeState:
    """``digest`` changes with every change of a tracked file or of a new one that is not ignored."""

    commit: str
    changed: bool
    digest: str


def code_state() -> CodeState:
    """The state of the checkout now."""
    commit = _git("rev-parse", "HEAD").decode().strip()
    diff, new = _git("diff", "HEAD", "--binary"), _git("ls-files", "--others", "--exclude-standard", "-z")
    found = hashlib.sha256(commit.encode() + diff)
    for name in sorted(filter(None, new.decode().split("\0"))):
        found.update(name.encode() + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return CodeState(commit, bool(diff or new), found.hexdigest())


def tracked_and_new_files() -> list[str]:
    """The paths of all files of the checkout that are not ignored."""
    listed = _git("ls-files", "--cached", "--others", "--exclude-standard", "-z").decode()
    return [name for name in sorted(filter(None, listed.split("\0"))) if (ROOT / name).is_file()]


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
