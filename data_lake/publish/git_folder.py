"""Keep versions in a bare git repository in a folder: the Hub's commits and tags for a site without it."""

import glob
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from medmultipoints.data_lake.publish.places import PIECE, Change, KeptCommit, KeptFile, PlaceState, StaleParent
from medmultipoints.data_lake.store.layout import explained
from medmultipoints.data_lake.store.temporary import remove_leftovers, system_temporary_folder, temporary_name
from medmultipoints.transforms.errors import MachineError, UsageError

AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "medmultipoints"), ("EMAIL", "medmultipoints@localhost"))
}
SETTINGS = {
    "core.compression": "0",
    "core.bigFileThreshold": "1m",
    "core.fsync": "committed,reference",
    "core.filesRefLockTimeout": "5000",  # milliseconds; a killed git leaves older locks
}
COMMITS = 200


class GitFolder:
    """One branch of a bare repository; read it with ``git clone FOLDER``."""

    proposes = False

    def __init__(self, folder: Path, *, branch: str = "main") -> None:
        self.folder, self.branch = folder.absolute(), branch
        self.ref = f"refs/heads/{branch}"
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not self._is_repository())):
            raise UsageError(
                f"--to {folder}: exists, is not empty, and is not a release repository. Give a new or an empty folder."
            )
        if self._is_repository():
            _check_owner(self.folder)

    @property
    def name(self) -> str:
        return str(self.folder)

    def _is_repository(self) -> bool:
        return (self.folder / "HEAD").is_file() and (self.folder / "objects").is_dir()

    def state(self) -> PlaceState:
        """Return the current state of the branch; a new one starts at the repository's default branch."""
        if not self._is_repository():
            return PlaceState(exists=False)
        refs = self._refs()
        tags = {ref.removeprefix("refs/tags/"): oid for ref, oid in refs.items() if ref.startswith("refs/tags/")}
        head = refs.get(self.ref, refs.get("HEAD"))
        if head is None:
            return PlaceState(True, True, tags=tags)
        out = self._git("log", f"-n{COMMITS}", "--format=%H%x1f%s%x1f%b%x1e", head)
        rows_of_log = [row.strip("\n").split("\x1f") for row in out.split("\x1e")[:-1]]
        commits = tuple(KeptCommit(oid, title, body) for oid, title, body in rows_of_log)
        return PlaceState(True, self.ref in refs, head, self.files(head), tags, commits)

    def _refs(self) -> dict[str, str]:
        """Return the commit of every branch and tag, and that of HEAD."""
        rows = self._git("for-each-ref", "--format=%(refname)%09%(objectname)%09%(*objectname)%09%(HEAD)").splitlines()
        refs = {}
        for ref, oid, peeled, at in (row.split("\t") for row in rows):
            refs[ref] = peeled or oid
            if at == "*":
                refs["HEAD"] = refs[ref]
        return refs

    def files(self, revision: str) -> Mapping[str, KeptFile]:
        """Return all files of a commit or tag."""
        kept = {}
        for row in self._git("ls-tree", "-r", "-l", "-z", revision).split("\0")[:-1]:
            facts, path = row.split("\t", 1)
            _, _, blob, size = facts.split()
            kept[path] = KeptFile(path, int(size), None, blob)
        return kept

    def stream(self, revision: str, path: str) -> Iterator[bytes]:
        """Yield the content of a file in chunks."""
        with self.open(revision, path) as file:
            while data := file.read(PIECE):
                yield data

    def open(self, revision: str, path: str) -> BinaryIO:
        """Return a file, copied to a temporary one."""
        file = TemporaryFile()  # noqa: SIM115 - the caller closes it
        command = ["git", f"--git-dir={self.folder}", "cat-file", "blob", f"{revision}:{path}"]
        done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, env=_environment(), check=False)
        if done.returncode:
            raise _trouble(self.folder, "cat-file", done.stderr)
        file.seek(0)
        return cast("BinaryIO", file)

    def create(self) -> None:
        """Create an empty repository atomically; in an existing one, create the branch at the repository's head."""
        if self._is_repository():
            refs = self._refs()
            if self.ref not in refs and "HEAD" in refs:
                self._move(refs["HEAD"], None)
            return
        with explained(f"the folder {self.folder}"):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            prefix = f".{self.folder.name}."
            remove_leftovers(self.folder.parent.glob(f"{glob.escape(prefix)}*-*-*"), prefix)
            made = self.folder.with_name(prefix + temporary_name())
            _run(made, "init", "--quiet", "--bare", f"--initial-branch={self.branch}")
            for key, value in SETTINGS.items():
                _run(made, "config", key, value)
            try:
                made.replace(self.folder)  # only onto nothing or an empty folder
            except OSError:
                shutil.rmtree(made)
                if not self._is_repository():  # else another publisher was faster
                    raise

    def commit(self, change: Change, parent: str | None) -> str:
        """Create one commit and move the branch from ``parent`` to it, atomically; StaleParent if the branch moved."""
        with system_temporary_folder() as temporary:
            index = {"GIT_INDEX_FILE": str(temporary / "index")}
            if parent:
                self._git("read-tree", parent, extra=index)
            paths = [str(change.folder.absolute() / file.path) for file in change.add]
            blobs = self._git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin="\n".join(paths)).split()
            lines = [f"0 {'0' * 40}\t{path}" for path in change.delete]
            lines += [f"100644 {blob}\t{file.path}" for blob, file in zip(blobs, change.add, strict=True)]
            self._git("update-index", "-z", "--index-info", stdin="\0".join(lines) + "\0" if lines else "", extra=index)
            tree = self._git("write-tree", extra=index).strip()
        parents = ["-p", parent] if parent else []
        message = f"{change.title}\n\n{change.message}\n"
        made = self._git("commit-tree", tree, *parents, "-F", "-", stdin=message, extra=AUTHOR).strip()
        self._move(made, parent)
        return made

    def _move(self, commit: str, parent: str | None) -> None:
        """Move the branch from ``parent`` (None: it did not exist) to the commit; StaleParent if it moved."""
        try:
            self._git("update-ref", self.ref, commit, parent or "0" * 40)
        except MachineError:
            if self._refs().get(self.ref) == parent:
                raise
            raise StaleParent(
                f"{self.folder} was changed by someone else meanwhile. Run the same command again."
            ) from None

    def tag(self, tag: str, commit: str, message: str) -> None:
        """Set the annotated tag on the commit; MachineError if it is on another commit."""
        tagged_commit = self._tagged(tag)
        if tagged_commit is None:
            try:
                self._git("tag", "--annotate", "-m", message, tag, commit, extra=AUTHOR)
            except MachineError:  # another publisher may have been faster
                if (tagged_commit := self._tagged(tag)) is None:
                    raise
        if tagged_commit not in (None, commit):
            raise MachineError(
                f"{self.folder}: the tag {tag} is on another commit. Tags never move: build the release under "
                "another version and publish that."
            )

    def _tagged(self, tag: str) -> str | None:
        out = self._git("for-each-ref", "--format=%(objectname)%09%(*objectname)", f"refs/tags/{tag}")
        oid, _, peeled = out.strip().partition("\t")
        return peeled or oid or None

    def load_argument(self, tag: str) -> tuple[str, str | None] | None:  # noqa: ARG002
        """Return None: ``load_dataset`` cannot read a bare repository."""
        return None

    def environment(self) -> Mapping[str, str]:
        return {}

    def _git(self, *words: str, stdin: str = "", extra: Mapping[str, str] | None = None) -> str:
        return _run(self.folder, *words, stdin=stdin, extra=extra)


def _run(folder: Path, *words: str, stdin: str = "", extra: Mapping[str, str] | None = None) -> str:
    command = ["git", f"--git-dir={folder}", *words]  # explicit, so that git never finds a repository around the folder
    environment = _environment() | dict(extra or {})
    done = subprocess.run(command, input=stdin.encode(), capture_output=True, env=environment, check=False)
    if done.returncode:
        raise _trouble(folder, words[0], done.stderr)
    return done.stdout.decode()


def _environment() -> dict[str, str]:
    """Return the environment without git settings, so that no detail of this machine enters the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


def _check_owner(folder: Path) -> None:
    """Raise UsageError if another user owns the folder and the caller's git settings do not allow its use."""
    caller = {name: value for name, value in os.environ.items() if name != "GIT_DIR"} | {"LC_ALL": "C"}
    done = subprocess.run(["git", "-C", folder, "rev-parse"], capture_output=True, env=caller, check=False)
    if b"dubious ownership" in done.stderr:
        raise UsageError(
            f"{folder} belongs to another user, whose settings git would run as yours. If you trust its owner: "
            f"git config --global --add safe.directory {folder}"
        )


def _trouble(folder: Path, word: str, said: bytes) -> MachineError:
    reason = " ".join(said.decode(errors="replace").split()).rstrip(".") or "no reason given"
    return MachineError(f"{folder}: git {word} failed: {reason}. Check the folder and its disk, then run again.")
