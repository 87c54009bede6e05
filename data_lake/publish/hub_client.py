"""Set up the Hub's client library for publishing, and explain the Hub's refusals; no message contains a token."""

import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from medmultipoints.data_lake.http.request import is_local, may_pass
from medmultipoints.transforms.errors import DataError, MachineError, PipelineError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, HfFileSystem


_CLIENTS: list[float] = []  # the timeout of this process's client

TOKEN = re.compile(
    r"hf_[A-Za-z0-9_]{6,}|(?<=Bearer )\S+|(?<=Basic )\S+|(?<=[?&]sig=)[^&\s'\"]+|(?<=Signature=)[^&\s'\"]+"
)
LONGEST = 300
LONGEST_WAIT = 60.0
REMEDIES = {
    401: "The token is wrong or missing: set HF_TOKEN to a token with the role write, or run `hf auth login`.",
    403: "This token may not write there: use one with the role write for this namespace, or another --repo.",
    404: "It is not there, or this token may not see it: check the spelling of --repo, the branch and the token.",
    409: "It exists already with other content; nothing was changed. Read it again: run the same command once more.",
    412: "Someone else changed the branch meanwhile; nothing was overwritten. Run the same command again.",
    413: "A file is too large for it. Build the release in smaller files.",
    422: "It does not accept a path or a value. This is an internal error: please report it.",
    429: "It asks for fewer requests. Wait some minutes, then run the same command again: it goes on where it stopped.",
}

QUOTA = re.compile(r"\b(storage|quota|disk space|plan)\b", re.IGNORECASE)
ROOM = (
    "The storage of that namespace is full: remove what is no longer needed there, raise its limit on the Hub, or give "
    "a --repo of another namespace. Then run the same command again."
)
"""The remedy where the Hub refuses for want of room, under any status."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The facts of a failed request: status is None without a response; ``wait`` is the delay that the Hub asks for."""

    status: int | None
    text: str
    wait: float | None
    card: bool = False

    @property
    def is_quota(self) -> bool:
        """Whether the Hub refuses because of a storage quota rather than missing permission."""
        return self.status in (402, 403, 413, 429, 507) and QUOTA.search(self.text) is not None

    @property
    def may_pass(self) -> bool:
        """Whether a retry may help."""
        return not self.card and not self.is_quota and (self.status is None or may_pass(self.status))


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
    """Return token, client and file system; a server that does not answer times out after ``timeout`` seconds."""
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


def redact(text: str, token: str | None = None) -> str:
    """Return the text without this token and without anything that looks like a token or a signature."""
    return TOKEN.sub("***", text.replace(token, "***") if token else text)


def trouble_of(error: BaseException, token: str | None) -> Trouble:
    """Return the facts of a client's exception, so that the exception itself can be dropped."""
    responses = [found for link in _chain(error) if (found := getattr(link, "response", None)) is not None]
    card = any("Invalid metadata in README" in str(link) for link in _chain(error))
    if not responses:
        first = " ".join(str(error).split()) or type(error).__name__
        return Trouble(None, redact(first, token)[:LONGEST], None, card)
    headers = responses[0].headers
    server = getattr(error, "server_message", None) or headers.get("x-error-message") or ""
    after = headers.get("retry-after", "")
    wait = min(float(after), LONGEST_WAIT) if re.fullmatch(r"\d+(\.\d+)?", after) else None
    text = " ".join(str(error).split()) if card else " ".join(str(server).split())
    return Trouble(responses[0].status_code, redact(text, token)[:LONGEST], wait, card)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def explain(what: str, place: str, trouble: Trouble) -> PipelineError:
    """Return the error that the user sees."""
    text = f": {trouble.text.rstrip('.')}" if trouble.text else ""
    if trouble.card:
        return DataError(
            f"{place} does not accept README.md{text}. Correct the card's text in the recipe and build again."
        )
    if trouble.status is None:
        return MachineError(
            f"{place}: {what} got no answer{text}. Check the network and HF_ENDPOINT, then run the same command again: "
            "it goes on where it stopped."
        )
    if trouble.is_quota:
        return MachineError(f"{place}: {what} was refused with {trouble.status}{text}. {ROOM}")
    remedy = REMEDIES.get(
        trouble.status,
        "The Hub has trouble. Run the same command again later: it goes on where it stopped."
        if trouble.status >= 500
        else "Check the names that were given.",
    )
    kind = UsageError if trouble.status in (401, 403, 404) else MachineError
    return kind(f"{place}: {what} was answered with {trouble.status}{text}. {remedy}")
