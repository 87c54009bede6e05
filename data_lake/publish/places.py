"""A place that keeps versions of a release: what it holds, and what can be asked of it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from medmultipoints.data_lake.store.hashing import remember_sha256
from medmultipoints.transforms.errors import MachineError

PIECE = 1 << 20


class StaleParent(MachineError):
    """Someone else changed the branch since it was read; nothing was changed by us."""


class LostAnswer(MachineError):
    """No response says whether the commit was made; ``definite``: repeating the request will not help."""

    def __init__(self, message: str, *, definite: bool) -> None:
        self.definite = definite
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the release folder; ``blob`` is git's own name of the content."""

    path: str
    bytes: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file at the place: its sha256 where the place keeps it as a large file, else git's name of the content."""

    path: str
    bytes: int
    sha256: str | None
    blob: str | None

    def holds(self, file: LocalFile) -> bool:
        """Return whether the content is that of the local file."""
        same = self.sha256 == file.sha256 if self.sha256 else self.blob == file.blob
        return same and self.bytes == file.bytes


@dataclass(frozen=True, slots=True)
class KeptCommit:
    """One commit of the branch."""

    oid: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class PlaceState:
    """What a place held when it was read; ``head`` is None where there is no commit to build on.

    ``ready``: repository and branch are there. ``commits`` are those of the branch, newest first; ``proposals`` the
    commits of open pull requests by reference.
    """

    exists: bool
    ready: bool = False
    head: str | None = None
    files: Mapping[str, KeptFile] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    commits: tuple[KeptCommit, ...] = ()
    proposals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit does: files to take from the folder, paths to delete, and why."""

    folder: Path
    add: tuple[LocalFile, ...]
    delete: tuple[str, ...]
    title: str
    message: str


class Place(Protocol):
    """The Hub, a git repository or a plain folder. Errors are PipelineErrors that never hold a token."""

    @property
    def name(self) -> str:
        """How a person knows the place."""

    @property
    def proposes(self) -> bool:
        """Whether commits become pull requests, which are not tagged."""

    def state(self) -> PlaceState:
        """Return what the place holds now."""

    def files(self, revision: str) -> Mapping[str, KeptFile]:
        """Return all files of a commit or tag."""

    def stream(self, revision: str, path: str) -> Iterator[bytes]:
        """Return the content of a file, in pieces."""

    def open(self, revision: str, path: str) -> BinaryIO:
        """Return a file for reading parts of it."""

    def create(self) -> None:
        """Make the repository and its branch; nothing where they are there."""

    def commit(self, change: Change, parent: str | None) -> str:
        """Return the id of the one new commit on ``parent``.

        StaleParent or LostAnswer where it may not have been made.
        """

    def tag(self, tag: str, commit: str, message: str) -> None:
        """Set the tag on the commit; an error where it is on another one: tags never move."""

    def load_argument(self, tag: str) -> tuple[str, str | None] | None:
        """Return what ``load_dataset`` is to be given, name and revision.

        None where it cannot read the place itself.
        """

    def environment(self) -> Mapping[str, str]:
        """Return what a client in another process needs in its environment to read the place, its token included."""


def hash_local(folder: Path, path: str) -> LocalFile:
    """Return size and both hashes of a file, read once."""
    size = (folder / path).stat().st_size
    # The name that git gives a content is defined by sha1; nothing here relies on its strength.
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with (folder / path).open("rb") as file:
        while data := file.read(PIECE):
            sha256.update(data)
            blob.update(data)
    remember_sha256(folder / path, sha256.hexdigest())
    return LocalFile(path, size, sha256.hexdigest(), blob.hexdigest())


def download(place: Place, revision: str, path: str, target: Path) -> None:
    """Write a file of a revision to disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for data in place.stream(revision, path):
            file.write(data)
