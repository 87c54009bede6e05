"""Set up the Hub's client library for publishing: a token, a timeout, no progress bars."""

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from medmultipoints.data_lake.http.request import is_local
from medmultipoints.transforms.errors import UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, HfFileSystem

_CLIENTS: list[float] = []  # the timeout of this process's client


def check_name(repo: str) -> None:
    """Raise UsageError unless the name is valid on the Hub."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
        problem = "" if repo.count("/") == 1 else "the owner is missing"
    except HFValidationError as error:
        problem = str(error).rstrip(".")
    if problem:
        raise UsageError(f"--repo {repo}: {problem}. Write it as OWNER/NAME, for example acme/medmultipoints.")


def check_endpoint(endpoint: str, token: str | None) -> None:
    """Raise UsageError unless the address may receive the token: by https, or on this machine."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"HF_ENDPOINT={endpoint} is not a valid URL; expected https://HOST.")
    if token and parts.scheme == "http" and not is_local(endpoint):
        raise UsageError(
            f"HF_ENDPOINT={endpoint} is refused: anyone on the way could read your token. Use https, "
            "or unset HF_TOKEN and log out with `hf auth logout` to read without a token."
        )


def open_client(endpoint: str, timeout: float) -> tuple[str | None, "HfApi", "HfFileSystem"]:
    """Return the token, the client and its file system.

    A server that does not answer times out after ``timeout`` seconds.
    """
    import httpx2
    import huggingface_hub
    from huggingface_hub.utils import disable_progress_bars, logging  # type: ignore[attr-defined]

    token = huggingface_hub.get_token()
    check_endpoint(endpoint, token)
    if timeout not in _CLIENTS:  # a new factory closes the connections of the old one
        _CLIENTS[:] = [timeout]
        hooks = huggingface_hub.get_session().event_hooks
        huggingface_hub.set_client_factory(
            lambda: httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=timeout)
        )
    if not sys.stderr.isatty():
        disable_progress_bars()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its warnings hold signed addresses
    given = token or False
    api = huggingface_hub.HfApi(endpoint=endpoint, token=given, library_name="medmultipoints")
    files = huggingface_hub.HfFileSystem(
        endpoint=endpoint, token=given, skip_instance_cache=True, use_listings_cache=False
    )
    return token, api, files


class RangedFile(io.RawIOBase):
    """A Hub file that is read in ranges; each read goes through ``ask``, which retries failures or explains them."""

    def __init__(self, file: BinaryIO, ask: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._file, self._ask = file, ask

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Read the next bytes; a failed read does not move the position, so that it can be retried."""
        data = self._ask(lambda: self._file.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)
