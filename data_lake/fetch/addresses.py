"""Fetch sources from an address: a Hub dataset at one commit or an object store folder, pinned by content.

``hf://datasets/OWNER/NAME@COMMIT`` (a folder may follow), ``s3://BUCKET/FOLDER``. Files in the source's landing folder
are not fetched again; an object store is listed each time.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medmultipoints.data_lake.archives.fingerprint import fingerprint
from medmultipoints.data_lake.publish.hub_client import open_client
from medmultipoints.data_lake.store import remote
from medmultipoints.transforms.errors import MachineError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_HUB: Final = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/@]+))?(/(?P<folder>.+?))?/?")
HUB: Final = "https://huggingface.co"
TIMEOUT_SECONDS: Final = 60.0
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def is_address(text: str) -> bool:
    """Return whether a source is given by an address rather than a path."""
    return text.startswith(("hf://", "s3://"))


def fetch_address(name: str, url: str, sha256: str | None, landing: Path) -> Path:
    """Download the content of an address into ``landing`` and return its folder.

    UsageError if the address is not pinned or its content differs from ``sha256``, MachineError if it cannot be
    reached.
    """
    place = _fetch_hub(name, url, landing) if url.startswith("hf://") else _fetch_store(name, url, landing)
    if not place.is_dir() or not any(place.iterdir()):
        raise UsageError(f"sources.{name}: {url} has no files. Correct the address.")
    found = fingerprint(place).digest
    if sha256 is None and url.startswith("s3://"):
        raise UsageError(
            f'sources.{name}: {url} may change. Pin what is there now: add sha256 = "{found}" to [sources.{name}].'
        )
    if sha256 is not None and found != sha256:
        raise UsageError(
            f"sources.{name}: {url} holds other files than its sha256 says; theirs is {found}. If these are meant, put "
            f"it into [sources.{name}]."
        )
    return place


def _fetch_hub(name: str, url: str, landing: Path) -> Path:
    parts = _HUB.fullmatch(url)
    if parts is None:
        raise UsageError(f"sources.{name}: {url} is not a dataset address; expected hf://datasets/OWNER/NAME@COMMIT.")
    repo, revision, folder = parts["repo"], parts["revision"], parts["folder"]
    if revision is None or not _COMMIT.fullmatch(revision):
        commit = _ask(name, url, lambda: _client().dataset_info(repo, revision=revision).sha)
        pinned = f"hf://datasets/{repo}@{commit}{f'/{folder}' if folder else ''}"
        raise UsageError(f"sources.{name}: {url} may change. Pin the commit that it is at now: {pinned}")
    place = landing / revision
    chosen = f"{folder}/*" if folder else None

    def fetch() -> object:
        return _client().snapshot_download(
            repo, repo_type="dataset", revision=revision, local_dir=place, allow_patterns=chosen, max_workers=4
        )

    _ask(name, url, fetch)
    return place / folder if folder else place


def _client() -> "HfApi":
    return open_client(os.environ.get("HF_ENDPOINT") or HUB, TIMEOUT_SECONDS)[1]


def _ask(name: str, url: str, call: Callable[[], object]) -> object:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return call()
    except (HFValidationError, HfHubHTTPError) as error:
        text = str(error).strip().splitlines()[-1]
        remedy = "Correct the address, or log in with `hf auth login`."
        raise UsageError(f"sources.{name}: {url}: {text} {remedy}") from error
    except (LocalEntryNotFoundError, httpx2.HTTPError, OSError) as error:
        remedy = "Check the network and HF_ENDPOINT, then run again."
        raise MachineError(f"sources.{name}: {url} cannot be reached: {error}. {remedy}") from error


def _fetch_store(name: str, url: str, landing: Path) -> Path:
    """Fetch the files of a folder that are missing or differ in size, and remove others from the landing folder."""
    place = landing / "store"
    listed = remote.names(url.rstrip("/"), "")
    if not listed:
        raise UsageError(f"sources.{name}: {url} has no files. Correct the address.")
    for one in listed:
        if any(part in ("", ".", "..") for part in one.split("/")):
            raise UsageError(f"sources.{name}: {url} holds a file named {one!r}, which is not a path inside a folder.")
        if not (place / one).is_file() or (place / one).stat().st_size != remote.size(url.rstrip("/"), one):
            remote.get(url.rstrip("/"), one, place / one)
    known = {place / one for one in listed}
    for file in [file for file in place.rglob("*") if file.is_file() and file not in known]:
        file.unlink()
    return place
