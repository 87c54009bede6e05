"""Define a place for versions of a release: its state and the operations on it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from medmultipoints.data_lake.store.hashing import remember_sha256
from medmultipoints.transforms.errors import MachineError

PIECE = 1 << 20


class StaleParent(MachineError):
    """Someone else changed the branch since it was read; our change was not made."""


class LostAnswer(MachineError):
    """No response says whether the commit was made; ``definite``: a retry will not help."""

    def __init__(self, message: str, *, definite: bool) -> None:
        self.definite = definite
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the release folder; ``blob`` is its git object id."""

    path: str
    bytes: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file at the place: its sha256 if it is stored as a large file, else its git object id."""

    path: str
    bytes: int
    sha256: str | None
    blob: str | None

    def holds(self, file: LocalFile) -> bool:
        """Return whether the content equals that of the local file."""
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
    """The state of a place when it was read; ``head`` is None if there is no commit to build on.

    ``ready``: repository and branch exist. ``commits`` are those of the branch, newest first; ``proposals`` are the
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
    """The content of one commit: files to add from the folder, paths to delete, and the message."""

    folder: Path
    add: tuple[LocalFile, ...]
    delete: tuple[str, ...]
    title: str
    message: str


class Place(Protocol):
    """The Hub, a git repository or a plain folder. Its errors are PipelineErrors that never contain a token."""

    @property
    def name(self) -> str:
        """The name that messages use for the place."""

    @property
    def proposes(self) -> bool:
        """Whether commits become pull requests, which are not tagged."""

    def state(self) -> PlaceState:
        """Return the current state of the place."""

    def files(self, revision: str) -> Mapping[str, KeptFile]:
        """Return all files of a commit or tag."""

    def stream(self, revision: str, path: str) -> Iterator[bytes]:
        """Yield the content of a file in chunks."""

    def open(self, revision: str, path: str) -> BinaryIO:
        """Return a file for reading parts of it."""

    def create(self) -> None:
        """Create the repository and its branch unless they exist."""

    def commit(self, change: Change, parent: str | None) -> str:
        """Create one commit on ``parent`` and return its id; StaleParent or LostAnswer if it may not have been made."""

    def tag(self, tag: str, commit: str, message: str) -> None:
        """Set the tag on the commit; an error if it is on another one: tags never move."""

    def load_argument(self, tag: str) -> tuple[str, str | None] | None:
        """Return the name and revision for ``load_dataset``; None if it cannot read the place directly."""

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables with which a child process can read the place, including the token."""


def hash_local(folder: Path, path: str) -> LocalFile:
    """Return the size and both hashes of a file, read once."""
    size = (folder / path).stat().st_size
    # git names content by its sha1; nothing here relies on the strength of sha1.
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
