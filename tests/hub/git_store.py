"""Bare git repositories: what a revision is, which files it has, which commits lead to it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.hub.replies import no_entry, no_revision

Entry = dict[str, Any]
TYPES = {"model": "models", "dataset": "datasets", "space": "spaces"}
POINTER = re.compile(rb"\Aversion https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n\Z")


def git(
    repo: Path, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """One git command in a repository; RuntimeError with its complaint if it fails."""
    clean = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", **(env or {})}
    done = subprocess.run(["git", "-C", str(repo), *args], input=stdin, capture_output=True, env=clean, check=False)
    if check and done.returncode:
        raise RuntimeError(f"git {args[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done


def has_ref(repo: Path, ref: str) -> bool:
    return git(repo, "rev-parse", "-q", "--verify", ref, check=False).returncode == 0


class GitStore:
    """All repositories below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def path(self, kind: str, name: str) -> Path:
        return self.root / "repos" / TYPES[kind] / f"{name}.git"

    @contextlib.contextmanager
    def lock(self, repo: Path) -> Iterator[None]:
        """Only one request at a time changes a repository."""
        with self._guard:
            lock = self._locks.setdefault(str(repo), threading.Lock())
        with lock:
            yield

    def setting(self, repo: Path, key: str) -> str:
        found = git(repo, "config", "--get", f"hub.{key}", check=False)
        return found.stdout.decode().strip() if found.returncode == 0 else ""

    def temporary(self) -> Path:
        return self.root / "tmp" / secrets.token_hex(8)

    def commit_of(self, repo: Path, revision: str) -> str:
        """The commit id of a branch, tag, full reference or commit id, in the Hub's order."""
        refs = [revision] if revision.startswith("refs/") else [f"refs/heads/{revision}", f"refs/tags/{revision}"]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            refs.append(revision)
        for ref in refs:
            found = git(repo, "rev-parse", "-q", "--verify", f"{ref}^{{commit}}", check=False)
            if found.returncode == 0:
                return found.stdout.decode().strip()
        raise no_revision(revision)

    def tree(self, repo: Path, commit: str, path: str = "", recursive: bool = False) -> list[Entry]:
        """Files and folders below a path."""
        spec = f"{commit}:{path}" if path else commit
        listed = git(repo, "ls-tree", "-z", "-l", *(["-r", "-t"] if recursive else []), spec, check=False)
        if listed.returncode:
            raise no_entry(path)
        entries = [_entry(row, path) for row in listed.stdout.decode().split("\0")[:-1]]
        self._resolve_pointers(repo, entries)
        return entries

    def files(self, repo: Path, commit: str) -> list[Entry]:
        return [entry for entry in self.tree(repo, commit, recursive=True) if entry["type"] == "file"]

    def entry(self, repo: Path, commit: str, path: str) -> Entry | None:
        """One file or folder, None where there is none."""
        listed = git(repo, "ls-tree", "-z", "-l", commit, "--", path, check=False).stdout.decode()
        if not listed:
            return None
        entry = _entry(listed.split("\0")[0], "")
        self._resolve_pointers(repo, [entry])
        return entry

    def _resolve_pointers(self, repo: Path, entries: list[Entry]) -> None:
        small = [entry for entry in entries if entry["type"] == "file" and 100 < entry["size"] < 200]
        if not small:
            return
        data = git(repo, "cat-file", "--batch", stdin="".join(f"{entry['oid']}\n" for entry in small).encode()).stdout
        for entry in small:
            head, rest = data.split(b"\n", 1)
            size = int(head.split()[2])
            blob, data = rest[:size], rest[size + 1 :]
            if found := POINTER.match(blob):
                entry["lfs"] = {"oid": found[1].decode(), "size": int(found[2]), "pointerSize": size}
                entry["size"] = int(found[2])

    def blob(self, repo: Path, oid: str) -> bytes:
        return git(repo, "cat-file", "blob", oid).stdout

    def commits(
        self, repo: Path, commit: str, skip: int = 0, limit: int = 50, path: str | None = None
    ) -> list[dict[str, Any]]:
        """Commits from this one back, newest first."""
        form = "--format=%H%x1f%an%x1f%cI%x1f%s%x1f%b%x1e"
        only = ["--", path] if path else []
        out = git(repo, "log", form, f"--skip={skip}", f"-n{limit}", commit, *only).stdout.decode()
        rows = [row.strip("\n").split("\x1f") for row in out.split("\x1e")[:-1]]
        return [
            {"id": oid, "title": title, "message": body.strip(), "authors": [{"user": author}], "date": date}
            for oid, author, date, title, body in rows
        ]


def _entry(row: str, folder: str) -> Entry:
    meta, name = row.split("\t", 1)
    _, kind, oid, size = meta.split()
    path = f"{folder}/{name}" if folder else name
    if kind == "tree":
        return {"type": "directory", "oid": oid, "size": 0, "path": path}
    return {"type": "file", "oid": oid, "size": int(size), "path": path}
