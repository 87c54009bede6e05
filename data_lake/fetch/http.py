"""HTTP over verified TLS: one request, what its response says of a file, and repeated attempts.

Certificates are verified with those of the operating system; nothing turns verification off. Plain http is for this
machine only.
"""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from re import fullmatch
from typing import TYPE_CHECKING, Literal, TypeVar

from medmultipoints.data_lake.fetch.validators import Validators
from medmultipoints.transforms.errors import MachineError, PipelineError, UsageError

if TYPE_CHECKING:  # their import takes a tenth of a build that finds nothing to do
    import httpx2
    from tenacity import RetryCallState, Retrying

HEADERS = {"User-Agent": "medmultipoints", "Accept-Encoding": "identity"}
MISSING = "where this system lacks a certificate of its chain, name a PEM file with the whole chain in SSL_CERT_FILE"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in a row without progress, and the seconds between them, doubled each time up to a limit."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 60.0


DEFAULT = RetryPolicy()


class Transient(Exception):
    """A failure that another attempt may not meet.

    ``wait`` is the number of seconds that the server asks for, ``error`` the one to raise where no attempt is left.
    """

    def __init__(self, problem: str, wait: float | None = None, error: PipelineError | None = None) -> None:
        self.wait, self.error = wait, error
        super().__init__(problem)


class Refused(Exception):
    """The server will not send the file, however often it is asked."""


@contextmanager
def request(
    url: str, headers: Mapping[str, str], timeout: float, method: Literal["GET", "HEAD"] = "GET"
) -> Iterator["httpx2.Response"]:
    """Provide the response with status 2xx or 416, after redirects; its body is read inside the ``with`` block.

    Transient where another attempt may help, Refused where none will, UsageError for plain http to another host.
    """
    import httpx2

    client = httpx2.Client(
        verify=httpx2.create_ssl_context(),
        follow_redirects=True,
        timeout=timeout,
        event_hooks={"request": [lambda sent: require_encryption(str(sent.url))]},  # of each redirect, too
        trust_env=not is_local(url),
    )
    try:
        with client, client.stream(method, url, headers=HEADERS | dict(headers)) as response:
            check_status(response.status_code, response.headers.get("retry-after", ""))
            yield response
    except httpx2.TransportError as error:
        if _is_about_certificate(error):
            raise Refused(f"the server's certificate cannot be verified: {error} ({MISSING})") from error
        raise Transient(f"{type(error).__name__}: {error}") from error
    except (httpx2.TooManyRedirects, httpx2.InvalidURL) as error:
        raise Refused(str(error)) from error


def is_local(url: str) -> bool:
    """Return whether a URL points at this machine."""
    import httpx2

    host = httpx2.URL(url).host
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def require_encryption(url: str) -> None:
    """Raise UsageError for plain http to another machine."""
    import httpx2

    if httpx2.URL(url).scheme != "https" and not is_local(url):
        raise UsageError(f"{url}: plain http is refused, because anyone on the way could change the file. Use https.")


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def check_status(status: int, retry_after: str) -> None:
    """Raise Transient where another attempt may help, Refused where none will; return for 2xx and 416."""
    if may_pass(status):
        wait = float(retry_after) if fullmatch(r"[0-9]{1,6}", retry_after) else None
        raise Transient(f"the server answers {status}", wait)
    if not (200 <= status < 300 or status == 416):
        raise Refused(f"the server answers {status}")


def may_pass(status: int) -> bool:
    """Return whether the same request may get another answer later."""
    return status in (408, 425, 429) or (status >= 500 and status != 501)


def content_range(response: "httpx2.Response") -> tuple[int | None, int] | None:
    """Return the first byte of a partial body, None where the range is empty, and the size of the whole file."""
    match = fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", response.headers.get("content-range", ""))
    return (int(match[1]) if match[1] else None, int(match[2])) if match else None


def validators_of(response: "httpx2.Response") -> Validators:
    """Return ETag, date and size of the version of the file that the response is about."""
    found, stated = content_range(response), response.headers.get("content-length", "")
    size = found[1] if found else int(stated) if stated.isdecimal() else None
    return Validators(response.headers.get("etag"), response.headers.get("last-modified"), size)


def persist(
    attempt: Callable[[], Result],
    policy: RetryPolicy,
    failed: Callable[[str], PipelineError] = MachineError,
    progress: Callable[[], int] = lambda: 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Return the result of ``attempt``, repeated after transient failures; progress starts the count of attempts again.

    ``failed`` turns the last problem into the error to raise.
    """
    try:
        return retrying(policy, progress, sleep)(attempt)
    except Refused as refusal:
        raise failed(str(refusal)) from refusal
    except Transient as problem:
        if problem.error is not None:
            raise problem.error from None
        raise failed(f"{problem} (given up after {policy.attempts} attempts without progress)") from problem


def retrying(policy: RetryPolicy, progress: Callable[[], int], sleep: Callable[[float], None]) -> "Retrying":
    """Return attempts until one has no Transient failure or ``policy.attempts`` in a row made no progress."""
    from tenacity import Retrying, retry_if_exception_type

    failures, best = 0, progress()

    def count(_state: object) -> None:
        nonlocal failures, best
        failures, best = (1 if progress() > best else failures + 1), max(best, progress())

    def wait(state: "RetryCallState") -> float:
        problem = state.outcome.exception() if state.outcome else None
        asked = problem.wait if isinstance(problem, Transient) else None
        return min(policy.longest_wait, policy.first_wait * 2 ** (failures - 1) if asked is None else asked)

    return Retrying(
        retry=retry_if_exception_type(Transient),
        after=count,
        wait=wait,
        stop=lambda _state: failures >= policy.attempts,
        sleep=sleep,
        reraise=True,
    )
