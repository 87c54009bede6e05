"""What a simulated source consists of: members whose bytes are made on demand, and the faults planted in them."""

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
    """One file of a source.

    ``archive`` is the official file name of the zip that holds it, or empty where the file lies next to the
    archives; ``name`` its path there. ``content`` makes its bytes, the same on each call.
    """

    archive: str
    name: str
    content: Content


@dataclass(frozen=True, slots=True)
class Planted:
    """One defect that was built in on purpose.

    ``stem`` is the image's; ``member`` the file at fault, or ``<annotation member>#<entry>``, under
    the path that readers see (nested archives unpacked next to themselves).
    ``reason`` is the word with which the pipeline rejects the image, None where the image is not rejected.
    """

    source: str
    kind: str
    stem: str
    member: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Simulated:
    """A whole source: its members in the order of their names, and what is wrong with them."""

    source: str
    members: tuple[Member, ...]
    planted: tuple[Planted, ...] = ()


def digest(*parts: object) -> bytes:
    """Return the sha256 of the parts; every choice of the simulation is drawn from it."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()


def generator(*parts: object) -> np.random.Generator:
    """Return a generator that depends on the parts (seed, source, stem, …) and on nothing else."""
    return np.random.default_rng(int.from_bytes(digest(*parts)[:16], "big"))


def shuffled(members: Iterable[Member], shuffle_seed: int | None) -> tuple[Member, ...]:
    """Return the members by name, or in an order that the seed decides."""
    if shuffle_seed is None:
        return tuple(sorted(members, key=lambda member: (member.archive, member.name)))
    return tuple(sorted(members, key=lambda member: digest(shuffle_seed, member.archive, member.name)))


def pack_tar_gz(members: Iterable[Member]) -> bytes:
    """Return a gzip-compressed tar of the members in the given order; the same members give the same bytes.

    Nothing is compressed (level 0): pictures are already, and the bytes do not depend on the zlib at hand.
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
