"""Read JSON from untrusted files: small documents at once, large ones streamed."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import ijson
import orjson

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.sources.annotated import Files
from medmultipoints.transforms.sources.reading.records.json_stream import JsonStream, Kind

WHOLE_BYTES: Final = 64 << 20
"""Greatest size of documents parsed at once; larger ones are streamed."""


def parse_json(data: bytes, name: str) -> Any:
    """Return the value of a JSON document, ignoring a byte order mark.

    Accepts NaN and Infinity, which Python writes although JSON lacks them. Raises MemberProblem ``json_damaged``, or
    ``json_key_repeated`` for a repeated key in an object, of which parsers drop one value.
    """
    bare = data.removeprefix(b"\xef\xbb\xbf")
    try:
        value = _parse(bare, name)
        json.loads(bare, object_pairs_hook=partial(_check_keys, name), parse_int=str, parse_float=str)
    except MemberProblem:
        raise
    except (ValueError, RecursionError) as error:
        raise _damaged(name, error) from error
    return value


def _parse(bare: bytes, name: str) -> Any:
    try:
        return orjson.loads(bare)
    except orjson.JSONDecodeError as error:
        if b"NaN" in bare or b"Infinity" in bare:
            return json.loads(bare)
        raise _damaged(name, error) from error


def _check_keys(name: str, pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise MemberProblem("json_key_repeated", f"{name}: one object has the key {show(repeated)} twice. Keep one")


def _damaged(name: str, error: Exception) -> MemberProblem:
    return MemberProblem("json_damaged", f"{name} is not JSON: {error}")


class JsonDocument:
    """A JSON object whose top-level lists and tables are read one at a time, in bounded memory."""

    def __init__(self, files: Files, name: str) -> None:
        """Read a small document at once, or locate the lists and tables of a large one in one pass."""
        self._files, self.name = files, name
        with files.open(name) as stream:
            start = stream.read(WHOLE_BYTES + 1)
        self._value = parse_json(start, name) if len(start) <= WHOLE_BYTES else None
        self._sections: dict[str, tuple[Kind, int]] = {}
        if self._value is None:
            try:
                with files.open(name) as stream:
                    self._sections = {key: (kind, place) for key, kind, place in JsonStream(stream).sections()}
            except ValueError as error:
                raise _damaged(name, error) from error

    def items(self, key: str) -> Iterator[Any]:
        """Yield the items of the top-level list, or the values of the table, ``key``; nothing if it is missing."""
        if self._value is not None:
            held = self._value.get(key) if isinstance(self._value, dict) else None
            yield from held if isinstance(held, list) else held.values() if isinstance(held, dict) else ()
        elif key in self._sections:
            kind, place = self._sections[key]
            with self._files.open(self.name) as stream:
                yield from JsonStream(stream, place).items(kind)


def first_item(files: Files, name: str, key: str) -> Any:
    """Return the first item of the top-level list ``key`` without reading further, or None."""
    try:
        with files.open(name) as stream:
            return next(ijson.items(stream, f"{key}.item", use_float=True), None)
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        raise _damaged(name, error) from error


def show(value: Any, limit: int = 80) -> str:
    """Return a JSON value for a message, in ASCII, cut to ``limit`` characters."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= limit else f"{text[:limit]}…"


def stream_tasks(files: Files, name: str) -> Iterator[Any]:
    """Yield the items of a JSON list; large documents are streamed."""
    with files.open(name) as stream:
        start = stream.read(WHOLE_BYTES + 1)
    if len(start) <= WHOLE_BYTES:
        held = parse_json(start, name)
        yield from held if isinstance(held, list) else ()
        return
    try:
        with files.open(name) as stream:
            yield from ijson.items(stream, "item", use_float=True)
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        raise _damaged(name, error) from error
