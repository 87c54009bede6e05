"""Large files under their sha256, and the signatures of the addresses under which they are sent and fetched."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from tests.hub.replies import HubError

HOUR = 3600


class BlobStore:
    """The files below ``root``; ``part`` is the size above which uploads go in parts; ``xet``: look there as well."""

    def __init__(self, root: Path, part: int | None, xet: bool) -> None:
        self.root, self.part, self.xet = root, part, xet
        self.address = ""
        key = root / "signing.key"
        if not key.exists():
            key.write_text(secrets.token_hex(32))
        self._key = key.read_text().encode()

    def path(self, oid: str) -> Path:
        return self.root / "lfs" / oid[:2] / oid[2:4] / oid

    def part_path(self, oid: str, part: str) -> Path:
        return self.root / "tmp" / f"{oid}.{part}"

    def temporary(self) -> Path:
        return self.root / "tmp" / secrets.token_hex(8)

    def receive(self, oid: str | None, stream: BinaryIO, length: int) -> tuple[Path, str]:
        """A temporary file with the bytes of the stream and their sha256, which must be ``oid`` if that is given."""
        made, digest, left = self.temporary(), hashlib.sha256(), length
        with made.open("wb") as file:
            while left and (data := stream.read(min(1 << 20, left))):
                digest.update(data)
                file.write(data)
                left -= len(data)
        if left or (oid and digest.hexdigest() != oid):
            made.unlink()
            raise HubError(400, "content does not match its sha256")
        return made, digest.hexdigest()

    def keep(self, oid: str, made: Path) -> None:
        """The file stands under its hash."""
        target = self.path(oid)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made, target)

    def sign(self, *parts: object) -> str:
        return hmac.new(self._key, "\n".join(map(str, parts)).encode(), "sha256").hexdigest()

    def signed(self, action: str, oid: str, part: str = "", filename: str = "") -> str:
        """The address, good for an hour, under which the storage takes or gives a file."""
        expires = int(time.time()) + HOUR
        query = {"a": action, "exp": str(expires), "sig": self.sign(action, oid, expires, part)}
        query |= ({"part": part} if part else {}) | ({"fn": filename} if filename else {})
        return f"{self.address}/lfs/{oid}?{urlencode(query)}"

    def is_signed(self, signature: str, expires: str, *parts: object) -> bool:
        return hmac.compare_digest(signature, self.sign(*parts)) and int(expires) >= time.time()
