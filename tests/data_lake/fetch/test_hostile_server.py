"""200 downloads from a server that answers anything: the accepted bytes come, or a named error, and no other file."""

import hashlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from medmultipoints.data_lake.catalogue import Archive
from medmultipoints.data_lake.fetch.download import fetch_file
from medmultipoints.data_lake.http.retries import RetryPolicy
from medmultipoints.transforms.errors import DataError, MachineError

CONTENT = random.Random(7).randbytes(40_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = RetryPolicy(attempts=3, first_wait=0.001, timeout=0.5)
DOWNLOADS, MOST_SECONDS = 200, 30.0

Answer = Callable[[int, random.Random], bytes]


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1") + body


def sized(body: bytes, *more: str, status: str = "200 OK") -> bytes:
    return reply(body, f"Content-Length: {len(body)}", *more, status=status)


ANSWERS: dict[str, Answer] = {
    "the whole": lambda start, _: sized(CONTENT, 'ETag: "a"'),
    "the rest": lambda start, _: sized(
        CONTENT[start:], f"Content-Range: bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}", 'ETag: "a"',
        status="206 Partial Content",
    ),
    "half of it": lambda start, _: reply(CONTENT[: len(CONTENT) // 2], f"Content-Length: {len(CONTENT)}", 'ETag: "a"'),
    "nothing": lambda start, _: b"",
    "no HTTP": lambda start, chance: chance.randbytes(300),
    "a status line alone": lambda start, _: b"HTTP/1.1 200",
    "an odd status": lambda start, chance: reply(b"", status=f"{chance.choice([99, 299, 600, 999, 'abc'])} Odd"),
    "busy": lambda start, _: sized(b"", "Retry-After: 0", status="503 Busy"),
    "a negative size": lambda start, _: reply(CONTENT, "Content-Length: -5"),
    "two sizes": lambda start, _: reply(CONTENT, "Content-Length: 5", f"Content-Length: {len(CONTENT)}"),
    "a size of letters": lambda start, _: reply(CONTENT, "Content-Length: many"),
    "more than stated": lambda start, _: reply(CONTENT * 2, f"Content-Length: {len(CONTENT)}"),
    "another range": lambda start, _: sized(
        CONTENT[:100], f"Content-Range: bytes 0-99/{len(CONTENT)}", 'ETag: "a"', status="206 Partial Content"
    ),
    "a range beyond the end": lambda start, _: sized(
        b"x" * 10, "Content-Range: bytes 999999-1000008/1000009", status="206 Partial Content"
    ),
    "a range of letters": lambda start, _: sized(b"x", "Content-Range: bytes a-b/c", status="206 Partial Content"),
    "no such range": lambda start, _: sized(b"", "Content-Range: bytes */3", status="416 Range Not Satisfiable"),
    "damaged chunks": lambda start, _: reply(b"zz\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "chunks without an end": lambda start, _: reply(b"5\r\nabcde\r\n", "Transfer-Encoding: chunked"),
    "a packed body": lambda start, _: sized(b"\x1f\x8bnothing", "Content-Encoding: gzip"),
    "a loop": lambda start, _: sized(b"", "Location: /set.zip", status="302 Found"),
    "a way to a file": lambda start, _: sized(b"", "Location: file:///etc/passwd", status="302 Found"),
    "a way to nowhere": lambda start, _: sized(b"", "Location: http://[::bad", status="302 Found"),
    "thousands of headers": lambda start, _: reply(b"", *(f"X-{number}: {'y' * 50}" for number in range(3000))),
    "escapes in a header": lambda start, _: sized(CONTENT[::-1], 'ETag: "\x1b[2J"'),
    "another file": lambda start, _: sized(CONTENT[::-1], 'ETag: "b"'),
}  # fmt: skip


@contextmanager
def serving(seed: int) -> Iterator[str]:
    """A server on the loopback interface whose every answer is drawn; it gives the address of the file."""
    chance = random.Random(seed)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=answer_all, args=(listening, chance), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/set.zip"
        listening.shutdown(socket.SHUT_RDWR)


def answer_all(listening: socket.socket, chance: random.Random) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.settimeout(1)
                connection.sendall(ANSWERS[chance.choice(sorted(ANSWERS))](asked_from(connection.recv(65536)), chance))
                connection.shutdown(socket.SHUT_WR)


def asked_from(request: bytes) -> int:
    """The first byte of the range that a request asks for."""
    for line in request.decode("latin-1").split("\r\n"):
        if line.lower().startswith("range: bytes="):
            return int(line.partition("=")[2].partition("-")[0] or 0)
    return 0


def refusal(file: Archive, folder: Path) -> str | None:
    """The message of a download that ends in a named error."""
    try:
        fetch_file(file, folder, source="ours", policy=QUICK)
    except (DataError, MachineError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("stated", [True, False], ids=["stated size", "unknown size"])
def test_only_accepted_bytes_get_the_name(tmp_path: Path, stated: bool) -> None:
    came, refused = 0, 0
    for seed in range(DOWNLOADS // 2):
        folder, start = tmp_path / str(seed), time.perf_counter()
        with serving(1000 * stated + seed) as url:
            size = {"bytes": len(CONTENT)} if stated else {}
            file = Archive.model_validate({"name": "set.zip", "url": url, "sha256": [SHA256], **size})
            message = refusal(file, folder)
            came, refused = came + (message is None), refused + (message is not None)
            if message is None:
                assert (folder / "set.zip").read_bytes() == CONTENT
            else:
                assert not (folder / "set.zip").exists()
                assert "\x1b" not in message
                assert len(message) < 2000
        assert time.perf_counter() - start < MOST_SECONDS
        others = {path.name for path in folder.iterdir()} - {"set.zip"}
        assert all(name.startswith(".set.zip") for name in others), others
    assert came + refused == DOWNLOADS // 2
    assert min(came, refused) > 0
