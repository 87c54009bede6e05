"""Members of simulated sources, with bytes made on demand, and the faults planted in them."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from gzip import GzipFile

import numpy as np

Content = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a source.

    ``archive``: official file name of its zip, or empty for a file next to the archives; ``name``: path there.
    ``content`` returns its bytes, the same on each call.
    """

    archive: str
    name: str
    content: Content


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted defect.

    ``stem``: the image's stem; ``member``: the file at fault, or ``<annotation member>#<entry>``, with the path that
    readers see (nested archives unpacked in place). ``reason``: the word with which the pipeline rejects the image, or
    None if it does not.
    """

    source: str
    kind: str
    stem: str
    member: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated source: its members and the faults planted in them."""

    source: str
    members: tuple[Member, ...]
    planted: tuple[Planted, ...] = ()


def digest(*parts: object) -> bytes:
    """Return the SHA-256 of the parts, which determines every choice of the simulation."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()


def generator(*parts: object) -> np.random.Generator:
    """Return a random generator that depends only on the parts (seed, source, stem, …)."""
    return np.random.default_rng(int.from_bytes(digest(*parts)[:16], "big"))


def shuffled(members: Iterable[Member], shuffle_seed: int | None) -> tuple[Member, ...]:
    """Return the members sorted by name, or in an order given by the seed."""
    if shuffle_seed is None:
        return tuple(sorted(members, key=lambda member: (member.archive, member.name)))
    return tuple(sorted(members, key=lambda member: digest(shuffle_seed, member.archive, member.name)))


def pack_tar_gz(members: Iterable[Member]) -> bytes:
    """Return a gzipped tar of the members in the given order, reproducibly.

    Uses compression level 0: pictures are compressed already, and the bytes do not depend on the zlib version.
    """
    packed = io.BytesIO()
    with (
        GzipFile(filename="", mode="wb", compresslevel=0, fileobj=packed, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for member in members:
            data = member.content()
            header = tarfile.TarInfo(member.name)
            header.size, header.mtime, header.mode = len(data), 1_600_000_000, 0o644
            archive.addfile(header, io.BytesIO(data))
    return packed.getvalue()
