"""Send one HTTP request over verified TLS and read what its response says of a file.

Certificates are verified with those of the operating system; nothing turns verification off. Plain http is allowed to
this machine only.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING, Literal

import orjson

from medmultipoints.data_lake.http.retries import Refused, Transient
from medmultipoints.transforms.errors import UsageError

if TYPE_CHECKING:  # importing it takes a tenth of a build with nothing to do
    import httpx2


HEADERS = {"User-Agent": "medmultipoints", "Accept-Encoding": "identity"}
MISSING = "where this system lacks a certificate of its chain, name a PEM file with the whole chain in SSL_CERT_FILE"


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag, Last-Modified and size in bytes of the whole file; None for what the server does not send."""

    etag: str | None = None
    last_modified: str | None = None
    bytes: int | None = None

    @property
    def if_range(self) -> str | None:
        """The If-Range value for this version: a strong ETag, else the last modification date."""
        return self.etag if self.etag and self.etag.startswith('"') else self.last_modified

    def __str__(self) -> str:
        size = None if self.bytes is None else f"{self.bytes:,} bytes"
        named = (self.etag and f"ETag {self.etag}", self.last_modified and f"last modified {self.last_modified}")
        return ", ".join(filter(None, (*named, size))) or "nothing"


@contextmanager
def request(
    url: str, headers: Mapping[str, str], timeout: float, method: Literal["GET", "HEAD"] = "GET"
) -> Iterator["httpx2.Response"]:
    """Provide a response with status 2xx or 416, after redirects; read its body inside the ``with`` block.

    Transient if a retry may help, Refused if not, UsageError for plain http to another host.
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
    """Raise Transient if a retry may help, Refused if not; return for 2xx and 416."""
    if may_pass(status):
        raise Transient(f"the server answers {status}", _asked_wait(retry_after))
    if not (200 <= status < 300 or status == 416):
        raise Refused(f"the server answers {status}")


def _asked_wait(retry_after: str) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date; None if it is neither."""
    if fullmatch(r"[0-9]{1,6}", retry_after):
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def may_pass(status: int) -> bool:
    """Return whether a failed request may succeed later."""
    return status in (408, 425, 429) or (status >= 500 and status != 501)


def content_range(response: "httpx2.Response") -> tuple[int | None, int] | None:
    """Return the first byte of a partial body (None if the range is empty) and the size of the whole file."""
    match = fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", response.headers.get("content-range", ""))
    return (int(match[1]) if match[1] else None, int(match[2])) if match else None


def validators_of(response: "httpx2.Response") -> Validators:
    """Return the ETag, date and size of the file version that the response is about."""
    found, stated = content_range(response), response.headers.get("content-length", "")
    size = found[1] if found else int(stated) if stated.isdecimal() else None
    return Validators(response.headers.get("etag"), response.headers.get("last-modified"), size)


def differing(old: Validators, new: Validators) -> bool | None:
    """Return whether two responses are about different bytes; None if they have no common validator.

    Dates count only if there is no ETag to compare; a different size always counts. Weak ETags are compared like strong
    ones, because proxies weaken them.
    """
    pairs = [(_opaque(old.etag), _opaque(new.etag)), (old.last_modified, new.last_modified)]
    known = [one != other for one, other in pairs if one and other][:1]
    if old.bytes is not None and new.bytes is not None:
        known.append(old.bytes != new.bytes)
    return any(known) if known else None


def _opaque(etag: str | None) -> str | None:
    return etag and etag.removeprefix("W/")


def note_of(file: Path) -> Path:
    """Return the path of the note about a file, finished or not."""
    return file.with_name(f".{file.name}.server.json")


def write_note(file: Path, url: str, validators: Validators) -> None:
    """Save the server's validators of a file."""
    note_of(file).write_bytes(orjson.dumps({"url": url, **asdict(validators)}))


def read_note(file: Path, url: str) -> Validators:
    """Return the validators of a file; empty if the note is missing, damaged or about another address."""
    try:
        stated = orjson.loads(note_of(file).read_bytes())
        return Validators(**stated) if stated.pop("url") == url else Validators()
    except (FileNotFoundError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return Validators()
