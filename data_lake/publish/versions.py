"""Which version may follow which, and which paths of a place belong to releases."""

from medmultipoints.data_lake.release.read.compare import Comparison
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.errors import UsageError

OWN_FOLDERS = ("data", "images", "objects", "instructions", "quarantine", "assets")


class VersionRefused(UsageError):
    """The version exists with other content, is older than the last one, or is too small for the difference."""

    def __init__(self, message: str, proposed: str | None) -> None:
        self.proposed = proposed
        super().__init__(message)


def is_own(path: str) -> bool:
    """Whether a path lies in a folder that only releases write: a stray file there would become rows."""
    folder, inside, _ = path.partition("/")
    return bool(inside) and (folder in OWN_FOLDERS or folder.startswith(DIALECT_PREFIX))


def check_version(manifest: Manifest, previous: Manifest, comparison: Comparison, place: str) -> None:
    """VersionRefused unless the version is at least the one that the difference from the last one asks for."""
    if _numbers(manifest.version) < _numbers(comparison.proposed_version) or manifest.version == previous.version:
        reason = (
            "that version exists there with other content"
            if manifest.version == previous.version
            else f"the last version there is {previous.version}"
        )
        raise refuse(manifest, place, reason, comparison)


def refuse(manifest: Manifest, place: str, reason: str, comparison: Comparison | None) -> VersionRefused:
    """The refusal of a version, with the difference and the version that it asks for."""
    start = f"{manifest.name} {manifest.version} is not published to {place}: {reason}. Versions and tags never change."
    if comparison is None:
        return VersionRefused(f"{start} Build it under a version that is not taken.", None)
    proposed = comparison.proposed_version
    return VersionRefused(
        f"{start} The difference from {comparison.old_version}:\n{comparison.text}\n"
        f"Build it as --version {proposed} and publish that.",
        proposed,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
