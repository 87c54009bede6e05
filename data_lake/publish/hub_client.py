"""The Hub's own client library, set up for publishing: a token, a timeout, no noise."""

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from medmultipoints.transforms.errors import UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, HfFileSystem

_CLIENTS: list[float] = []  # the timeout of the client that this process has


def check_name(repo: str) -> None:
    """UsageError unless the name is one that the Hub can have."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
        problem = "" if repo.count("/") == 1 else "the owner is missing"
    except HFValidationError as error:
        problem = str(error).rstrip(".")
    if problem:
        raise UsageError(f"--repo {repo}: {problem}. Write it as OWNER/NAME, for example acme/medmultipoints.")


def check_endpoint(endpoint: str) -> None:
    """UsageError unless it is the address of a server."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"HF_ENDPOINT={endpoint}: no address of a Hub. Write it as https://HOST, or unset it.")


def open_client(endpoint: str, timeout: float) -> tuple[str | None, "HfApi", "HfFileSystem"]:
    """The token, and the client's two faces; a server that never answers is given up after ``timeout`` seconds."""
    import huggingface_hub
    from huggingface_hub.utils import logging
    from huggingface_hub.utils._http import default_client_factory
    from huggingface_hub.utils.tqdm import disable_progress_bars

    def factory() -> Any:
        client = default_client_factory()
        client.timeout = timeout
        return client

    if timeout not in _CLIENTS:  # a new factory closes the connections of the old one
        _CLIENTS[:] = [timeout]
        huggingface_hub.set_client_factory(factory)
    if not sys.stderr.isatty():
        disable_progress_bars()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its warnings hold signed addresses
    token = huggingface_hub.get_token()
    given = token or False
    api = huggingface_hub.HfApi(endpoint=endpoint, token=given, library_name="medmultipoints")
    files = huggingface_hub.HfFileSystem(
        endpoint=endpoint, token=given, skip_instance_cache=True, use_listings_cache=False
    )
    return token, api, files
