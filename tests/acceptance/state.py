"""The files of the checkout, for copies of the project that a run may edit."""

import subprocess

from tests.acceptance.inputs import ROOT


def tracked_and_new_files() -> list[str]:
    """Return the paths of all files, and links to folders, of the checkout that git does not ignore, sorted."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [name for name in sorted(filter(None, listed.split("\0"))) if (ROOT / name).exists()]
