"""Two releases on disk, compared."""

from dataclasses import dataclass
from pathlib import Path

from data_lake.release.manifest import read_manifest
from data_lake.release.read import read_tables
from transforms.diff import ReleaseDiff, describe, diff_releases, propose_version
from transforms.errors import DataError


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a release differs from an older one, and the version that the difference asks for."""

    old_version: str
    new_version: str
    proposed_version: str
    diff: ReleaseDiff

    @property
    def text(self) -> str:
        """The difference in words, one line a change."""
        return describe(self.diff)


def compare_releases(old: Path, new: Path) -> Comparison:
    """The difference of two release folders of the same name; equal roots mean no difference and nothing is read."""
    before, after = read_manifest(old), read_manifest(new)
    if before.name != after.name:
        raise DataError(f"{old} holds release '{before.name}', {new} holds '{after.name}': versions are per name.")
    if before.manifest_root == after.manifest_root:
        diff = ReleaseDiff()
    else:
        diff = diff_releases(read_tables(old, before), read_tables(new, after), files_differ=True)
    return Comparison(before.version, after.version, propose_version(before.version, diff), diff)
