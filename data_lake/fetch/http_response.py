"""What comes back from a server, or does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from re import fullmatch
from typing import Literal

from medmultipoints.data_lake.fetch.validators import Validators

Method = Literal["GET", "HEAD"]


@dataclass(frozen=True, slots=True)
class Reply:
    """The status, the headers under lower-case names, and the body, still to be read."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]

    @property
    def validators(self) -> Validators:
        """What names this version of the file."""
        size = self.content_range[1] if self.content_range else self.length
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"), size)

    @property
    def length(self) -> int | None:
        """The number of bytes of the body, if the server says."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isdigit() else None

    @property
    def content_range(self) -> tuple[int, int] | None:
        """The first byte that a partial reply holds and the size of the whole file."""
        match = fullmatch(r"bytes (\d+)-\d+/(\d+)", self.headers.get("content-range", ""))
        return (int(match[1]), int(match[2])) if match else None

    @property
    def unsatisfied_size(self) -> int | None:
        """The size of the whole file, as a reply says that has no bytes in the asked range."""
        match = fullmatch(r"bytes \*/(\d+)", self.headers.get("content-range", ""))
        return int(match[1]) if match else None


class Transient(Exception):
    """Asking again may help; ``wait`` is the number of seconds that the server asks for."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        self.wait = wait
        super().__init__(problem)


class Refused(Exception):
    """The server will not give the file, however often it is asked."""


class CertificateRefused(Refused):
    """The server's certificate cannot be verified."""
