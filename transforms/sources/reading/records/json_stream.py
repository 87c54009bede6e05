"""Stream the top-level lists and tables of a JSON object of any size, item by item, in bounded memory.

Items are parsed in runs of whole items that end at a closing brace; a run cut inside an item or a text fails to parse,
and a shorter one is tried. So a pass costs little more than parsing.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, Literal

import orjson

CHUNK: Final = 1 << 20
_MOST: Final = 256 << 20
"""Greatest length of an item in bytes; a longer one is damage."""
_TRIES: Final = 64
_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PLAIN: Final = re.compile(rb'[^\s,\]}"\[{]+')
_BLANK: Final = re.compile(rb"[\s,]*")
_SPACE: Final = re.compile(rb"[\s]*")

Kind = Literal["list", "table"]


class StreamDamage(ValueError):
    """Raised if the text is not JSON from some offset on."""


class JsonStream:
    """One pass over a stream: ``sections`` locates the top-level lists and tables, ``items`` yields those of one."""

    def __init__(self, stream: BinaryIO, offset: int = 0) -> None:
        """Begin at a byte offset of the stream."""
        self._stream = stream
        self._held = b""
        self._at = 0
        self._before = offset
        if offset:
            stream.seek(offset)

    @property
    def offset(self) -> int:
        """Return the current byte offset in the stream."""
        return self._before + self._at

    def sections(self) -> Iterator[tuple[str, Kind, int]]:
        """Yield the key, kind and byte offset of each top-level list and table, skipping its content."""
        self._skip(_SPACE)
        if self._peek() == b"\xef":
            self._at += 3
            self._skip(_SPACE)
        self._expect(b"{")
        while True:
            self._skip(_BLANK)
            if self._peek() == b"}":
                return
            key = str(json.loads(self._match(_TEXT)))
            self._skip(_SPACE)
            self._expect(b":")
            self._skip(_SPACE)
            first = self._peek()
            if first in (b"[", b"{"):
                self._at += 1
                kind: Kind = "list" if first == b"[" else "table"
                yield key, kind, self.offset
                for _ in self.items(kind):
                    pass
            else:
                self._match(_TEXT if first == b'"' else _PLAIN)

    def items(self, kind: Kind) -> Iterator[Any]:
        """Yield the items of the list, or the values of the table, that begins at the current offset."""
        opens, closes = (b"[", b"]") if kind == "list" else (b"{", b"}")
        want = CHUNK
        while True:
            self._skip(_BLANK)
            self._fill(want)
            if self._peek() == closes:
                self._at += 1
                return
            run = self._run(opens, closes)
            if run is None:
                if want > _MOST or len(self._held) - self._at < want:
                    raise StreamDamage(f"what begins at byte {self.offset} does not end")
                want *= 4
                continue
            values, ended = run
            yield from values if kind == "list" else values.values()
            if ended:
                return
            want = CHUNK

    def _run(self, opens: bytes, closes: bytes) -> tuple[Any, bool] | None:
        """Return the buffered whole items, and whether the section ends with them; None if no item is whole."""
        end = len(self._held)
        for _ in range(_TRIES):
            end = self._held.rfind(b"}", self._at, end) + 1
            if end <= self._at:
                break
            run = self._held[self._at : end]
            try:
                values = _loads(opens + run + closes)
            except orjson.JSONDecodeError as error:
                if (whole := self._whole(opens, error)) is not None:
                    return whole, True
                end -= 1
                continue
            self._at = end
            return values, False
        close = self._held.find(closes, self._at)
        if close >= 0 and b"{" not in self._held[self._at : close]:  # a short list of texts or numbers
            try:
                values = _loads(opens + self._held[self._at : close] + closes)
            except orjson.JSONDecodeError:
                return None
            self._at = close + 1
            return values, True
        return None

    def _whole(self, opens: bytes, error: orjson.JSONDecodeError) -> Any:
        """Return the items before a parser error if the section ends there, else None."""
        part = error.doc[: error.pos].encode() if isinstance(error.doc, str) else error.doc[: error.pos]
        try:
            values = _loads(part)
        except orjson.JSONDecodeError:
            return None
        self._at += len(part) - len(opens)
        return values

    def _fill(self, count: int) -> None:
        """Buffer at least ``count`` bytes, or all remaining ones."""
        while len(self._held) - self._at < count and (more := self._stream.read(max(CHUNK, count))):
            self._before += self._at
            self._held, self._at = self._held[self._at :] + more, 0

    def _peek(self) -> bytes:
        self._fill(1)
        return self._held[self._at : self._at + 1]

    def _skip(self, blank: re.Pattern[bytes]) -> None:
        while True:
            self._fill(1)
            found = blank.match(self._held, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._held) or not self._peek():
                return

    def _expect(self, character: bytes) -> None:
        if self._peek() != character:
            raise StreamDamage(f"{character.decode()} is missing at byte {self.offset}")
        self._at += 1

    def _match(self, pattern: re.Pattern[bytes]) -> bytes:
        self._fill(CHUNK)
        found = pattern.match(self._held, self._at)
        if found is None:
            raise StreamDamage(f"no text or number at byte {self.offset}")
        self._at = found.end()
        return found[0]


def _loads(data: bytes) -> Any:
    """Return the value of a JSON text, accepting NaN and Infinity."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if b"NaN" not in data and b"Infinity" not in data:
            raise
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            pass
        raise
