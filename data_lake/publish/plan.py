"""Plan a push before anything changes: files, version, tag, and a description of the difference."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from medmultipoints.data_lake.publish.places import KeptFile, LocalFile, Place, PlaceState, hash_local
from medmultipoints.data_lake.publish.remote_release import fetched_tables, wrong_files
from medmultipoints.data_lake.publish.versions import (
    LastVersion,
    check_edits,
    check_version,
    find_last,
    find_unfinished,
    is_own,
    refuse,
)
from medmultipoints.data_lake.publish.withdrawn import (
    Holder,
    find_holders,
    refuse_forgotten,
    refuse_withdrawn,
    withdrawn_hashes,
)
from medmultipoints.data_lake.release.checks.card_check import check_card
from medmultipoints.data_lake.release.read.compare import Comparison, compare_releases
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.sign.provenance import SIGNATURE, STATEMENT
from medmultipoints.data_lake.release.write.manifest import (
    MANIFEST,
    ClaimedManifest,
    Manifest,
    is_rooted,
    read_manifest,
)
from medmultipoints.data_lake.store.keys import digest
from medmultipoints.transforms.errors import DataError

Action = Literal["commit", "tag", "nothing"]
Kind = Literal["added", "changed", "unchanged", "deleted", "kept", "late"]


@dataclass(frozen=True, slots=True)
class FileChange:
    """The change to one path; ``kept`` files belong to no release and are not touched.

    ``late``: a signature, or a manifest of the same root, that differs from the published one; it is not uploaded.
    """

    path: str
    kind: Kind
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlan:
    """The effect of a push. ``commit`` is the one to tag or already present, ``parent`` the one to build on.

    ``proposal``: that commit belongs to a pull request. ``unfinished`` is a version that an earlier push left untagged;
    it is tagged first. ``holders`` are the published versions that still contain images which the release withdraws.
    """

    folder: Path
    place: str
    name: str
    version: str
    root: str
    action: Action
    parent: str | None = None
    commit: str | None = None
    proposal: bool = False
    creates: bool = False
    local: tuple[LocalFile, ...] = ()
    files: tuple[FileChange, ...] = ()
    old_version: str | None = None
    proposed: str | None = None
    difference: str = ""
    unfinished: tuple[str, str] | None = None
    holders: tuple[Holder, ...] = ()

    @property
    def tag(self) -> str:
        return f"v{self.version}"

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def message(self) -> str:
        """The body of the commit message; the root in it lets a later run find the commit."""
        text = f"Difference from {self.old_version}:\n{self.difference}" if self.old_version else "First version."
        return f"{text}\n\nmanifest-root: {self.root}"

    @property
    def approval(self) -> str:
        """The key of what a user agreed to: equal for plans that change the same files of the same version."""
        rows = [
            [file.path, file.kind, file.bytes] for file in self.files if file.kind not in ("unchanged", "kept", "late")
        ]
        return digest([self.name, self.version, self.root, self.old_version, rows])

    def paths(self, *kinds: Kind) -> list[FileChange]:
        """Return the changes of these kinds."""
        return [file for file in self.files if file.kind in kinds]


@reads_release
def plan_push(folder: Path, place: Place, *, replace_edits: bool = False) -> PushPlan:
    """Return the plan for pushing the release now; UsageError or DataError if it must not be pushed.

    Nothing is changed. ``replace_edits`` allows overwriting release files that someone edited at the place.
    """
    manifest = read_manifest(folder)
    files = read_files(folder, manifest)
    check_card(folder, manifest)
    state = place.state()
    holders = find_holders(place, state, withdrawn_hashes(manifest))
    plan = _plan_builder(folder, place, manifest, files)
    existing = _find_existing(plan, place, state, manifest, files)
    if existing is not None and existing.action == "nothing":
        return replace(existing, holders=holders)
    last = find_last(place, state, manifest.name)
    previous = last.manifest if last else None
    refuse_withdrawn(folder, manifest, previous)
    if existing is not None:
        return replace(existing, holders=holders)
    refuse_forgotten(manifest, previous)
    unfinished = find_unfinished(place, last, withdrawn_hashes(manifest)) if last else None
    if last and not replace_edits:
        check_edits(place, state, last)
    comparison = _compare(place, state, last, folder, files) if last else None
    if f"v{manifest.version}" in state.tags:
        raise refuse(manifest, place.name, "that version exists there with other content", comparison)
    if previous and comparison:
        check_version(manifest, previous, comparison, place.name)
    return plan(
        action="commit",
        parent=state.head,
        creates=not state.ready,
        files=tuple(_changes(files, state.files, previous)),
        old_version=previous.version if previous else None,
        proposed=comparison.proposed_version if comparison else None,
        difference=comparison.text if comparison else "",
        unfinished=unfinished,
        holders=holders,
    )


def read_files(folder: Path, manifest: Manifest) -> tuple[LocalFile, ...]:
    """Return all files of the release with their hashes, including manifest and signature.

    DataError if a file differs from its manifest entry.
    """
    try:
        files = [hash_local(folder, entry.path) for entry in manifest.files]
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}. Verify the release first.") from None
    for entry, file in zip(manifest.files, files, strict=True):
        if (entry.bytes, entry.sha256) != (file.bytes, file.sha256):
            raise DataError(f"{folder / entry.path} is not the file that {MANIFEST} lists. Build the release again.")
    signed = [name for name in (STATEMENT, SIGNATURE) if (folder / name).is_file()]
    return (*files, *(hash_local(folder, name) for name in (MANIFEST, *signed)))


def _plan_builder(
    folder: Path, place: Place, manifest: Manifest, files: tuple[LocalFile, ...]
) -> Callable[..., PushPlan]:
    """Return a function that completes a plan of this release for this place."""
    return partial(
        PushPlan,
        folder=folder,
        place=place.name,
        name=manifest.name,
        version=manifest.version,
        root=manifest.manifest_root,
        local=files,
    )


def _find_existing(
    plan: Callable[..., PushPlan], place: Place, state: PlaceState, manifest: Manifest, files: Sequence[LocalFile]
) -> PushPlan | None:
    """Return the plan if this content already exists: tagged, untagged or in a pull request; else None."""
    existing = partial(_existing_plan, plan, files)
    rooted = [file for file in files if is_rooted(file.path)]
    tagged = state.tags.get(f"v{manifest.version}")
    if tagged:
        kept = _files(place, state, tagged)
        return None if wrong_files(kept, rooted) else existing(kept, "nothing", tagged)
    title, mark = manifest.title, f"manifest-root: {manifest.manifest_root}"
    for commit in state.commits:
        mine = commit.title.startswith(title) and mark in commit.message
        if (mine or commit.oid == state.head) and not wrong_files(kept := _files(place, state, commit.oid), rooted):
            return existing(kept, "tag", commit.oid)
    if place.proposes:
        for commit_id in state.proposals.values():
            if not wrong_files(kept := place.files(commit_id), rooted):
                return replace(existing(kept, "nothing", commit_id), proposal=True)
    return None


def _existing_plan(
    plan: Callable[..., PushPlan], files: Sequence[LocalFile], kept: Mapping[str, KeptFile], action: Action, commit: str
) -> PushPlan:
    late = wrong_files(kept, files)
    kinds = (FileChange(file.path, "late" if file.path in late else "unchanged", file.bytes) for file in files)
    return plan(action=action, commit=commit, files=tuple(kinds))


def _files(place: Place, state: PlaceState, commit: str) -> Mapping[str, KeptFile]:
    return state.files if commit == state.head else place.files(commit)


def _compare(
    place: Place, state: PlaceState, last: LastVersion, folder: Path, files: Sequence[LocalFile]
) -> Comparison:
    with fetched_tables(place, last.commit, _files(place, state, last.commit), files, folder) as old:
        return compare_releases(old, folder, ClaimedManifest)  # only some columns of large files were fetched


def _changes(
    files: Iterable[LocalFile], kept: Mapping[str, KeptFile], previous: Manifest | None
) -> Iterable[FileChange]:
    mine = {file.path: file for file in files}
    released = {entry.path for entry in previous.files} if previous else set()
    for path in sorted(mine.keys() | kept.keys()):
        if path not in mine:
            goes = path in released or is_own(path) or path in (STATEMENT, SIGNATURE)
            yield FileChange(path, "deleted" if goes else "kept", kept[path].bytes)
        elif path not in kept:
            yield FileChange(path, "added", mine[path].bytes)
        else:
            same = kept[path].holds(mine[path])
            yield FileChange(path, "unchanged" if same else "changed", mine[path].bytes)
