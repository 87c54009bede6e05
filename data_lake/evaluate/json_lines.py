"""Read JSON Lines files of people and trainers: one object per line, with the fields that scoring needs."""

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from medmultipoints.transforms.errors import DataError, UsageError

MOST_DIGITS = 4300


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number (from 1) and content of each line; trailing blank lines and a byte order mark are skipped.

    DataError for an empty file, and for a line (by number) that is empty or not a JSON object.
    """
    for number, text in enumerate(_text_of(path).split(b"\n"), start=1):
        try:
            line = _parse(text)
        except ValueError as error:
            what = "is empty" if not text.strip() else f"is not JSON ({error})"
            raise DataError(f"{path.name}, line {number} {what}. Every line must be one JSON object.") from error
        if not isinstance(line, dict):
            raise DataError(f"{path.name}, line {number} is not a JSON object. Every line must be one.")
        yield number, line


def _parse(text: bytes) -> Any:
    """Return a line parsed as JSON or as Python's ``json.dumps`` writes it, with NaN and lone surrogates.

    Lone surrogates become replacement characters: such an answer is read, and scored as wrong.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _whole(json.loads(text, parse_int=_whole_number))


def _whole_number(text: str) -> int | float:
    """Return an integer; infinity if it has more digits than Python converts."""
    return int(text) if len(text) < MOST_DIGITS else float("inf")


def _whole(value: Any) -> Any:
    """Return the value with lone surrogates replaced, so that its texts can be written as UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return value


def _text_of(path: Path) -> bytes:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Give a JSON Lines file.") from error
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path.name} is written in UTF-16. Save it as UTF-8.")
    text = text.removeprefix(codecs.BOM_UTF8).rstrip()
    if not text:
        raise DataError(f"{path.name} is empty. Give a file with one JSON object a line.")
    if text.startswith(b"[") and text.endswith(b"]"):
        raise DataError(f"{path.name} is one JSON list. Give JSON Lines: one object a line.")
    return text


def refuse_repeats(path: Path, names: Sequence[tuple[str, str]]) -> None:
    """Raise DataError if a name occurs twice; ``names`` are pairs of name and place, empty names are ignored."""
    seen: dict[str, str] = {}
    for name, place in names:
        if name and name in seen:
            raise DataError(f"{path.name}: id {name} is in {seen[name]} and again in {place}. Keep one of them.")
        seen[name] = place


def name_of(line: Mapping[str, Any]) -> str:
    """Return the id of a line, a text or a number (including 0); empty without one."""
    stated = (line.get("instruction_id"), line.get("id"))
    return next((str(name) for name in stated if name not in (None, "")), "")


def images_of(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a line's images without folder and extension, in order; none if any image has no name."""
    listed = line.get("images") or line.get("image") or line.get("image_sha256")
    images = listed if isinstance(listed, list) else [listed]
    paths = [image.get("path") if isinstance(image, dict) else image for image in images]
    named = [image_name(path) for path in paths if path and isinstance(path, str)]
    return tuple(named) if len(named) == len(paths) else ()


def image_name(path: str) -> str:
    """Return the name of an image file without folder and extension."""
    return PurePosixPath(path).stem


def messages_of(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a line; an empty list if it has none in the usual form."""
    messages = line.get("messages")
    usual = isinstance(messages, list) and all(isinstance(message, dict) for message in messages)
    return list(messages or ()) if usual else []


def stated_answer(line: Mapping[str, Any]) -> object:
    """Return the true answer of a line: the value under ``gt``, else ``labels``, else the last assistant message.

    ``labels`` goes first because a predictions file repeats the model's response as the assistant message. None if all
    are missing.
    """
    if "gt" in line:
        return line["gt"]
    if isinstance(line.get("labels"), str):
        return line["labels"]
    answers = [message.get("content") for message in messages_of(line) if message.get("role") == "assistant"]
    return answers[-1] if answers else None
