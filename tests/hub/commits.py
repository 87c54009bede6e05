"""A commit: one reference update that takes all operations, or nothing."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import Any

from tests.hub.blobs import BlobStore
from tests.hub.git_store import GitStore, git
from tests.hub.replies import HubError, now
from tests.hub.xet import find_in_xet

Operation = tuple[str, str, Any]  # add | lfs | delete | delete_folder, path, payload
LARGE = (
    "7z arrow avro bin bz2 ckpt ftz gz h5 joblib lz4 mds mlmodel model msgpack npy npz onnx ot parquet pb pickle pkl "
    "pt pth rar safetensors tar tflite tgz wasm xz zip zst pcm sam raw aac flac mp3 ogg wav bmp gif png tiff jpg jpeg "
    "webp mp4 webm"
)
GITATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE.split(" "))
REGULAR_MAX = 10 * 1024 * 1024
OID = re.compile(r"[0-9a-f]{64}\Z")
STALE = "The branch was updated since you opened this page. Please refresh and try again."


def create_repository(store: GitStore, kind: str, name: str, private: bool, user: str) -> bool:
    """Whether the repository was made; False where it was there."""
    repo = store.path(kind, name)
    with store.lock(repo):
        if repo.exists():
            return False
        made = store.temporary()
        git(store.root, "init", "-q", "--bare", "-b", "main", str(made))
        for key, value in (("private", str(private).lower()), ("created", now())):
            git(made, "config", f"hub.{key}", value)
        write(
            made,
            "refs/heads/main",
            None,
            "initial commit",
            "",
            user,
            [("add", ".gitattributes", GITATTRIBUTES.encode())],
        )
        repo.parent.mkdir(parents=True, exist_ok=True)
        os.rename(made, repo)
        return True


def commit(
    store: GitStore, blobs: BlobStore, repo: Path, base: str, target: str, header: dict[str, Any],
    operations: list[Operation], user: str,
) -> str:  # fmt: skip
    """The id of the new commit; refused as a whole if the parent is stale or any part is wrong."""
    with store.lock(repo):
        head = store.commit_of(repo, base)
        if header.get("parentCommit") not in (None, "", head):
            raise HubError(412, STALE)
        live = {entry["path"] for entry in store.files(repo, head)}
        changes = [change for operation in operations for change in _checked(blobs, live, *operation)]
        if base != target:
            git(repo, "update-ref", target, head, "0" * 40)
        return write(repo, target, head, header["summary"], header.get("description") or "", user, changes)


def _checked(blobs: BlobStore, live: set[str], kind: str, path: str, payload: Any) -> list[Operation]:
    _check_path(path)
    if kind in ("delete", "delete_folder"):
        path = path.rstrip("/")
        gone = {one for one in live if one == path or one.startswith(path + "/")}
        if not gone:
            raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        live -= gone
        return [("delete", path, b"")]
    live.add(path)
    if kind == "lfs":
        return [("add", path, _pointer(blobs, path, payload))]
    if len(payload) > REGULAR_MAX and path != ".gitattributes":
        raise HubError(400, f"Your push was rejected because it contains files larger than 10 MiB: {path}")
    return [("add", path, payload)]


def _check_path(path: str) -> None:
    strange = not path or path.startswith(("/", "../")) or "\\" in path or "\0" in path or len(path) > 1000
    if strange or any(part in ("", ".", "..", ".git") for part in path.rstrip("/").split("/")):
        raise HubError(422, f"Invalid path in repo: {path!r}")


def _pointer(blobs: BlobStore, path: str, payload: dict[str, Any]) -> bytes:
    oid = payload.get("oid", "")
    if not OID.match(oid) or payload.get("algo", "sha256") != "sha256":
        raise HubError(422, "Invalid LFS oid")
    stored = blobs.path(oid)
    if not stored.exists() and blobs.xet:
        find_in_xet(blobs, oid)
    if not stored.exists():
        raise HubError(400, f"LFS pointer pointed to a file that does not exist: {path} ({oid})")
    size = stored.stat().st_size
    if payload.get("size") not in (None, size):
        raise HubError(400, f"LFS size mismatch for {path}: {payload['size']} != {size}")
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (oid.encode(), size)


def write(repo: Path, ref: str, parent: str | None, title: str, body: str, user: str, changes: list[Operation]) -> str:
    """The new commit on ``ref``, which moves from ``parent`` by compare and swap."""
    temporary = f"refs/pending/{secrets.token_hex(8)}"
    message = (title + (f"\n\n{body}" if body else "")).encode()
    who = f"{user} <{user}@users.noreply.hub.test> {int(time.time())} +0000"
    stream = [f"feature done\ncommit {temporary}\ncommitter {who}\ndata {len(message)}\n".encode(), message, b"\n"]
    stream += [f"from {parent}\n".encode()] if parent else []
    for kind, path, data in changes:
        name = json.dumps(path, ensure_ascii=False).encode()
        if kind == "delete":
            stream.append(b"D " + name + b"\n")
        else:
            stream += [b"M 100644 inline " + name + b"\n", f"data {len(data)}\n".encode(), data, b"\n"]
    stream.append(b"\ndone\n")
    try:
        git(repo, "fast-import", "--quiet", "--done", stdin=b"".join(stream))
        made = git(repo, "rev-parse", temporary).stdout.decode().strip()
        git(repo, "update-ref", ref, made, parent or "0" * 40)
        return made
    finally:
        git(repo, "update-ref", "-d", temporary, check=False)
