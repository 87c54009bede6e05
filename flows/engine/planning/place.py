"""Place the release folder: assembled separately, renamed into place whole, never changed afterwards."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from medmultipoints.data_lake.publish.withdrawn import refuse_withdrawn
from medmultipoints.data_lake.release.read.compare import compare_releases
from medmultipoints.data_lake.release.read.released_tables import read_quarantine
from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest, read_manifest
from medmultipoints.data_lake.store import remote
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.data_lake.store.layout import Lake, explained, new_temporary
from medmultipoints.data_lake.store.objects import Receipt, link_object
from medmultipoints.data_lake.store.runs import read_runs
from medmultipoints.data_lake.store.temporary import sync
from medmultipoints.flows.engine.stage import Build
from medmultipoints.transforms.diff.releases import version_numbers
from medmultipoints.transforms.errors import DataError, MachineError, UsageError

SourceFile = tuple[str, str, str]
"""Source, name and sha256 of a file."""
VERSIONED = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Placed:
    """A release in its folder; ``kept``: it already existed with the same content."""

    path: Path
    version: str
    manifest_root: str
    kept: bool


class VersionTaken(UsageError):
    """The version exists with other content; ``proposed`` is the version that the difference requires."""

    def __init__(self, name: str, version: str, proposed: str, difference: str) -> None:
        self.proposed = proposed
        super().__init__(
            f"release {name} {version} exists with other content and is never changed. The difference:\n{difference}\n"
            f"Build it as --version {proposed}, or as --version auto, or delete the old release yourself."
        )


def newest_release(lake: Lake, name: str) -> Path | None:
    """Return the folder of the highest version of a release name; None if there is no version."""
    fetch_releases(lake, name)
    newest = newest_version(lake, name)
    return lake.releases / name / newest if newest else None


def version_before(lake: Lake, name: str, version: str) -> Path | None:
    """Return the folder of the highest version of a release name below ``version``; None if the lake has none."""
    here = (listed.parent for listed in lake.releases.joinpath(name).glob(f"*/{MANIFEST}"))
    numbered = [folder for folder in here if VERSIONED.fullmatch(folder.name) and VERSIONED.fullmatch(version)]
    lower = [folder for folder in numbered if version_numbers(folder.name) < version_numbers(version)]
    return max(lower, key=lambda folder: version_numbers(folder.name), default=None)


def newest_version(lake: Lake, name: str) -> str | None:
    """Return the highest version of a release name, local or in the lake's object store, without any download."""
    listed = remote.names(lake.remote, f"releases/{name}") if lake.remote else []
    here = lake.releases.joinpath(name).glob(f"*/{MANIFEST}")
    paths = [PurePosixPath(path) for path in listed] + [path.relative_to(lake.root) for path in here]
    found = {path.parent.name for path in paths if path.name == MANIFEST and len(path.parts) == 4}
    numbered = filter(VERSIONED.fullmatch, found)
    return max(numbered, key=version_numbers, default=None)


def refuse_taken(build: Build, code: str) -> None:
    """Raise UsageError before the work if the version exists with other inputs.

    ``code``: the digest of the code that makes the release. No error if recipe, source files and code are those
    recorded in the release: a rebuild keeps it.
    """
    fetch_releases(build.lake, build.recipe.name)
    target = build.lake.releases / build.recipe.name / build.recipe.version
    made = manifest_or_none(target) if (target / MANIFEST).is_file() else None
    if made is None:
        return
    files = {(source.name, file.name, file.sha256) for source in made.sources for file in source.files}
    given = {
        (source.name, name, file.sha256) for source in build.sources for name, file in build.input_files(source).items()
    }
    changed = made.recipe != build.recipe.model_dump(mode="json")
    other = {
        "another recipe": changed,
        "other source files": files != given and files != _without_left_out(given, target, made),
        "other code": made.code_digest != code and not changed,  # the digest includes how the recipe's sources are read
    }
    if differ := [name for name, differs in other.items() if differs]:
        raise UsageError(
            f"release {build.recipe.name} {build.recipe.version} exists and was built from {' and '.join(differ)}; a "
            "release is never changed. Build under another --version, such as auto, or give --check-version late to "
            "build first and compare the contents."
        )


def _without_left_out(given: set[SourceFile], release: Path, made: Manifest) -> set[SourceFile]:
    """Return the files except those outside the dataset, as the release's own accounting names them."""
    excluded = read_quarantine(release, made, "exclusions")
    if excluded is None:
        return given
    left_out = set(excluded.filter(pl.col("stage") == "index", pl.col("verdict") == "dropped")["key"])
    return {file for file in given if f"{file[0]}/{file[1]}" not in left_out}


def place_release(build: Build, manifest: Receipt) -> Placed:
    """Place the release folder of a finished build; VersionTaken if the version exists with other content."""
    fetch_releases(build.lake, build.recipe.name)
    target = build.lake.releases / build.recipe.name / build.recipe.version
    assembled = assemble(build, manifest)
    try:
        made = read_manifest(assembled)
        if target.exists() and not is_placed(target, made):
            compare_or_replace(build, target, assembled, made)
        elif target.exists():
            send_release(build.lake, target, made)
            return Placed(target, made.version, made.manifest_root, kept=True)
        for listed in build.lake.releases.joinpath(build.recipe.name).glob(f"*/{MANIFEST}"):
            refuse_withdrawn(assembled, made, manifest_or_none(listed.parent))
        with explained(f"the release folder {target}"):
            os.rename(assembled, target)
            sync(target.parent)
        send_release(build.lake, target, made)
        return Placed(target, made.version, made.manifest_root, kept=False)
    finally:
        shutil.rmtree(assembled, ignore_errors=True)


def manifest_or_none(folder: Path) -> Manifest | None:
    """Return the manifest of a release in the lake; None if it is damaged."""
    try:
        return read_manifest(folder)
    except DataError:
        return None


def assemble(build: Build, receipt: Receipt) -> Path:
    """Return a temporary folder on the lake's disk with every file of the release."""
    folder = new_temporary(build.lake)
    (readme,), (manifest,) = receipt.objects["readme"], receipt.objects["manifest"]
    with explained(f"the lake folder {build.lake.root}"):
        link_object(build.lake, manifest.sha256, folder / MANIFEST)
        link_object(build.lake, readme.sha256, folder / "README.md")
        for entry in read_manifest(folder).entries:
            if entry.path != "README.md":
                link_object(build.lake, entry.sha256, folder / entry.path)
    return folder


def is_placed(target: Path, made: Manifest) -> bool:
    """Return whether the folder holds exactly these files, each intact."""
    try:
        same = read_manifest(target).manifest_root == made.manifest_root
    except DataError:
        return False
    return same and all(
        (target / entry.path).is_file() and file_sha256(target / entry.path) == entry.sha256 for entry in made.entries
    )


def refuse_unknown(build: Build, target: Path, made: Manifest) -> None:
    """Raise UsageError if the lake's records show that a damaged folder held another release."""
    own = target.relative_to(build.lake.root).parts  # the lake may have moved since
    held = (run for run in read_runs(build.lake) if Path(str(run.get("release"))).parts[-len(own) :] == own)
    roots = {run["manifest_root"] for run in held}
    if roots - {made.manifest_root}:
        raise UsageError(
            f"release {target} is damaged, and what was built now is another release. "
            "Build under another --version, or move the damaged folder away."
        )


def compare_or_replace(build: Build, target: Path, assembled: Path, made: Manifest) -> None:
    """Move a damaged folder away; raise VersionTaken if it is another release."""
    try:
        other = read_manifest(target).manifest_root != made.manifest_root
    except DataError:
        other = False
        refuse_unknown(build, target, made)
    if other:
        comparison = compare_releases(target, assembled)
        raise VersionTaken(made.name, made.version, comparison.proposed_version, comparison.text)
    os.rename(target, new_temporary(build.lake))


def send_release(lake: Lake, folder: Path, made: Manifest) -> None:
    """Upload a release to the lake's object store, the manifest last, since it marks the release as complete.

    MachineError if another machine placed other content under the version meanwhile.
    """
    name = folder.relative_to(lake.root).as_posix()
    if lake.remote and remote.size(lake.remote, f"{name}/{MANIFEST}") is None:
        for path in (*(entry.path for entry in made.entries), MANIFEST):
            remote.put(lake.remote, f"{name}/{path}", folder / path)
    if lake.remote:
        with temporary_folder(lake) as back:
            fetch_entry(lake.remote, f"{name}/{MANIFEST}", back / MANIFEST)
            if read_manifest(back).manifest_root != made.manifest_root:
                raise MachineError(
                    f"{lake.remote}/{name} holds another release than {folder}: another machine placed it, too. "
                    "Keep one: remove the folder here, or the release there, then build under another --version."
                )


def fetch_releases(lake: Lake, name: str) -> None:
    """Download the releases of that name from the lake's object store, each whole or not at all."""
    if not lake.remote:
        return
    for listed in remote.names(lake.remote, f"releases/{name}"):
        folder, _, file = listed.rpartition("/")
        target = lake.root / folder
        if file != MANIFEST or folder.count("/") != 2 or target.exists():
            continue
        with temporary_folder(lake) as partial:
            fetch_entry(lake.remote, listed, partial / MANIFEST)
            for entry in read_manifest(partial).entries:
                fetch_entry(lake.remote, f"{folder}/{entry.path}", partial / entry.path, entry.sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress_taken(target):
                os.rename(partial, target)


def fetch_entry(address: str, name: str, path: Path, sha256: str | None = None) -> None:
    """Download a release file from the object store; MachineError if it is missing or differs from its entry."""
    if not remote.get(address, name, path) or (sha256 and file_sha256(path) != sha256):
        raise MachineError(
            f"{address}/{name} is missing or not what the manifest of its release lists. Put the file back or remove "
            "that release from the store, then run again."
        )


@contextmanager
def temporary_folder(lake: Lake) -> Iterator[Path]:
    """Provide a temporary folder on the lake's disk; it is removed at the end unless it was moved away."""
    folder = new_temporary(lake)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def suppress_taken(target: Path) -> Iterator[None]:
    """Ignore that another process placed the same release first."""
    try:
        yield
    except OSError:
        if not (target / MANIFEST).is_file():
            raise
