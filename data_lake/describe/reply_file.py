"""Read and write the file of a model's replies: JSON Lines, one line per picture, sorted.

Answers of a run under way are kept in a separate journal, which is merged into the file however the run ends. A recipe
pins the file, so the same file gives the same release; a build judges its sentences again.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import orjson

from medmultipoints.data_lake.store.durable_files import write_durably
from medmultipoints.transforms.descriptions.replies import Outcome
from medmultipoints.transforms.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply; ``key`` identifies the request: model, temperature, seed, prompt and picture."""

    image_sha256: str
    key: str
    model: str
    prompt_sha256: str
    temperature: float
    seed: int
    outcome: Outcome
    reply: str
    filled: int
    tokens_in: int
    tokens_out: int


def read_replies(path: Path) -> tuple[Reply, ...]:
    """Return the replies of a finished file; DataError names an invalid line or a repeated picture."""
    found = tuple(_lines(path))
    seen: set[str] = set()
    for number, one in enumerate(found, start=1):
        if one.image_sha256 in seen:
            raise DataError(f"{path.name}, line {number}: a second reply for image {one.image_sha256}. Remove one.")
        seen.add(one.image_sha256)
    return found


def _lines(path: Path) -> Iterator[Reply]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}. Give the file that `describe` wrote.") from error
    for number, line in enumerate(lines, start=1):
        try:
            yield _reply(orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError, ValueError, KeyError) as error:
            raise DataError(f"{path.name}, line {number}: not a reply ({error}). Write the file again.") from error


def _reply(content: Any) -> Reply:
    found = Reply(**content)
    wrong = [name for name in ("image_sha256", "key", "model", "prompt_sha256", "reply") if not _is_text(found, name)]
    if wrong or found.outcome not in get_args(Outcome) or not isinstance(found.temperature, int | float):
        raise ValueError(f"{(wrong or ['outcome or temperature'])[0]} is not as it is written")
    return found


def _is_text(reply: Reply, name: str) -> bool:
    return isinstance(getattr(reply, name), str)


def write_replies(path: Path, replies: Iterable[Reply]) -> None:
    """Write a finished file, sorted by picture, in one step."""
    ordered = sorted(replies, key=lambda one: one.image_sha256)
    write_durably(path, b"".join(_line(one) for one in ordered))


def _line(reply: Reply) -> bytes:
    return orjson.dumps(asdict(reply), option=orjson.OPT_APPEND_NEWLINE)


class Journal:
    """Journal of answers: each is on disk before the next is counted, so that an interrupted run can continue."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".part")
        self._lock = threading.Lock()

    def known(self, finished: Path) -> dict[str, Reply]:
        """Return all answers of the finished file and the journal, by key; a truncated last line is ignored."""
        found = {one.key: one for one in (read_replies(finished) if finished.is_file() else ())}
        if self.path.is_file():
            whole = self.path.read_bytes().rpartition(b"\n")[0]
            self.path.write_bytes(whole + b"\n" if whole else b"")
            found |= {one.key: one for one in _lines(self.path)}
        return found

    def add(self, reply: Reply) -> None:
        """Append an answer, from any thread, and wait until it is on disk."""
        with self._lock, self.path.open("ab") as file:
            file.write(_line(reply))
            file.flush()
            os.fsync(file.fileno())

    def merge(self, finished: Path, chosen: Mapping[str, Reply]) -> dict[str, Reply]:
        """Write all answers to the finished file, remove the journal, and return the answers by picture.

        Of several about one picture, that in ``chosen`` stays, or else the last.
        """
        found = {one.image_sha256: one for one in self.known(finished).values()} | dict(chosen)
        if found:
            write_replies(finished, found.values())
        self.path.unlink(missing_ok=True)
        return found
