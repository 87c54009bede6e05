"""Read and write the file of a model's replies: JSON Lines, one line per picture, sorted.

Answers of a run under way are kept in a separate journal, which is merged into the file however the run ends. A recipe
pins the file, so the same file gives the same release; a build judges its sentences again.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from medmultipoints.data_lake.store.temporary import write_durably
from medmultipoints.transforms.descriptions.replies import Outcome
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.problems import Sha256, first_problem


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Reply:
    """One reply; ``key`` identifies the request: model, temperature, seed, prompt and picture."""

    image_sha256: Sha256
    key: Sha256
    model: Annotated[str, Field(min_length=1)]
    prompt_sha256: Sha256
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
    seed: Annotated[int, Field(ge=0)]
    outcome: Outcome
    reply: str
    filled: Annotated[int, Field(ge=0)]
    tokens_in: Annotated[int, Field(ge=0)]
    tokens_out: Annotated[int, Field(ge=0)]


_REPLY: Final = TypeAdapter(Reply)


def read_replies(path: Path, where: str = "") -> tuple[Reply, ...]:
    """Return the replies of a finished file; DataError names an invalid line or a repeated picture.

    ``where``: how errors call the file, if not by its path.
    """
    found, lines = [], dict[str, int]()
    for number, one in enumerate(_lines(path, where), start=1):
        first = lines.setdefault(one.image_sha256, number)
        if first != number:
            raise DataError(
                f"{where or path}, line {number}: a second reply for image {one.image_sha256}; the first is in line "
                f"{first}. Remove one."
            )
        found.append(one)
    return tuple(found)


def _lines(path: Path, where: str = "") -> Iterator[Reply]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(
            f"{where or path}: cannot be read: {error.strerror}. Give the file that `describe` wrote."
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            yield _REPLY.validate_json(line)
        except ValidationError as error:
            raise DataError(
                f"{where or path}, line {number}: {first_problem(error, BaseModel)}. Remove the line, or write the "
                "file again with `medmultipoints describe`."
            ) from error


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
