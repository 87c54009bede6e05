"""Whether the files that were downloaded are still what their servers have: one small request a file.

Builds are pinned to accepted hashes, so that nothing of this reaches a release; it is news for a curator.
"""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson

from medmultipoints.data_lake.catalogue import Archive, RemoteMember, SourceInfo
from medmultipoints.data_lake.fetch import curl
from medmultipoints.data_lake.fetch.http_response import CertificateRefused, Refused
from medmultipoints.data_lake.fetch.transport import Patience, persist, request
from medmultipoints.data_lake.fetch.validators import Validators, differing, note_of, read_note
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.objects import temporary_file
from medmultipoints.transforms.errors import MachineError, PipelineError

Verdict = Literal["unchanged", "changed", "unknown", "not reachable", "given locally"]
BRIEF = Patience(attempts=2, first_wait=1, longest_wait=5, timeout=10)
AT_ONCE = 8
ANSWERS = ".asked.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one file of a source at its server; ``file`` is empty for a source that was given locally."""

    source: str
    file: str
    verdict: Verdict
    detail: str

    def sentence(self) -> str:
        """The same in one line."""
        return f"{' '.join(filter(None, (self.source, self.file)))}: {self.verdict}: {self.detail}"


def ask_servers(
    sources: Iterable[SourceInfo], given: Mapping[str, str], landing: Path, patience: Patience = BRIEF
) -> list[Answer]:
    """One answer for each downloaded file, in the order of the sources; those in ``given`` are not asked for."""
    chosen = list(sources)
    asked = [(info, file) for info in chosen if info.name not in given for file in info.downloads]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(
            pool.map(lambda one: _answer(one[0], one[1], landing / one[0].name / one[1].name, patience), asked)
        )
    local = [Answer(one.name, "", "given locally", f"{given[one.name]} is used") for one in chosen if one.name in given]
    order = [info.name for info in chosen]
    return sorted(local + found, key=lambda answer: order.index(answer.source))


def _answer(info: SourceInfo, file: Archive | RemoteMember, path: Path, patience: Patience) -> Answer:
    known = _known(file, path)
    try:
        today = persist(lambda: ask(file.url, patience.timeout), lambda: 0, patience, MachineError)
    except PipelineError as error:
        return Answer(info.name, file.name, "not reachable", f"{file.url}: {error}. The file in the lake is used")
    match differing(known, today):
        case None:
            said = f"the server says {today}; at the download {known} was known: nothing to compare"
            return Answer(info.name, file.name, "unknown", said)
        case False:
            return Answer(info.name, file.name, "unchanged", f"{today}")
    return Answer(info.name, file.name, "changed", f"it was {known}; it is {today}. {_remedy(info, file, path)}")


def _known(file: Archive | RemoteMember, path: Path) -> Validators:
    """What is known of the downloaded version: the note, unless it is about a file of another size."""
    note = read_note(note_of(path), file.url) or Validators()
    if isinstance(file, RemoteMember):
        return note
    size = path.stat().st_size
    return replace(note, bytes=size) if note.bytes in (None, size) else Validators(bytes=size)


def ask(url: str, timeout: float) -> Validators:
    """What the server says of the file now, by HEAD; where it refuses that, by a GET of one byte.

    Errors as in ``data_lake.fetch.transport.request``.
    """
    try:
        with request(url, {}, timeout, "HEAD") as reply:
            return reply.validators
    except CertificateRefused:
        raise
    except Refused:
        with request(url, {"Range": "bytes=0-0"}, timeout) as reply:
            return reply.validators


def _remedy(info: SourceInfo, file: Archive | RemoteMember, path: Path) -> str:
    remote = file.url.partition("?")[0].rpartition("/")[2] or file.name
    return (
        f"Builds go on with the file in the lake. To take the new one: download it ({curl.by_hand(file.url, remote)}), "
        f"check it, add the sha256 of {file.name} to the TOML file of {info.name}, remove {path} and run "
        f"`medmultipoints fetch {info.name}`."
    )


def keep_answers(lake: Lake, answers: Iterable[Answer]) -> None:
    """Keep the last answers about each downloaded source in its landing folder."""
    asked = datetime.now(UTC).isoformat(timespec="seconds")
    downloaded = [answer for answer in answers if answer.file]
    for source in sorted({answer.source for answer in downloaded}):
        kept = [{"asked": asked, **asdict(answer)} for answer in downloaded if answer.source == source]
        with temporary_file(lake) as path:
            path.write_bytes(orjson.dumps(kept))
            os.replace(path, lake.landing / source / ANSWERS)


def read_answers(lake: Lake) -> list[dict[str, str]]:
    """The last answers about each downloaded file, with the time when it was asked; damaged ones are left out."""
    found: list[dict[str, str]] = []
    for path in sorted(lake.landing.glob(f"*/{ANSWERS}")):
        with suppress(orjson.JSONDecodeError):
            answers = orjson.loads(path.read_bytes())
            found += [answer for answer in answers if isinstance(answer, dict)] if isinstance(answers, list) else []
    return found
