"""Keep versions in a plain folder without git: ``versions/<X.Y.Z>/`` and ``history.json``."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import orjson
from filelock import FileLock

from medmultipoints.data_lake.publish.places import (
    PIECE,
    Change,
    KeptCommit,
    KeptFile,
    PlaceState,
    StaleParent,
    hash_local,
)
from medmultipoints.data_lake.store.layout import explained
from medmultipoints.data_lake.store.temporary import remove, sync, write_durably
from medmultipoints.transforms.errors import DataError, MachineError, UsageError

HISTORY, VERSIONS, LOCK = "history.json", "versions", ".lock"
LONGEST_WAIT = 600


class PlainFolder:
    """Every version as plain files; unchanged files of two versions are one file on disk."""

    proposes = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not self._is_ours())):
            raise UsageError(
                f"--to {folder}: exists, is not empty, and is not a folder of versions. Give a new or an empty folder."
            )

    @property
    def name(self) -> str:
        return str(self.folder)

    def _is_ours(self) -> bool:
        return (self.folder / HISTORY).is_file() or (self.folder / LOCK).is_file()

    def state(self) -> PlaceState:
        """Return the current history."""
        if not (self.folder / HISTORY).is_file():
            return PlaceState(exists=False)
        history = self._history()
        commits = tuple(KeptCommit(row["commit"], row["title"], row["message"]) for row in reversed(history["commits"]))
        if not commits:
            return PlaceState(True, True, tags=history["tags"])
        head = commits[0].oid
        return PlaceState(True, True, head, self.files(head), history["tags"], commits)

    def files(self, revision: str) -> Mapping[str, KeptFile]:
        """Return all files of a commit or tag, each hashed now."""
        folder = self._version(revision)
        paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        local = (hash_local(folder, path) for path in paths)
        return {file.path: KeptFile(file.path, file.bytes, file.sha256, file.blob) for file in local}

    def stream(self, revision: str, path: str) -> Iterator[bytes]:
        """Yield the content of a file in chunks."""
        with self.open(revision, path) as file:
            while data := file.read(PIECE):
                yield data

    def open(self, revision: str, path: str) -> BinaryIO:
        with explained(f"the folder {self.folder}"):
            return (self._version(revision) / path).open("rb")

    def create(self) -> None:
        """Create the folder with an empty history."""
        with explained(f"the folder {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked():
                (self.folder / VERSIONS).mkdir(exist_ok=True)
                if not (self.folder / HISTORY).is_file():
                    self._write({"commits": [], "tags": {}})

    def commit(self, change: Change, parent: str | None) -> str:
        """Rename the version's folder into place, then write the history; return the commit id.

        StaleParent if the history changed meanwhile.
        """
        with self._locked():
            history = self._history()
            head = history["commits"][-1]["commit"] if history["commits"] else None
            if head != parent:
                raise StaleParent(f"{self.folder} was changed by someone else meanwhile. Run the same command again.")
            files = {} if parent is None else dict(self.files(parent))
            for path in change.delete:
                del files[path]
            listed = [[file.path, str(file.sha256)] for file in change.add]
            listed += [
                [path, str(file.sha256)] for path, file in files.items() if path not in {row[0] for row in listed}
            ]
            made = hashlib.sha256(orjson.dumps([parent, change.title, change.message, sorted(listed)])).hexdigest()
            self._place(change, parent, [path for path, _ in listed], made)
            row = {"commit": made, "parent": parent, "title": change.title, "message": change.message}
            self._write(history | {"commits": [*history["commits"], row]})
            return made

    def _place(self, change: Change, parent: str | None, paths: list[str], commit: str) -> None:
        target, mine = self.folder / VERSIONS / commit[:16], {file.path for file in change.add}
        part = target.with_name(f".{uuid4().hex}.part")
        with explained(f"the folder {self.folder}"):
            for path in paths:
                (part / path).parent.mkdir(parents=True, exist_ok=True)
                if path in mine:
                    shutil.copyfile(change.folder / path, part / path)
                    (part / path).chmod(0o444)
                    sync(part / path)
                else:
                    _link(self._version(str(parent)) / path, part / path)
            shutil.rmtree(target, ignore_errors=True)  # a push ended before it wrote the history
            os.replace(part, target)
            sync(target.parent)

    def tag(self, tag: str, commit: str, message: str) -> None:  # noqa: ARG002
        """Set the tag on the commit, and link ``versions/<X.Y.Z>`` to it."""
        with self._locked():
            history = self._history()
            tagged_commit = history["tags"].get(tag)
            if tagged_commit not in (None, commit):
                raise MachineError(f"{self.folder}: the tag {tag} is on another commit. Tags never move.")
            link = self.folder / VERSIONS / tag.removeprefix("v")
            if not link.exists():
                part = link.with_name(f".{uuid4().hex}.part")
                part.symlink_to(commit[:16], target_is_directory=True)
                os.replace(part, link)
            self._write(history | {"tags": history["tags"] | {tag: commit}})

    def load_argument(self, tag: str) -> tuple[str, str | None] | None:
        """Return the version's own folder."""
        return str(self._version(tag)), None

    def environment(self) -> Mapping[str, str]:
        return {}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the folder and remove the unfinished files of killed processes."""
        with FileLock(self.folder / LOCK, timeout=LONGEST_WAIT):
            for left in (*self.folder.glob(".*.part"), *self.folder.glob(f"{VERSIONS}/.*.part")):
                remove(left)
            yield

    def _history(self) -> dict[str, Any]:
        try:
            history: dict[str, Any] = orjson.loads((self.folder / HISTORY).read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise DataError(f"{self.folder / HISTORY} cannot be read: {error}. Restore it from a copy.") from None
        return history

    def _write(self, history: Mapping[str, Any]) -> None:
        data = orjson.dumps(history, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        with explained(f"the folder {self.folder}"):
            write_durably(self.folder / HISTORY, data)

    def _version(self, revision: str) -> Path:
        commit = self._history()["tags"].get(revision, revision)
        folder: Path = self.folder / VERSIONS / commit[:16]
        return folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
