"""Prepare a release of the software: check the state, set the version, and print the commands that publish it.

usage: python tools/release.py X.Y.Z

The version is written to pyproject.toml and CITATION.cff; the section Unreleased of CHANGELOG.md becomes the section of
the version. Nothing is committed, tagged or uploaded: the last lines of the output say how.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEXT = """Read the difference, then:
  make check && make test
  git commit -am "Version {version}" && git tag -a v{version} -m "Version {version}"
  python -m pip wheel --no-deps --no-build-isolation -w dist .
  git push origin main v{version}
"""


def main(arguments: list[str]) -> int:
    """Return 0 after updating the files, 2 for wrong usage or a working tree with changes."""
    if len(arguments) != 1 or not re.fullmatch(r"\d+\.\d+\.\d+", arguments[0]):
        return fail("usage: python tools/release.py X.Y.Z")
    if changed := git("status", "--porcelain"):
        return fail(f"the working tree has changes; commit or stash them first:\n{changed}")
    version = arguments[0]
    if f"v{version}" in git("tag").split():
        return fail(f"v{version} is tagged already; choose a higher version")
    replace("pyproject.toml", r'^version = ".*"$', f'version = "{version}"')
    replace("CITATION.cff", r"^version: .*$", f"version: {version}")
    replace("CHANGELOG.md", r"^## Unreleased$", f"## Unreleased\n\n## {version}")
    sys.stdout.write(NEXT.format(version=version))
    return 0


def replace(name: str, pattern: str, text: str) -> None:
    """Replace the single line of a file that matches the pattern."""
    path = ROOT / name
    content, count = re.subn(pattern, text, path.read_text("utf-8"), count=1, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"{name}: no line matches {pattern!r}")
    path.write_text(content, "utf-8")


def git(*arguments: str) -> str:
    """Return the output of a git command."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def fail(message: str) -> int:
    """Print an error and return exit code 2."""
    sys.stderr.write(f"error: {message}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
