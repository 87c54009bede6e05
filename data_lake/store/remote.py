"""Store a lake's files in an object store: single writes under content names, receipts last.

The local folder of such a lake is a cache: objects are fetched once and checked against their name; new ones are sent
to the store before anything refers to them. Two machines that write the same object write the same bytes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.fs as pafs

from medmultipoints.transforms.errors import StoreError

ENDPOINT, REGION = "AWS_ENDPOINT_URL", "AWS_REGION"
CHUNK = 1 << 22


def is_remote(text: str) -> bool:
    """Return whether a lake's name is an object store address; a path loses one of its slashes."""
    return text.startswith("s3:/")


def address(text: str) -> str:
    """Return the address with both slashes and none at its end."""
    return "s3://" + text.removeprefix("s3:").strip("/")


def put(remote: str, name: str, path: Path) -> None:
    """Upload a finished file under a name; a partial upload leaves nothing at the name."""
    store, place = _store(remote), _place(remote, name)
    with store_errors(remote), path.open("rb") as source:
        try:
            with store.open_output_stream(place) as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
        except BaseException:
            with suppress(OSError, pa.ArrowException):  # closing the stream has written what there was
                store.delete_file(place)
            raise


def get(remote: str, name: str, path: Path) -> bool:
    """Download a file to a path, whole or not at all; False if it does not exist."""
    if size(remote, name) is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}-{uuid4().hex}")
    with store_errors(remote):
        with _store(remote).open_input_stream(_place(remote, name)) as source, partial.open("wb") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
        os.replace(partial, path)
    return True


def size(remote: str, name: str) -> int | None:
    """Return the size of a file in bytes; None if it does not exist."""
    with store_errors(remote):
        found = _store(remote).get_file_info(_place(remote, name))
    return int(found.size) if found.type == pafs.FileType.File else None


def names(remote: str, folder: str) -> list[str]:
    """Return the names of all files below a folder, sorted."""
    root = _place(remote, "")
    with store_errors(remote):
        chosen = pafs.FileSelector(_place(remote, folder), recursive=True, allow_not_found=True)
        found = _store(remote).get_file_info(chosen)
    return sorted(one.path.removeprefix(root) for one in found if one.type == pafs.FileType.File)


@contextmanager
def store_errors(remote: str) -> Iterator[None]:
    """Turn errors of the store into a StoreError with a remedy."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"the lake {remote}: {error}. Check address, {ENDPOINT} and credentials, then run again; "
            "finished work is kept."
        ) from error


def _place(remote: str, name: str) -> str:
    return f"{remote.removeprefix('s3://')}/{name}"


def _store(remote: str) -> Any:
    return _connected(os.environ.get(ENDPOINT), os.environ.get(REGION, "us-east-1"), os.getpid(), remote)


@lru_cache(maxsize=4)
def _connected(endpoint: str | None, region: str, _process: int, _remote: str) -> Any:
    options: dict[str, Any] = {"region": region, "allow_delayed_open": True}  # small files in one request
    if endpoint:
        scheme, _, host = endpoint.partition("://")
        options |= {"endpoint_override": host, "scheme": scheme}
    return pafs.S3FileSystem(**options)
