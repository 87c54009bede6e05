"""Check whether downloaded files are still current at their servers: one small request per file.

Builds are pinned to accepted hashes, so no release depends on this; it informs a curator.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson

from medmultipoints.data_lake.catalogue import Archive, RemoteMember, SourceInfo
from medmultipoints.data_lake.fetch.download import by_hand
from medmultipoints.data_lake.http.request import Validators, differing, read_note, request, validators_of
from medmultipoints.data_lake.http.retries import Refused, RetryPolicy, persist
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.data_lake.store.temporary import write_durably
from medmultipoints.transforms.errors import MachineError, PipelineError

Verdict = Literal["unchanged", "changed", "unknown", "not reachable", "given locally"]
BRIEF = RetryPolicy(attempts=2, first_wait=1, longest_wait=5, timeout=10)
AT_ONCE = 8
ANSWERS = ".asked.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """The state of one file at its server; ``file`` is empty for a source that was given locally."""

    source: str
    file: str
    verdict: Verdict
    detail: str

    def sentence(self) -> str:
        """Return the state in one line."""
        return f"{' '.join(filter(None, (self.source, self.file)))}: {self.verdict}: {self.detail}"


def ask_servers(
    sources: Iterable[SourceInfo], given: Mapping[str, str], landing: Path, policy: RetryPolicy = BRIEF
) -> list[Answer]:
    """Return one answer per downloaded file, in source order; sources in ``given`` are not asked for."""
    chosen = list(sources)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {
            info.name: [pool.submit(_answer, info, file, landing / info.name, policy) for file in info.downloads]
            for info in chosen
            if info.name not in given
        }
    local = {name: [Answer(name, "", "given locally", f"{path} is used")] for name, path in given.items()}
    found = {name: [future.result() for future in futures] for name, futures in asked.items()}
    return [answer for info in chosen for answer in (local | found)[info.name]]


def _answer(info: SourceInfo, file: Archive | RemoteMember, landing: Path, policy: RetryPolicy) -> Answer:
    path = landing / file.name
    known = _known(file, path)
    try:
        today = persist(lambda: ask(file.url, policy.timeout), policy, MachineError)
    except PipelineError as error:
        return Answer(info.name, file.name, "not reachable", f"{file.url}: {error}. The file in the lake is used")
    match differing(known, today):
        case None:
            detail = f"the server says {today}; at the download {known} was known: nothing to compare"
            return Answer(info.name, file.name, "unknown", detail)
        case False:
            return Answer(info.name, file.name, "unchanged", f"{today}")
    remote = file.url.partition("?")[0].rpartition("/")[2] or file.name
    detail = (
        f"it was {known}; it is {today}. Builds go on with the file in the lake. To take the new one: download it "
        f"({by_hand(file.url, remote)}), check it, add the sha256 of {file.name} to the TOML file of {info.name}, "
        f"remove {path} and run `medmultipoints fetch {info.name}`."
    )
    return Answer(info.name, file.name, "changed", detail)


def _known(file: Archive | RemoteMember, path: Path) -> Validators:
    """Return the validators of the downloaded version: its note, unless that is about a file of another size."""
    note = read_note(path, file.url)
    if isinstance(file, RemoteMember):
        return note
    size = path.stat().st_size
    return replace(note, bytes=size) if note.bytes in (None, size) else Validators(bytes=size)


def ask(url: str, timeout: float) -> Validators:
    """Return the server's validators of the file now, by HEAD, or by a GET of one byte if HEAD is refused."""
    with suppress(Refused), request(url, {}, timeout, "HEAD") as response:
        return validators_of(response)
    with request(url, {"Range": "bytes=0-0"}, timeout) as response:
        return validators_of(response)


def keep_answers(lake: Lake, answers: Iterable[Answer]) -> None:
    """Save the latest answers about each downloaded source in its landing folder."""
    asked = datetime.now(UTC).isoformat(timespec="seconds")
    by_source: dict[str, list[dict[str, str]]] = {}
    for answer in answers:
        if answer.file:
            by_source.setdefault(answer.source, []).append({"asked": asked, **asdict(answer)})
    for source, rows in by_source.items():
        write_durably(lake.landing / source / ANSWERS, orjson.dumps(rows))


def read_answers(lake: Lake) -> list[dict[str, str]]:
    """Return the latest answers about each downloaded file, with the time of the request; skip damaged ones."""
    found: list[dict[str, str]] = []
    for path in sorted(lake.landing.glob(f"*/{ANSWERS}")):
        with suppress(orjson.JSONDecodeError):
            answers = orjson.loads(path.read_bytes())
            found += [answer for answer in answers if isinstance(answer, dict)] if isinstance(answers, list) else []
    return found
