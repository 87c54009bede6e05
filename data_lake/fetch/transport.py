"""One HTTP request, always over verified TLS; plain http only to this machine.

Where Python cannot verify a server that sends an incomplete certificate chain, the system's ``curl``, which
may know the missing certificate, makes the same request and verifies it too. Nothing turns verification off.
"""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx

from medmultipoints.data_lake.fetch import curl
from medmultipoints.data_lake.fetch.http_response import CertificateRefused, Method, Refused, Reply, Transient
from medmultipoints.transforms.errors import MachineError, UsageError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
AGENT = {"User-Agent": "medmultipoints", "Accept-Encoding": "identity"}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request without progress is made, and the seconds between: doubled each time up to a limit."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 60.0

    def wait(self, failures: int, asked: float | None) -> float:
        return min(self.longest_wait, asked if asked is not None else self.first_wait * 2 ** (failures - 1))


PATIENCE = Patience()


@contextmanager
def request(
    url: str, headers: Mapping[str, str], timeout: float = PATIENCE.timeout, method: Method = "GET"
) -> Iterator[Reply]:
    """The server's reply with status 2xx or 416; its body is read inside the ``with``.

    Transient where asking again may help, CertificateRefused where neither Python nor curl can verify the
    server, Refused for any other refusal, UsageError for plain http to another machine.
    """
    with ExitStack() as stack:
        try:
            reply = stack.enter_context(_by_httpx(url, {**AGENT, **headers}, timeout, method))
        except CertificateRefused:
            reply = stack.enter_context(curl.request(url, {**AGENT, **headers}, timeout, method, is_local(url)))
        _check_status(reply)
        yield reply


@contextmanager
def _by_httpx(url: str, headers: Mapping[str, str], timeout: float, method: Method) -> Iterator[Reply]:
    hooks = {"request": [lambda sent: require_encryption(str(sent.url))]}  # also sees the target of each redirect
    try:
        with (
            httpx.Client(
                follow_redirects=True, timeout=timeout, event_hooks=hooks, trust_env=not is_local(url)
            ) as client,
            client.stream(method, url, headers=dict(headers)) as response,
        ):
            yield Reply(response.status_code, dict(response.headers), response.iter_raw())
    except httpx.TransportError as error:
        if _is_about_certificate(error):
            raise CertificateRefused(str(error)) from error
        raise Transient(f"{type(error).__name__}: {error}") from error
    except (httpx.TooManyRedirects, httpx.InvalidURL) as error:
        raise Refused(str(error)) from error


def is_local(url: str) -> bool:
    """Whether a URL points at this machine."""
    return httpx.URL(url).host in LOOPBACK


def require_encryption(url: str) -> None:
    """UsageError for plain http to another machine."""
    if httpx.URL(url).scheme != "https" and not is_local(url):
        raise UsageError(f"{url}: plain http is refused; anyone on the way could change the file. Use https.")


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _check_status(reply: Reply) -> None:
    if reply.status in (408, 425, 429) or (reply.status >= 500 and reply.status != 501):
        asked = reply.headers.get("retry-after", "")
        raise Transient(f"the server answers {reply.status}", float(asked) if asked.isdigit() else None)
    if not (200 <= reply.status < 300 or reply.status == 416):
        raise Refused(f"the server answers {reply.status}")


def persist(
    attempt: Callable[[], Result],
    progress: Callable[[], int],
    patience: Patience,
    failed: Callable[[str], MachineError],
) -> Result:
    """The result of ``attempt``, repeated after transient failures as long as ``progress()`` still grows.

    ``failed`` makes the error to raise when that is in vain, from what went wrong last.
    """
    failures, best = 0, progress()
    while True:
        try:
            return attempt()
        except Refused as refusal:
            raise failed(str(refusal)) from refusal
        except Transient as problem:
            failures = 1 if progress() > best else failures + 1
            best = max(best, progress())
            if failures >= patience.attempts:
                raise failed(f"{problem} (given up after {failures} attempts without progress)") from problem
            time.sleep(patience.wait(failures, problem.wait))
