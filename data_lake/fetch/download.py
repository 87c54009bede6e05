"""Downloads: resumed where they stopped, checked against the accepted hashes, there only when finished.

While a file comes in it is hidden (``.name.part``); it takes its name when its hash has been accepted. What the server
said of it stays in a hidden note beside it, for ``data_lake.fetch.upstream``.
"""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from medmultipoints.data_lake.archives.entries import Origin, check_size
from medmultipoints.data_lake.catalogue import Archive, RemoteMember, SourceInfo
from medmultipoints.data_lake.fetch import curl
from medmultipoints.data_lake.fetch.ranges import open_remote, version_of
from medmultipoints.data_lake.fetch.resumable import PartialFile, download
from medmultipoints.data_lake.fetch.transport import PATIENCE, Patience, persist
from medmultipoints.data_lake.fetch.validators import Validators, note_of, write_note
from medmultipoints.data_lake.store.layout import explained
from medmultipoints.data_lake.store.objects import sync
from medmultipoints.transforms.errors import DataError, MachineError

Progress = Callable[[int, int | None], None]
CHUNK = 1 << 20


def no_progress(_done: int, _total: int | None) -> None:
    """For callers that show nothing."""


def fetch_source(info: SourceInfo, landing: Path, progress: Progress = no_progress) -> Path:
    """The source's own folder ``landing`` with all its required archives and members in it.

    What is there already, with an accepted hash, is kept. Errors as in ``fetch_archive``.
    """
    for archive in info.archives:
        if archive.required:
            fetch_archive(archive, landing, progress, source=info.name)
    for member in info.members:
        fetch_member(member, landing, progress, source=info.name)
    return landing


def fetch_archive(
    archive: Archive,
    landing: Path,
    progress: Progress = no_progress,
    *,
    source: str = "NAME",
    patience: Patience = PATIENCE,
) -> Path:
    """The downloaded archive in ``landing``, with an accepted hash (or any, where no hash is known).

    ``progress`` gets bytes done and bytes in all, if known. DataError for a wrong hash (the file is set aside
    as ``.name.bad``), MachineError for network, server, disk and certificate trouble; both say what to do.
    """
    target = landing / archive.name
    with _only_one(target) as there:
        if there:
            _check_present(archive, target, source)
            return target
        part = PartialFile(target.with_name(f".{archive.name}.part"), archive.url)
        resumed = part.size > 0
        _download(archive, part, progress, source, patience)
        if resumed and not is_accepted(archive, part.path):  # the earlier part may be of another version
            part.discard()
            _download(archive, part, progress, source, patience)
        if not is_accepted(archive, part.path):
            raise _set_aside(archive, part, source)
        _finish(part.path, target, archive.url, part.validators)
        part.discard()
    return target


def _download(archive: Archive, part: PartialFile, progress: Progress, source: str, patience: Patience) -> None:
    def failed(problem: str) -> MachineError:
        return MachineError(f"{archive.url}: {problem}. {remedy(archive.url, archive.name, source)}")

    persist(lambda: download(part, archive.bytes, progress, patience.timeout), lambda: part.size, patience, failed)


def fetch_member(
    member: RemoteMember,
    landing: Path,
    progress: Progress = no_progress,
    *,
    source: str = "NAME",
    patience: Patience = PATIENCE,
) -> Path:
    """One member of a remote zip as a file in ``landing``; the rest of the zip is not downloaded.

    DataError where the zip lacks it or its hash is not accepted, MachineError as in ``fetch_archive`` and
    for servers without HTTP Range.
    """
    target = landing / member.name
    with _only_one(target) as there:
        if there:
            _check_present(member, target, source)
            return target
        content, version = _read_member(member, source, patience)
        progress(len(content), len(content))
        if (found := hashlib.sha256(content).hexdigest()) not in member.sha256:
            raise DataError(
                f"{member.url}: its member {member.member} has sha256 {found}, "
                f"accepted are {', '.join(member.sha256)}. The source has changed: check the file, then add its hash "
                f"to the source's TOML file, or give an older copy with --source {source}=PATH."
            )
        part = target.with_name(f".{member.name}.part")
        part.write_bytes(content)
        _finish(part, target, member.url, version)
    return target


def _read_member(member: RemoteMember, source: str, patience: Patience) -> tuple[bytes, Validators]:
    by_hand = remedy(member.url, member.url.rpartition("/")[2], source)
    try:
        with open_remote(member.url, by_hand, patience) as remote, zipfile.ZipFile(remote) as archive:
            info = archive.getinfo(member.member)
            check_size(member.member, info.file_size, info.compress_size, Origin(source, member.url))
            return archive.read(info), version_of(remote)
    except KeyError as error:
        raise DataError(f"{member.url}: the zip has no member {member.member}. {by_hand}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"{member.url}: {member.member} cannot be read: {error}. {by_hand}") from error


def remedy(url: str, name: str, source: str) -> str:
    """What a person can do without this download."""
    command = curl.by_hand(url, name)
    return f"Check the network, or get the file by hand ({command}) and give it with --source {source}=PATH."


def is_accepted(file: Archive | RemoteMember, path: Path) -> bool:
    """Whether the content has one of the hashes of the catalogue; anything is, where none is known."""
    hashes = {"sha256": file.sha256, "sha384": getattr(file, "sha384", ())}
    if not any(hashes.values()):
        return True
    return any(_hash(path, algorithm) in accepted for algorithm, accepted in hashes.items() if accepted)


def _hash(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _check_present(file: Archive | RemoteMember, target: Path, source: str) -> None:
    if not is_accepted(file, target):
        raise DataError(
            f"{target}: the file is there, but its hash is not an accepted one of {source}. "
            f"Remove it to download it again, or use it as it is with --source {source}={target.parent}."
        )


def _set_aside(archive: Archive, part: PartialFile, source: str) -> DataError:
    bad = part.path.with_name(f".{archive.name}.bad")
    found = _hash(part.path, "sha256")
    os.replace(part.path, bad)
    part.discard()
    return DataError(
        f"{archive.url}: the download has sha256 {found}, which is not accepted. It is set aside as {bad}. "
        f"Run again; if it stays so, the source has changed: check the file, then use it with --source {source}={bad}."
    )


def _finish(part: Path, target: Path, url: str, version: Validators) -> None:
    write_note(note_of(target), url, version)  # first: a file without one would be compared by its size alone
    sync(part)
    os.replace(part, target)
    sync(target.parent)


@contextmanager
def _only_one(target: Path) -> Iterator[bool]:
    """Whether the file is there; where it is not, the block holds the lock on its download.

    A file that is there is only read: any number of builds may look at it at once. Refusals of the disk become
    MachineErrors that say what to do.
    """
    with explained(f"the landing folder {target.parent}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            yield True
            return
        try:
            with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
                yield target.exists()
        except Timeout:
            raise MachineError(
                f"{target}: another process is downloading it. Wait for it to end, then run again."
            ) from None
