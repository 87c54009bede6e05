"""Files that came over the client's default upload path: rebuilt by hf_xet from its own on-disk store.

The token route hands out ``local://`` as address, which makes hf_xet 1.8 keep its chunks on disk itself. That is
not documented and not the network protocol; a later hf_xet may read or write its shards in another way.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.hub.blobs import BlobStore
from tests.hub.replies import HubError

DOWNLOAD = (
    "import sys, hf_xet; store, target, key, size = sys.argv[1:]; "
    "hf_xet.download_files([hf_xet.PyXetDownloadInfo(target, key, int(size))], store, None, None, None)"
)
END = b"\xff" * 32


def find_in_xet(blobs: BlobStore, sha256: str) -> None:
    """Put the file with this hash into the store if a shard knows it."""
    shards = sorted((blobs.root / "cas").rglob("shards/*.mdb"), key=lambda file: -file.stat().st_mtime)
    for shard in shards:
        for key, size, known in _files(shard.read_bytes()):
            if known == sha256:
                _rebuild(blobs, sha256, key, size)
                return


def _files(shard: bytes) -> Iterator[tuple[str, int, str]]:
    """Xet hash, size and sha256 of every file that a shard lists."""
    place = 48
    while place + 48 <= len(shard) and (key := shard[place : place + 32]) != END:
        flags, terms = struct.unpack("<II", shard[place + 32 : place + 40])
        place += 48
        size = sum(struct.unpack("<I", shard[place + 48 * n + 36 : place + 48 * n + 40])[0] for n in range(terms))
        place += 48 * terms * (2 if flags >> 31 & 1 else 1)
        if flags >> 30 & 1:
            yield _swapped(key), size, _swapped(shard[place : place + 32])
            place += 48


def _swapped(data: bytes) -> str:
    return b"".join(data[start : start + 8][::-1] for start in range(0, 32, 8)).hex()


def _rebuild(blobs: BlobStore, sha256: str, key: str, size: int) -> None:
    made = blobs.temporary()
    copy = _linked_copy(blobs)
    environment = {**os.environ, "HF_HOME": str(blobs.root / "tmp" / "xet-home")}
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD, f"local://{copy}", str(made), key, str(size)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    shutil.rmtree(copy, ignore_errors=True)
    if done.returncode:
        sys.stderr.write(done.stderr[-600:])
        return
    with made.open("rb") as file:
        made, found = blobs.receive(None, file, made.stat().st_size)
    if found != sha256:
        raise HubError(400, f"Xet content does not match its sha256 {sha256}")
    blobs.keep(sha256, made)


def _linked_copy(blobs: BlobStore) -> Path:
    """The uploading client holds the store's own lock: read a copy."""
    copy = Path(tempfile.mkdtemp(dir=blobs.root / "tmp"))
    for file in (blobs.root / "cas").rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(blobs.root / "cas")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target) if file.suffix == ".redb" else os.link(file, target)
    return copy
