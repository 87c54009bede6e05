"""Check versions on a branch: the last one, later edits, and which version may follow."""

from dataclasses import dataclass

from medmultipoints.data_lake.publish.places import Place, PlaceState
from medmultipoints.data_lake.publish.remote_release import broken_files, fetch_manifest
from medmultipoints.data_lake.publish.withdrawn import holds
from medmultipoints.data_lake.release.read.compare import Comparison
from medmultipoints.data_lake.release.write.files import DIALECT_PREFIX, MADE
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.transforms.diff.releases import version_numbers
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.reporting.counted import plural

OWN_FOLDERS = ("data", "images", "objects", "instructions", *MADE, "quarantine", "assets")


class VersionRefused(UsageError):
    """The version exists with other content, is older than the last one, or is too small for the difference."""

    def __init__(self, message: str, proposed: str | None) -> None:
        self.proposed = proposed
        super().__init__(message)


def is_own(path: str) -> bool:
    """Return whether a path lies in a folder that only releases write; a stray file there would become rows."""
    folder, inside, _ = path.partition("/")
    return bool(inside) and (folder in OWN_FOLDERS or folder.startswith(DIALECT_PREFIX))


def check_version(manifest: Manifest, previous: Manifest, comparison: Comparison, place: str) -> None:
    """Raise VersionRefused if the version is lower than the difference from the last one requires."""
    repeated = manifest.version == previous.version
    if repeated or version_numbers(manifest.version) < version_numbers(comparison.proposed_version):
        reason = (
            "that version exists there with other content"
            if repeated
            else f"the last version there is {previous.version}"
        )
        raise refuse(manifest, place, reason, comparison)


def refuse(manifest: Manifest, place: str, reason: str, comparison: Comparison | None) -> VersionRefused:
    """Return the error for a refused version, with the difference and the version that it requires."""
    start = f"{manifest.title} is not published to {place}: {reason}. Versions and tags never change."
    if comparison is None:
        return VersionRefused(f"{start} Build it under a version that is not taken.", None)
    proposed = comparison.proposed_version
    return VersionRefused(
        f"{start} The difference from {comparison.old_version}:\n{comparison.text}\n"
        f"Build it as --version {proposed} and publish that.",
        proposed,
    )


@dataclass(frozen=True, slots=True)
class LastVersion:
    """The release at the head of a branch, and its commit; ``tagged`` is False if its push was interrupted."""

    manifest: Manifest
    commit: str
    tagged: bool

    @property
    def tag(self) -> str:
        return f"v{self.manifest.version}"


def find_last(place: Place, state: PlaceState, name: str) -> LastVersion | None:
    """Return the last version on the branch; UsageError if the branch holds anything but releases of this name."""
    if state.head is None or not [path for path in state.files if not path.startswith(".git") and path != "README.md"]:
        return None
    if MANIFEST not in state.files:
        raise UsageError(
            f"{place.name} holds {plural(len(state.files), 'file')} and no {MANIFEST}: it is not a release repository. "
            "Give the name of another repository; a new one is created if it does not exist."
        )
    last = fetch_manifest(place, state.head)
    if last.name != name:
        raise UsageError(
            f"{place.name} holds the release '{last.name}', this one is '{name}'. "
            "A repository holds the versions of one release: give another --repo or folder."
        )
    tagged = state.tags.get(f"v{last.version}")
    made = [commit.oid for commit in state.commits if f"manifest-root: {last.manifest_root}" in commit.message]
    return LastVersion(last, tagged or (made[-1] if made else state.head), tagged is not None)


def find_unfinished(place: Place, last: LastVersion, withdrawn: frozenset[str]) -> tuple[str, str] | None:
    """Return tag and commit of a version whose push ended before the tag; UsageError if it is damaged.

    A version that holds images of ``withdrawn`` hashes gets no tag: the tag may have been removed because of them.
    """
    if last.tagged or holds(place, last.commit, withdrawn):
        return None
    broken = broken_files(place, last.commit, last.manifest)
    if broken:
        raise UsageError(
            f"{place.name}: version {last.manifest.version} has no tag {last.tag} there, and {broken[0]} "
            f"is not what its {MANIFEST} lists. Bring the branch back to the last good version, then publish again."
        )
    return last.tag, last.commit


def check_edits(place: Place, state: PlaceState, last: LastVersion) -> None:
    """Raise UsageError if someone edited release files after the version was made; edits are not overwritten."""
    if last.commit == state.head:
        return
    before = place.files(last.commit)
    listed = [*(entry.path for entry in last.manifest.files), MANIFEST]
    edited = [path for path in listed if state.files.get(path) != before.get(path)]
    if edited:
        titles = [commit.title for commit in state.commits[:3]]
        raise UsageError(
            f"{place.name}: {', '.join(edited[:5])} was edited there after {last.tag} (last commits: "
            f"{'; '.join(titles)}). Nothing was changed. Take the edit over into the recipe (for the card: its `card` "
            "text) and build a new version, or publish with --replace-edits to put the release over it."
        )
