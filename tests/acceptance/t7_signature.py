"""Signed provenance: a valid signature, the wrong key, a changed byte in each file, each file missing."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.sign.provenance import SIGNATURE, STATEMENT
from medmultipoints.data_lake.release.sign.signature import Trust
from medmultipoints.data_lake.release.write.manifest import MANIFEST, read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from tests.acceptance.builds import build
from tests.acceptance.inputs import need_programs


def run(work: Path) -> dict[str, Any]:
    """The command line on a small release of all kinds of files; what it says of each damage names the file."""
    need_programs("ssh-keygen")
    sizes = SimulatedSizes(polyps=5, instruments=4, videos=3, frames=4)
    sources = write_sources(work / "sources", seed=5, sizes=sizes).paths
    release = build("demo", work / "lake", sources).release.path
    keys = {name: make_key(work, name) for name in ("curator", "stranger")}
    allowed, others = (allow(work, keys[name]) for name in ("curator", "stranger"))
    assert "is missing: the release is not signed" in verify(release, allowed, 1)
    command("sign", release, "--key", keys["curator"], expected=0)
    assert "by curator@example.org" in verify(release, allowed, 0)
    assert "does not allow" in verify(release, others, 1)
    paths = [*(file.path for file in read_manifest(release).files), MANIFEST, STATEMENT, SIGNATURE]
    for path in paths:
        check_damage(release, path, Trust(allowed))
    assert "by curator@example.org" in verify(release, allowed, 0)
    return {"files_changed_and_named": len(paths), "files_removed_and_named": len(paths)}


def check_damage(release: Path, name: str, trust: Trust) -> None:
    """One changed byte, then no file at all: verification fails and names the file."""
    path = release / name
    data = path.read_bytes()
    path.unlink()  # the file in the lake, of which this may be a hard link, stays as it is
    assert name in failures(release, trust), f"{name} is missing, and that is not said"
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if name != SIGNATURE else data.replace(b"U1NIU0lH", b"U1NIU0lI"))
    assert name in failures(release, trust), f"{name} has another byte, and that is not said"
    path.write_bytes(data)


def failures(release: Path, trust: Trust) -> str:
    """What the checks that fail say."""
    return "; ".join(check.detail for check in verify_release(release, trust=trust).checks if not check.ok)


def make_key(folder: Path, name: str) -> Path:
    """A new key without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder / name


def allow(folder: Path, key: Path) -> Path:
    """A file of allowed signers with this key."""
    path = folder / f"{key.name}.allowed"
    path.write_text(f"{key.name}@example.org {key.with_suffix('.pub').read_text()}")
    return path


def verify(release: Path, allowed: Path, expected: int) -> str:
    """What ``verify`` prints."""
    return command("verify", release, "--allowed-signers", allowed, expected=expected)


def command(*words: object, expected: int) -> str:
    """What a command prints; AssertionError where its exit code is another than expected."""
    call: Sequence[str] = [sys.executable, "-m", "medmultipoints", *map(str, words)]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == expected, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
