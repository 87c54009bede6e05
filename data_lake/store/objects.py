"""The content-addressed store: objects by their sha256, and receipts of finished work.

An object is written under a temporary name, synced and renamed; a receipt is written the same way after all its
objects. A process that dies leaves at most a temporary file and never a partial object.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from uuid import uuid4

import orjson
from pydantic import TypeAdapter, ValidationError

from medmultipoints.data_lake.store import remote
from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.data_lake.store.layout import Lake, explained, new_temporary
from medmultipoints.data_lake.store.temporary import remove_leftovers, sync
from medmultipoints.expectations.verdicts import Verdict
from medmultipoints.transforms.errors import MachineError
from medmultipoints.transforms.problems import Sha256


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A finished file in the store; ``rows`` is 0 for files that are not tables."""

    sha256: Sha256
    bytes: int
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a piece of work is finished: its key and every object it wrote, by table.

    ``counts`` holds the accounting, ``verdicts`` the results of the expectation suites.
    """

    key: str
    objects: Mapping[str, tuple[StoredObject, ...]]
    counts: Mapping[str, int] = field(default_factory=dict)
    verdicts: tuple[Mapping[str, object], ...] = ()


@contextmanager
def temporary_file(lake: Lake) -> Iterator[Path]:
    """Provide a temporary path on the store's own disk; it is removed unless it was moved away."""
    path = new_temporary(lake)
    with explained(f"the lake folder {lake.root}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def local_path(lake: Lake, sha256: str) -> Path:
    """Return the path of an object on this machine, whether or not it exists."""
    return lake.objects / sha256[:2] / sha256


def object_path(lake: Lake, sha256: str) -> Path:
    """Return the path of an object, whether or not it exists; a remote lake's object is fetched first."""
    path = local_path(lake, sha256)
    if lake.remote and not path.exists():
        fetch_object(lake.remote, sha256, path)
    return path


def fetch_object(address: str, sha256: str, path: Path) -> None:
    """Fetch an object of a remote lake to the path, if it exists; MachineError if its content has another hash."""
    partial = path.with_name(f".{sha256}-{uuid4().hex}")
    if not remote.get(address, object_name(sha256), partial):
        return
    if (found := file_sha256(partial)) != sha256:
        partial.unlink()
        raise MachineError(f"{address}/{object_name(sha256)} has sha256 {found}: remove it, then run again.")
    os.replace(partial, path)


def object_name(sha256: str) -> str:
    """Return the name of an object below the address of a remote lake."""
    return f"objects/{sha256[:2]}/{sha256}"


def put_file(lake: Lake, path: Path, rows: int = 0, *, known: str | None = None, durable: bool = True) -> StoredObject:
    """Move a finished file into the store; equal content is stored once.

    ``known``: its sha256, if it was computed while the file was written; else the file is read to compute it.
    ``durable``: sync it to disk. A file that only receipts refer to need not be durable: it is hashed before each use
    and made again if a power failure lost it.
    """
    sha256, size = known or file_sha256(path), path.stat().st_size
    target = local_path(lake, sha256)
    with explained(f"the lake folder {lake.root}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o444)
        if durable:
            sync(path)
        os.replace(path, target)
        if durable:
            sync(target.parent)
    if lake.remote and remote.size(lake.remote, object_name(sha256)) != size:
        remote.put(lake.remote, object_name(sha256), target)
    return StoredObject(sha256, size, rows)


def put_copy(lake: Lake, path: Path) -> StoredObject:
    """Store a copy of a file that stays in its place."""
    with temporary_file(lake) as copy:
        shutil.copyfile(path, copy)
        return put_file(lake, copy)


def put_bytes(lake: Lake, data: bytes, rows: int = 0, *, durable: bool = True) -> StoredObject:
    """Store a small file given as bytes; ``durable``: see ``put_file``."""
    with temporary_file(lake) as path:
        path.write_bytes(data)
        return put_file(lake, path, rows, durable=durable)


def write_receipt(lake: Lake, stage: str, receipt: Receipt, *, durable: bool = True) -> None:
    """Mark a piece of work as finished; its objects must already be in the store.

    ``durable``: sync the receipt to disk; otherwise a power failure may lose it, and the work is repeated.
    """
    target = receipt_path(lake, stage, receipt.key)
    with temporary_file(lake) as path:
        path.write_bytes(orjson.dumps(asdict(receipt), option=orjson.OPT_INDENT_2))
        if durable:
            sync(path)
        if lake.remote:  # before the local receipt, which would prevent a later upload
            remote.put(lake.remote, receipt_name(stage, receipt.key), path)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
        if durable:
            sync(target.parent)


def read_receipt(lake: Lake, stage: str, key: str) -> Receipt | None:
    """Return the receipt of finished work if all its objects are intact, else None."""
    path = receipt_path(lake, stage, key)
    if lake.remote and not path.exists():
        remote.get(lake.remote, receipt_name(stage, key), path)
    try:
        receipt = parse_receipt(path.read_bytes())
    except FileNotFoundError:
        return None
    if receipt is None or receipt.key != key:
        return None
    intact = all(is_intact(lake, entry) for table in receipt.objects.values() for entry in table)
    return receipt if intact else None


def parse_receipt(raw: bytes) -> Receipt | None:
    """Return the receipt in a file; None if it is damaged or of another form, so that the work is repeated."""
    try:
        receipt = _receipts().validate_json(raw)
        _verdicts().validate_python(receipt.verdicts)
    except ValidationError:
        return None
    return receipt


@cache
def _receipts() -> TypeAdapter[Receipt]:
    return TypeAdapter(Receipt)


@cache
def _verdicts() -> TypeAdapter[tuple[Verdict, ...]]:
    return TypeAdapter(tuple[Verdict, ...])


def receipt_path(lake: Lake, stage: str, key: str) -> Path:
    """Return the path of a receipt, whether or not it exists."""
    return lake.receipts / stage / f"{key}.json"


def receipt_name(stage: str, key: str) -> str:
    """Return the name of a receipt below the address of a remote lake."""
    return f"receipts/{stage}/{key}.json"


def is_intact(lake: Lake, entry: StoredObject) -> bool:
    """Return whether the object exists with the content that its name says; a remote one is hashed when fetched."""
    path = local_path(lake, entry.sha256)
    if lake.remote and not path.exists():
        return remote.size(lake.remote, object_name(entry.sha256)) == entry.bytes
    try:
        return path.stat().st_size == entry.bytes and file_sha256(path) == entry.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False


def link_object(lake: Lake, sha256: str, target: Path) -> None:
    """Create ``target`` with an object's content: a hard link, or a copy if links are not possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(object_path(lake, sha256), target)
    except OSError:
        shutil.copyfile(object_path(lake, sha256), target)


def clear_temporary(lake: Lake) -> None:
    """Remove the files of dead processes from the lake's temporary folder."""
    if lake.temporary.is_dir():
        remove_leftovers(lake.temporary.iterdir())
