"""Download files: resumable, checked against accepted hashes, visible only when finished.

An unfinished file is hidden (``.name.part``) and renamed when its hash is accepted. The server's validators are kept in
a hidden note next to it (``validators``), for resuming and for ``upstream``.
"""

import os
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from medmultipoints.data_lake.archives.entries import Origin, check_size
from medmultipoints.data_lake.catalogue import Archive, RemoteMember, SourceInfo
from medmultipoints.data_lake.http.ranges import RemoteFile
from medmultipoints.data_lake.http.request import write_note
from medmultipoints.data_lake.http.resumable import Download, Progress
from medmultipoints.data_lake.http.retries import DEFAULT, RetryPolicy, persist
from medmultipoints.data_lake.store.hashing import hash_content
from medmultipoints.data_lake.store.layout import explained
from medmultipoints.data_lake.store.temporary import sync
from medmultipoints.transforms.errors import DataError, MachineError


def no_progress(_done: int, _total: int | None) -> None:
    """Show nothing."""


def fetch_source(
    info: SourceInfo, landing: Path, progress: Progress = no_progress, policy: RetryPolicy = DEFAULT
) -> Path:
    """Download the required files of a source to its own folder ``landing``, and return that folder.

    An existing file with an accepted hash is kept. Errors as in ``fetch_file``.
    """
    for file in info.downloads:
        fetch_file(file, landing, progress, source=info.name, policy=policy)
    return landing


def fetch_file(
    file: Archive | RemoteMember, landing: Path, progress: Progress = no_progress, *, source: str = "NAME",
    policy: RetryPolicy = DEFAULT,
) -> Path:  # fmt: skip
    """Download an archive, or one member of a remote zip, to ``landing`` and return its path.

    Its hash must be accepted (any is, if none is known). ``progress`` gets the bytes done and the total, if known.
    DataError for a wrong hash (the file is kept as ``.name.bad``) and for a member that the zip lacks, MachineError for
    network, server, disk and certificate errors; each message names a remedy.
    """
    target = landing / file.name
    with _locked(target) as exists:
        if exists and not is_accepted(file, target):
            raise DataError(
                f"{target}: the file is there, but its hash is not an accepted one of {source}. "
                f"Remove it to download it again, or use it as it is with --source {source}={target.parent}."
            )
        if exists:
            return target
        download = Download(file.url, target, file.bytes)
        if isinstance(file, Archive):
            _bring_archive(file, download, progress, source, policy)
        else:
            _bring_member(file, download, progress, source, policy)
        if not is_accepted(file, download.part):
            raise _set_aside(file, download.part, source)
        sync(download.part)
        os.replace(download.part, target)
        sync(target.parent)
    return target


def _bring_archive(archive: Archive, download: Download, progress: Progress, source: str, policy: RetryPolicy) -> None:
    def failed(problem: str) -> MachineError:
        return MachineError(f"{archive.url}: {problem}. {remedy(archive.url, archive.name, source)}")

    def complete() -> None:
        persist(lambda: download.request(progress, policy.timeout), policy, failed, lambda: download.size)

    complete()
    if download.continued and not is_accepted(archive, download.part):  # the responses may be of different versions
        download.discard()
        complete()


def _bring_member(
    member: RemoteMember, download: Download, progress: Progress, source: str, policy: RetryPolicy
) -> None:
    advice = remedy(member.url, member.url.rpartition("/")[2], source)
    try:
        with RemoteFile(member.url, advice, policy) as remote, zipfile.ZipFile(remote.buffered()) as archive:
            info = archive.getinfo(member.member)
            check_size(member.member, info.file_size, info.compress_size, Origin(source, member.url))
            content = archive.read(info)
    except KeyError as error:
        raise DataError(f"{member.url}: the zip has no member {member.member}. {advice}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"{member.url}: {member.member} cannot be read: {error}. {advice}") from error
    download.part.write_bytes(content)
    write_note(download.target, member.url, remote.version)
    progress(len(content), len(content))


def by_hand(url: str, name: str) -> str:
    """Return the command that downloads the file by hand."""
    return f"curl --fail --location --continue-at - --output {shlex.quote(name)} {shlex.quote(url)}"


def remedy(url: str, name: str, source: str) -> str:
    """Return what the user can do without this download."""
    return f"Check the network, or get the file by hand ({by_hand(url, name)}) and give it with --source {source}=PATH."


def is_accepted(file: Archive | RemoteMember, path: Path) -> bool:
    """Return whether the content has an accepted hash of the catalogue; any content if none is known."""
    hashes = {"sha256": file.sha256, "sha384": getattr(file, "sha384", ())}
    wanted = {algorithm: accepted for algorithm, accepted in hashes.items() if accepted}
    return not wanted or any(hash_content(path, algorithm) in accepted for algorithm, accepted in wanted.items())


def _set_aside(file: Archive | RemoteMember, part: Path, source: str) -> DataError:
    bad, found = part.with_suffix(".bad"), hash_content(part, "sha256")
    os.replace(part, bad)
    as_it_is = f"use it with --source {source}={bad}, or " if isinstance(file, Archive) else ""
    return DataError(
        f"{file.url}: {file.name} has sha256 {found}, accepted are {', '.join(file.sha256)}. It is set aside as {bad}. "
        f"Run again; if it stays so, the source has changed: check the file, then {as_it_is}"
        f"add its hash to the TOML file of the source."
    )


@contextmanager
def _locked(target: Path) -> Iterator[bool]:
    """Yield whether the file exists; if not, the block holds the lock on its download.

    An existing file is only read, so any number of builds may use it at once. Disk errors become MachineErrors.
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
            raise MachineError(f"{target}: another process is downloading it. Wait for it, then run again.") from None
